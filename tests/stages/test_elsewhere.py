"""Restorations of another program become a shard like any other, and a sentence for tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.datasets.index import Row, write_index
from ddpg.files.costs import failures_among, read_costs
from ddpg.files.long_table import read_long_table
from ddpg.files.tensors import read_ids, read_tensors, write_tensors
from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.given import GivenAdoption, GivenSurvey
from ddpg.stages.evaluation import COST_UNKNOWN, evaluate
from ddpg.stages.given.adoption import take_restorations
from ddpg.stages.given.survey import survey_given
from ddpg.stages.provenance import failed_restorations, networks_run, restored_elsewhere

IMAGES = ("a", "b", "c", "d")
SIZE = 32
COLUMNS = {
    **{"dataset": "photos", "task": "deblur_gauss", "operator": "fft", "scale": ""},
    **{"sigma_y": "0.05", "method": "given", "label": "other", "prior": "", "repeat": "0"},
}


@pytest.fixture
def others(tmp_path, truth):
    """The truths as somebody's restorations, in 8 bits."""
    folder = tmp_path / "others"
    folder.mkdir()
    for name, pixels in read_tensors(truth).items():
        Image.fromarray(pixels.numpy().transpose(1, 2, 0)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def take(tmp_path, observations, others):
    """Takes the restorations; gives tensors and costs."""

    def run(**changes):
        fields = {
            "folder": str(others),
            "image_size": SIZE,
            "dtype": "float32",
            "observations": observations,
            "output": tmp_path / "taken.safetensors",
            "costs": tmp_path / "taken.csv",
            "pictures": tmp_path / "taken.png",
        }
        job = GivenAdoption(**{**fields, **changes})
        take_restorations(job)
        return read_tensors(job.output), read_costs(job.costs, read_ids(job.output))

    return run


def measured(tmp_path, truth, **changes):
    output = tmp_path / "metrics.csv"
    files = {"restorations": tmp_path / "taken.safetensors", "costs": tmp_path / "taken.csv"}
    files |= {"truth": truth, "output": output, "images": tuple(IMAGES)}
    evaluate(Evaluation(columns=COLUMNS, metrics=("psnr", "ssim"), **files, **changes))
    return read_long_table(output)


def test_they_are_taken_as_they_are(tmp_path, take, truth):
    tensors, costs = take()
    for name, pixels in read_tensors(truth).items():
        torch.testing.assert_close(tensors[name], pixels.float() / 127.5 - 1, atol=1e-7, rtol=0)
    assert {row["seconds"] + row["network_evaluations"] for row in costs} == {""}
    assert {row["settings"] for row in costs} == {"8-bit PNG (rounded to 1/255, clipped to [0, 1])"}
    assert sorted(path.stem for path in (tmp_path / "taken.png").iterdir()) == list(IMAGES)


def test_what_this_workflow_writes_comes_back_to_the_last_bit(take, others):
    """Shards of another study's restorations, in half precision, beside their pictures."""
    restored = {name: torch.rand(3, SIZE, SIZE).mul(2.2).sub(1.1).half() for name in IMAGES}
    for path in others.iterdir():
        path.unlink()
    write_tensors({n: restored[n] for n in "ab"}, others / "shard-0.safetensors", ids=["a", "b"])
    write_tensors({n: restored[n] for n in "cd"}, others / "shard-1.safetensors", ids=["c", "d"])
    (others / "shard-0.csv").write_text("image,seconds")
    (others / "shard-0.png").mkdir()
    tensors, _ = take(range=(-1.0, 1.0), dtype="float16")
    assert all(torch.equal(tensors[name], restored[name]) for name in IMAGES)


def test_one_that_cannot_be_taken_leaves_its_fields_empty_and_the_others_alone(
    tmp_path, take, truth, others
):
    (others / "a.png").unlink()
    (others / "b.png").write_bytes((others / "b.png").read_bytes()[:60])
    Image.new("RGB", (SIZE, 12)).save(others / "c.png")
    tensors, costs = take()
    assert list(tensors) == ["d"]
    failures = failures_among(costs)
    assert failures["a"] == "no restoration was given"
    assert failures["b"].startswith("b.png: ")
    assert failures["c"] == (
        "c.png: has 32 x 12 pixels, what was to be restored has 32 x 32; nothing is resized"
    )
    assert not any(str(tmp_path) in reason for reason in failures.values())
    rows = measured(tmp_path, truth)
    values = {row["image"]: row["value"] for row in rows if row["metric"] == "psnr"}
    assert float(values.pop("d")) > 150  # float32 is all that is between
    assert values == {"a": "", "b": "", "c": ""}
    notes = {row["note"] for row in rows if row["metric"] == "psnr" and row["image"] == "a"}
    assert notes == {"a: no restoration was given"}
    told = failed_restorations(tmp_path / "metrics.csv")
    assert told[0] == "photos/deblur_gauss-fft/0.05/other, a: no restoration was given"


def test_the_unknown_cost_is_empty_with_its_reason(tmp_path, take, truth):
    take()
    rows = measured(tmp_path, truth)
    costs = [row for row in rows if row["metric"] in ("seconds", "network_evaluations")]
    assert {(row["value"], row["note"]) for row in costs} == {("", COST_UNKNOWN)}
    assert networks_run(tmp_path / "metrics.csv") == {}
    assert read_metrics(tmp_path / "metrics.csv")["value"].isna().sum() == 3 * len(IMAGES)


def test_pictures_of_their_own_sizes_are_compared_with_their_own(tmp_path, take, observing):
    y = read_tensors(observing(tmp_path / "y.safetensors"))
    sizes = {f"{name}/size": torch.tensor([SIZE, SIZE - (name == "b")]) for name in IMAGES}
    write_tensors({**y, **sizes}, tmp_path / "own.safetensors", ids=IMAGES)
    tensors, costs = take(image_size="native", observations=tmp_path / "own.safetensors")
    assert sorted(tensors) == ["a", "c", "d"]
    assert "b.png: has 32 x 32 pixels, what was to be restored has 31 x 32" in str(costs)


def survey(tmp_path, folder, **changes):
    index, output = tmp_path / "index.tsv", tmp_path / "given.json"
    write_index([Row(name, f"{name}.png", "0" * 64, SIZE, SIZE) for name in "abcdef"], index)
    survey_given(
        GivenSurvey(
            columns=COLUMNS, folder=str(folder), positions=("0-3",), image_size=SIZE,
            index=index, output=output, **changes,
        )
    )  # fmt: skip
    return json.loads(output.read_text())


def test_a_survey_names_the_folder_of_further_restorations(tmp_path, others):
    (others / "repeat-1").mkdir()
    for name in "abd":
        (others / f"repeat-1/{name}.png").write_bytes((others / f"{name}.png").read_bytes())
    content = survey(tmp_path, others, repeats=2)
    assert content["missing"] == ["repeat-1/c"]
    assert content["said"].endswith("1 of 8 is missing: repeat-1/c")


def test_a_survey_says_what_they_are(tmp_path, others):
    said = survey(tmp_path, others)["said"]
    assert said == (
        "restored elsewhere, cost not known; given as 8-bit PNG (rounded to 1/255, clipped to "
        "[0, 1])"
    )
    (others / "a.png").unlink()
    Image.new("RGB", (SIZE, 12)).save(others / "c.png")
    Image.new("RGB", (SIZE, SIZE)).save(others / "e.png")  # of the data set, not of the study
    Image.new("RGB", (SIZE, SIZE)).save(others / "odd\nname.png")
    (others / "b.png").unlink()
    np.save(others / "b.npy", np.zeros((SIZE, SIZE), np.float32))
    content = survey(tmp_path, others, range=(0.0, 1.0))
    assert content["missing"] == ["a"]
    assert content["surplus"] == ["odd\nname.png"]
    assert content["formats"]["float32 arrays"] == 1
    assert content["said"].endswith(
        "1 of 4 is missing: a; 1 of 4 cannot be taken: c: c.png: has 32 x 12 pixels, what was to "
        "be restored has 32 x 32; nothing is resized; 1 more belongs to no picture: odd?name.png"
    )
    line = restored_elsewhere(tmp_path / "given.json")
    assert line.startswith("photos/deblur_gauss-fft/0.05/other: restored elsewhere, cost not known")
