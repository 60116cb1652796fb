"""Data sets of observations: what does not go together is told before the first job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from ddpg.datasets.cards import read_card
from ddpg.errors import UserError
from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.observation import Adoption, Observation, observing_spec
from ddpg.study.study import Study

HEADER = "dataset\ttask\tscale\tsigma_y\tmethod\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a study of one data set of observations and gives its configuration."""
    monkeypatch.chdir(tmp_path)

    def _write(*rows, size=64, metrics=("consistency",), files=("a.png", "b.png"), **card):
        Path("seen").mkdir(exist_ok=True)
        images = [{"id": Path(name).stem, "file": name} for name in files]
        fields = {"name": "mine", "source": {"folder": "seen"}, "observations": True}
        Path("mine.yaml").write_text(yaml.safe_dump(fields | {"images": images} | card))
        Path("s.tsv").write_text(HEADER + "".join("\t".join(row) + "\n" for row in rows))
        Path("soft.yaml").write_text("name: soft\ntask: blur\nkernel: disk:2\nborder: reflect\n")
        Path("shaken.yaml").write_text("name: shaken\ntask: blur\nkernel: motion:9\n")
        entry = {"card": "mine.yaml", "image_size": size}
        base = {"name": "s", "experiments": "s.tsv", "datasets": [entry]}
        return base | {"metrics": list(metrics)}

    return _write


SOFT = ("mine", "soft.yaml", "", "0.05", "pinv")
SMALL = ("mine", "sr_bicubic", "4", "0.05", "pinv")


def problems(content):
    with pytest.raises(UserError) as caught:
        Study(content)
    return str(caught.value)


def draw(name, side):
    Image.new("RGB", (side, side)).save(f"seen/{name}.png")


def test_two_degradations_contradict_each_other(write):
    text = problems(write(SOFT, SMALL))
    assert text == (
        "s.tsv, line 3: task: mine holds observations, those of line 2 by soft-reflect: they "
        "cannot be of sr_bicubic-x4-svd as well; give a data set for each"
    )


def test_several_noise_levels_may_be_tried(write):
    study = Study(write(SOFT, (*SOFT[:3], "0.1", "pinv")))
    assert len(study.cells) == 2


def test_what_is_drawn_for_each_picture_is_not_known(write):
    for task in ("shaken.yaml", "motion_deblur", "compressed_sensing"):
        text = problems(write(("mine", task, "", "0.05", "pinv"), size=64))
        assert "nobody knows those of the observations of mine" in text


def test_sizes_that_do_not_fit_are_told(write):
    content = write(SMALL)
    for name in "ab":
        draw(name, 16)
    Study(content)
    draw("b", 20)
    assert problems(content) == (
        "s.tsv, line 2: dataset: mine: by sr_bicubic-x4-svd a picture of image_size 64 is observed "
        "as 16 x 16 pixels; b.png has 20 x 20"
    )


def test_sizes_behind_a_cropped_blur_are_told(write):
    card = {"name": "lens", "task": "blur", "kernel": "disk:3", "border": "cropped", "scale": 2}
    Path("lens.yaml").write_text(yaml.safe_dump(card))
    content = write(("mine", "lens.yaml", "", "0.05", "pinv"), size=64)
    for name in "ab":
        draw(name, 29)  # half of 64 less 6
    Study(content)
    draw("b", 32)
    assert "is observed as 29 x 29 pixels; b.png has 32 x 32" in problems(content)


def test_arrays_of_floats_must_say_what_is_white(write):
    content = write(SOFT, files=("a.npy", "b.npy"))
    np.save("seen/a.npy", np.zeros((3, 64, 64), np.float32))
    np.save("seen/b.npy", np.zeros((64, 64, 3), np.uint8))
    assert "mine: a.npy: arrays of floats do not say" in problems(content)
    Study(write(SOFT, files=("a.npy", "b.npy"), range=[-1, 1]))


def test_truths_that_are_missing_are_told(write):
    content = write(SOFT, metrics=["psnr"], truth="right")
    assert "truth of mine: there is no folder right" in problems(content)
    Path("right").mkdir()
    Image.new("RGB", (64, 64)).save("right/a.png")
    text = problems(content)
    assert "must hold one file named b (" in text
    assert "named a" not in text
    Image.new("RGB", (64, 64)).save("right/b.png")
    assert Study(content).truth_file("mine", 0) == "results/s/truth/mine/shard-0.safetensors"


def test_without_a_truth_a_metric_must_do_without(write):
    text = problems(write(SOFT, metrics=["psnr", "lpips"]))
    assert "come without a truth, which all metrics of the study need (psnr, lpips_alex)" in text
    study = Study(write(SOFT, metrics=["psnr", "blur-effect"]))
    assert study.truth_file("mine", 0) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"observations": False, "truth": "x"}, "truth is for observations"),
        ({"range": [1, 0]}, "range must be black and white"),
        ({"range": [0]}, "range"),
        ({"observation": True}, "observation"),
    ],
)
def test_what_a_card_may_say(write, fields, words):
    write(SOFT, **fields)
    with pytest.raises(UserError, match=words):
        read_card("mine.yaml")


def test_specs_of_other_data_sets_are_as_they_were(write):
    study = Study(write(SOFT, metrics=["psnr", "consistency"]))
    (cell,) = study.cells
    assert study.given_cells == [cell]
    assert study.own_cells == []
    assert observing_spec(study, cell, 0) == Adoption.planned(study, cell, 0)
    spec = Evaluation.planned(study, study.experiments[0].path)
    assert spec["degradation"] == {"task": "blur", "operator": "reflect"}
    own = Study(write(SOFT, observations=False, metrics=["psnr"]))
    assert observing_spec(own, cell, 0) == Observation.planned(own, cell, 0)
    assert Evaluation.planned(own, own.experiments[0].path)["degradation"] is None
