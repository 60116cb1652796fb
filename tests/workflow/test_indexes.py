"""What an index that exists tells before the first job: labels that a prior cannot take."""

import json
import os
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ddpg.datasets.index import Row, write_index
from ddpg.errors import UserError
from ddpg.jobs.resources import Survey
from ddpg.study.study import Study
from ddpg.workflow.indexes import check_indexes

INDEX = Path("results/s/images/mine/index.tsv")
ARCHITECTURE = {
    "kind": "adm_unet", "image_size": 64, "channels": 32, "multipliers": [1, 2], "blocks": 1,
    "attention_resolutions": [32], "num_heads": 4, "num_classes": 10,
}  # fmt: skip


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two pictures of which the card knows the number alone, and a prior of ten classes."""
    monkeypatch.chdir(tmp_path)
    card = {"name": "mine", "source": {"folder": "x"}, "images": {"count": 2}}
    Path("mine.yaml").write_text(yaml.safe_dump(card))
    prior = {
        "name": "own", "architecture": ARCHITECTURE, "schedule": {"kind": "linear"},
        "weights": {"file": "w.pt", "random_seed": 0}, "label": "dataset",
    }  # fmt: skip
    Path("own.yaml").write_text(yaml.safe_dump(prior))
    Path("s.tsv").write_text(
        "dataset\ttask\tsigma_y\tmethod\nmine\tdenoising\t0.1\tpinv\nmine\tdenoising\t0.1\tddpg\n"
    )
    entry = {"card": "mine.yaml", "image_size": 64, "prior": "own.yaml"}
    config = {"name": "s", "experiments": "s.tsv", "datasets": [entry], "metrics": ["psnr"]}
    return Study(config)


def surveyed(study, *labels):
    """The index of a survey of such labels, with Snakemake's record of it."""
    rows = [Row(f"p{k}", f"p{k}.png", "0" * 64, 9, 9, label) for k, label in enumerate(labels)]
    write_index(rows, INDEX)
    record = Path(".snakemake/metadata", urlsafe_b64encode(str(INDEX).encode()).decode())
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"params": [repr(Survey.planned(study, "mine"))]}))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((3, None), "s.tsv, line 3: dataset: the prior own needs .*, but 1 of 2 .* no label, p1"),
        ((3, 10), r"s.tsv, line 3: dataset: the prior own has the classes 0 to 9, but 1 of 2"),
    ],
)
def test_labels_of_an_index_are_checked(study, labels, expected):
    surveyed(study, *labels)
    with pytest.raises(UserError, match=expected):
        check_indexes(study)


def test_right_labels_and_no_index_pass(study):
    check_indexes(study)
    surveyed(study, 0, 9)
    check_indexes(study)


def test_a_stale_index_says_nothing(study):
    surveyed(study, 3, None)
    fetched = Path("resources/datasets/mine.json")
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    os.utime(INDEX, (1, 1))
    check_indexes(study)  # fetched anew since
    fetched.unlink()
    for record in Path(".snakemake/metadata").iterdir():
        record.write_text(json.dumps({"params": ["of another card"]}))
    check_indexes(study)


def test_a_damaged_index_is_left_to_its_job(study):
    surveyed(study, 3, None)
    INDEX.write_text("no index\n")
    check_indexes(study)


def test_an_index_is_not_read_where_no_label_is_needed(study, monkeypatch):
    surveyed(study, 3, None)
    prior = study.prior_of(study.experiments[0])
    asks_for_none = prior.card.model_copy(update={"label": None})
    monkeypatch.setattr(study, "prior_of", lambda _row: replace(prior, card=asks_for_none))
    monkeypatch.setattr("ddpg.workflow.indexes.read_index", lambda _: pytest.fail("was read"))
    check_indexes(study)
