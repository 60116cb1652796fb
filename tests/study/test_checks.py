"""Mistakes that configuration, sheet and cards know together: told before any job, all at once."""

import json
import re
import shlex

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.jobs.restoration import Restoration
from ddpg.operators.task_kernels import BLUR_TAPS
from ddpg.operators.tasks import TASKS
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.limits import prior_limits
from ddpg.study.study import Study

NETWORK = {
    "kind": "adm_unet", "image_size": 64, "channels": 32, "multipliers": [1, 2], "blocks": 1,
    "attention_resolutions": [32], "num_heads": 4,
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """Writes a study of one data set and gives its configuration."""

    def _write(*rows, labels=(None, None), size=64, prior="dead-leaves", columns="", **changes):
        images = [{"id": f"p{k}", "file": f"p{k}.png"} for k in range(len(labels))]
        for image, label in zip(images, labels, strict=True):
            image |= {} if label is None else {"label": label}
        card = {"name": "mine", "source": {"folder": "x"}, "images": images}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(card))
        if isinstance(prior, dict):
            fields = {"name": "own", "architecture": NETWORK, "schedule": {"kind": "linear"}}
            fields |= {"weights": {"file": "w.pt", "random_seed": 0}} | prior
            (tmp_path / "own.yaml").write_text(yaml.safe_dump(fields))
            prior = str(tmp_path / "own.yaml")
        header = f"dataset task sigma_y method {columns}".split()
        lines = ["\t".join(header), *("\t".join(row.split()) for row in rows)]
        (tmp_path / "s.tsv").write_text("\n".join(lines) + "\n")
        entry = {"card": str(tmp_path / "mine.yaml"), "image_size": size, "prior": prior}
        content = {"name": "s", "experiments": str(tmp_path / "s.tsv"), "datasets": [entry]}
        return content | {"metrics": ["psnr"]} | changes

    return _write


def problems(content):
    with pytest.raises(UserError) as caught:
        Study(content)
    return str(caught.value)


SHORT = {"schedule": {"kind": "linear", "steps": 250}}
CONSISTENT = {"schedule": {"kind": "consistency"}}
CONDITIONAL = {"architecture": NETWORK | {"num_classes": 10}, "label": "dataset"}


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        (
            "deblur_gauss 0 cm4ir",
            {},
            "method: cm4ir needs a consistency model, but the prior dead-leaves of mine is a prior "
            "that predicts noise; give a data set with such a prior",
        ),
        (
            "deblur_gauss 0 ddpg",
            {"prior": CONSISTENT},
            "method: ddpg needs a prior that predicts noise, but the prior own of mine is a "
            "consistency model",
        ),
        ("deblur_gauss 0 ddpg", {"size": 100}, "multiples of 8, .* is 100; give 96 or 104"),
        ("deblur_gauss 0 ddpg", {"size": 63, "prior": {}}, "multiples of 2, .* is 63"),
        ("motion_deblur 0 pinv", {"size": 48}, "the 61 x 61 kernel of motion_deblur does not fit"),
        ("motion_deblur 0 pinv", {"size": 16, "motion_kernel": {"size": 17}}, "the 17 x 17 kernel"),
        ("deblur_uni 0 pinv", {"size": 8}, "the 9 x 9 kernel of deblur_uni does not fit"),
        ("deblur_aniso 0 pinv", {"size": 8}, "the 9 x 9 kernel of deblur_aniso does not fit"),
        ("sr_bicubic 0 pinv", {"size": 62}, "scale 4 does not divide the image size 62 of mine"),
        ("denoising 0.1 ddpg", {"prior": CONDITIONAL}, "2 of 2 pictures .* have no label, p0, p1"),
        ("denoising 0.1 ddpg", {"prior": CONDITIONAL, "labels": (1, 10)}, "up to 10 .* from 1"),
        ("denoising 0.1 ddpg", {"prior": CONDITIONAL, "labels": (1, 99)}, "0 to 9, but 1 of 2"),
        ("denoising 0.1 dps", {"prior": SHORT},
         "dps would take 1000 steps, but the prior own has 250 times; give 1 to 250"),
        ("denoising 0.1 ddpg", {"prior": {"schedule": {"kind": "cosine", "steps": 50}}},
         "ddpg would take 100 steps, but the prior own has 50 times"),
        ("denoising 0.1 ddpg", {"prior": SHORT, "steps": 251},
         "ddpg would take 251 steps"),
        ("denoising 0.1 ddpg", {"metrics": ["psnr", "ssim", "psnr"]},
         "metrics: every metric may be listed once; repeated: psnr"),
        ("denoising 0.1 ddpg", {"published": "none.csv"}, r"none\.csv: cannot be read"),
        ("denoising 0.1 ddpg", {"experiments": "none.tsv"}, r"none\.tsv: cannot be read"),
        ("denoising 0.1 ddpg", {"prior": "nobody"}, "prior: unknown prior 'nobody'"),
    ],
)  # fmt: skip
def test_what_would_kill_jobs_is_refused(write, row, options, expected):
    assert re.search(expected, problems(write(f"mine {row}", **options)))


def test_the_limits_themselves_are_allowed(write):
    Study(write("mine denoising 0.1 ddpg", prior=CONDITIONAL, labels=(0, 9)))
    prior = {"schedule": {"kind": "linear", "steps": 100}}
    Study(write("mine denoising 0.1 ddpg", prior=prior))
    Study(write("mine motion_deblur 0 pinv", size=61))
    # A method without a network cares for no prior.
    Study(write("mine denoising 0.1 pinv", size=100, prior=CONDITIONAL | {"name": "other"}))


def test_what_the_survey_would_refuse_of_a_list_is_refused_before_it(write):
    """Pictures that take no part are surveyed, too."""
    content = write("mine denoising 0.1 ddpg", prior=CONDITIONAL, labels=(1, None), limit=1)
    assert "label: 1 of 2 pictures have none, p1; all pictures have one" in problems(content)


def test_everything_is_told_at_once_and_equal_rows_once(write, tmp_path):
    rows = [f"mine denoising 0.{k} ddpg" for k in range(1, 10)]
    rows += ["mine motion_deblur 0 dps", "theirs denoising 0.1 ddpg"]
    content = write(*rows, size=60)
    message = problems(content)
    assert "unknown data set 'theirs'" in message
    content["experiments"] = content["experiments"].replace("s.tsv", "t.tsv")
    (tmp_path / "t.tsv").write_text((tmp_path / "s.tsv").read_text().replace("theirs", "mine")
                                    .replace("mine\tdenoising\t0.1\tddpg\n", "", 1))  # fmt: skip
    content["published"] = "none.csv"
    lines = problems(content).splitlines()
    assert len(lines) == 3
    assert "(10 rows, the first in line 2)" in lines[0]
    assert "line 10: task: the 61 x 61 kernel" in lines[1]
    assert lines[2].startswith("none.csv: ")


def test_the_default_sheet_with_own_pictures_makes_one_line(write):
    content = write("mine denoising 0.1 ddpg") | {"experiments": "config/experiments.tsv"}
    (line,) = problems(content).splitlines()
    assert "unknown data set 'photographs'; this study has: mine" in line
    assert "rows, the first in line" in line
    assert "another sheet by 'experiments'" in line


def test_a_card_that_cannot_be_read_hides_no_mistake_in_the_sheet(write):
    content = write("mine nothing 0.1 ddpg")
    content["datasets"].append({"card": "nowhere.yaml", "image_size": 64})
    assert len(problems(content).splitlines()) == 2


def test_taps_are_those_of_the_kernels():
    for task, (rows, columns) in BLUR_TAPS.items():
        assert TASKS[task].taps == max(len(rows), len(columns))


def test_limits_of_a_diffusers_folder(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "scheduler").mkdir()
    unet = {"down_block_types": ["a", "b", "c"], "num_class_embeds": 5}
    (tmp_path / "unet/config.json").write_text(json.dumps(unet))
    scheduler = {"num_train_timesteps": 4000}
    (tmp_path / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    card = {
        "name": "d",
        "architecture": {"kind": "diffusers"},
        "weights": {"path": "../" + tmp_path.name},
    }
    card |= {"schedule": {"kind": "diffusers"}, "label": "dataset"}
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card))
    limits = prior_limits(read_card(tmp_path / "card.yaml"))
    assert (limits.size_multiple, limits.times, limits.classes) == (4, 4000, 5)


def test_sizes_are_those_of_the_networks():
    import torch

    from ddpg.priors import load_prior

    assert (
        prior_limits(read_card("dead-leaves")).size_multiple
        == load_prior("dead-leaves", device=torch.device("cpu")).size_multiple
    )


def test_a_consistency_model_goes_with_the_method_that_asks_for_it(write):
    rows = [f"mine deblur_gauss 0.05 {name}" for name in ("cm4ir", "pinv")]
    study = Study(write(*rows, prior=CONSISTENT))
    assert [row.method for row in study.experiments] == ["cm4ir", "pinv"]
    row = study.experiments[0]
    assert row.hyper_parameters["iN"] == 150
    assert "iN=150, gamma=0.05, zeta=1, eta=0.1, deltas=0 0 0 0; Garber" in row.settings
    (path,) = [path for path, planned in study.by_path.items() if planned.method == "cm4ir"]
    command = shlex.split(Restoration.planned(study, path).options)
    assert "deltas=(0.0, 0.0, 0.0, 0.0)" in command


def test_a_list_in_a_sheet(write):
    study = Study(
        write("mine deblur_gauss 0.05 cm4ir 0.1;0;0;0", prior=CONSISTENT, columns="deltas")
    )
    assert study.experiments[0].hyper_parameters["deltas"] == (0.1, 0.0, 0.0, 0.0)
