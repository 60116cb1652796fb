"""Studies side by side in one folder: found by name, and kept out of each other's places."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.jobs.resources import Conversion, DatasetFetching
from ddpg.study.study import Study
from ddpg.workflow.naming import layers_of, results_of, study_of
from ddpg.workflow.sharing import check_shared


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three configurations, one of which cannot be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    for file, name in (("config", "default"), ("quick", "fast")):
        (tmp_path / f"config/{file}.yaml").write_text(f"name: {name}\n")
    (tmp_path / "config/broken.yaml").write_text("name: [\n")
    (tmp_path / "config/checksums.yaml").write_text("a: b\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("study", "layers"),
    [
        ("default", []),
        ("config/config.yaml", []),
        ("fast", ["config/quick.yaml"]),
        ("config/quick.yaml", ["config/quick.yaml"]),
    ],
)
def test_a_study_is_found_by_name_or_file(study: str, layers: list[str]) -> None:
    assert layers_of(study) == layers


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("study", "words"),
    [
        ("slow", "no configuration in config has the name 'slow'; there are default, fast"),
        ("config/none.yaml", "config/none.yaml: no such file"),
    ],
)
def test_an_unknown_study_is_told_with_those_that_there_are(study: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        layers_of(study)


def test_a_name_that_two_files_have_is_refused(folder: Path) -> None:
    (folder / "config/again.yaml").write_text("name: fast\n")
    with pytest.raises(UserError, match=r"'fast' is the name in config/again.yaml, config/quick"):
        layers_of("fast")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("targets", "layers"),
    [
        (["results/fast/metrics.csv"], ["config/quick.yaml"]),
        (["results/default/metrics.csv"], []),
        (["results/unknown/metrics.csv"], []),
        (["results/fast/metrics.csv", "results/default/metrics.csv"], []),
        (["results/fast"], []),
        ([], []),
    ],
)
def test_the_place_of_a_file_tells_its_study(targets: list[str], layers: list[str]) -> None:
    assert study_of(targets) == layers


def test_the_name_of_a_study_stands_for_its_results(folder: Path) -> None:
    (folder / "results/fast").mkdir(parents=True)
    assert results_of("fast") == "results/fast"
    assert results_of("slow") == "slow"
    (folder / "fast").mkdir()  # what is there as it is written comes first
    assert results_of("fast") == "fast"


# --- cards of the same name -----------------------------------------------------------------------

NETWORK = {
    "architecture": {"kind": "ddpm_unet", "image_size": 32, "channels": 32, "multipliers": [1]},
    "schedule": {"kind": "linear"},
}
NETWORK["architecture"] |= {"blocks": 1, "attention_resolutions": []}


def study_of_cards(prefix: str, seed: int, archive: str, crop: str = "center") -> Study:
    """A study whose data set and prior are called ``mine``, from cards of its own."""
    Path(f"{prefix}-prior.yaml").write_text(
        yaml.safe_dump(
            {"name": "mine", "weights": {"file": "m.pt", "random_seed": seed}, **NETWORK}
        )
    )
    card = {"name": "mine", "source": {"archive": archive}, "images": {"count": 2}, "crop": crop}
    Path(f"{prefix}.yaml").write_text(yaml.safe_dump(card))
    Path("sheet.tsv").write_text(
        "dataset\ttask\tsigma_y\tmethod\tsteps\nmine\tdenoising\t0.1\tddpg\t2\n"
    )
    entry = {"card": f"{prefix}.yaml", "prior": f"{prefix}-prior.yaml", "image_size": 32}
    content = {"name": prefix, "experiments": "sheet.tsv", "datasets": [entry], "metrics": ["psnr"]}
    return Study(content)


def record(output: str, spec: object) -> None:
    """What Snakemake writes down of a job."""
    path = Path(".snakemake/metadata", urlsafe_b64encode(output.encode()).decode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"params": [" --another parameter", repr(spec)]}))


def fetched_by(study: Study) -> None:
    record("resources/datasets/mine.json", dict(DatasetFetching.planned(study, "mine")))
    spec = dict(Conversion.planned(study, "mine", "weights"))
    record("resources/priors/mine/weights.float32.safetensors", spec)


@pytest.fixture
def first(folder: Path) -> Study:  # noqa: ARG001
    """A study that has fetched its data set and converted its checkpoint."""
    study = study_of_cards("first", 0, "a.zip")
    fetched_by(study)
    return study


def test_a_study_keeps_what_it_has_fetched(first: Study) -> None:
    check_shared(first)


@pytest.mark.usefixtures("first")
def test_cards_of_one_name_never_take_each_others_place() -> None:
    second = study_of_cards("second", 1, "b.zip")
    with pytest.raises(UserError) as raised:
        check_shared(second)
    assert str(raised.value).splitlines() == [
        "config.yaml: datasets: resources/datasets/mine was made from first.yaml, and second.yaml "
        "is another data set named 'mine'; give one of the cards another name",
        "config.yaml: datasets: resources/priors/mine/weights.float32.safetensors was made from "
        "first-prior.yaml, and second-prior.yaml is another prior named 'mine'; give one of the "
        "cards another name",
    ]


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    "free",
    [Path.unlink, lambda path: path.write_text(path.read_text().replace("name: mine", "name: b"))],
    ids=["gone", "renamed"],
)
def test_a_card_that_is_gone_or_renamed_holds_no_place(
    free: Callable[[Path], object],
) -> None:
    second = study_of_cards("second", 1, "b.zip")
    for name in ("first.yaml", "first-prior.yaml"):
        free(Path(name))
    check_shared(second)


@pytest.mark.usefixtures("first")
def test_two_cards_may_prepare_the_same_pictures_in_two_ways() -> None:
    second = study_of_cards("second", 0, "a.zip", crop="stretch")
    record("resources/priors/mine/weights.float32.safetensors", {})
    check_shared(second)
