"""Several restorations as samples: known values, lost samples, and what says that it has none."""

import json
import math

import pytest
import torch

from ddpg.errors import UserError
from ddpg.files.costs import write_costs
from ddpg.files.long_table import read_long_table
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.images import from_uint8
from ddpg.jobs.evaluation import SampleEvaluation
from ddpg.metrics.measures import haarpsi
from ddpg.stages.samples import ALL_EQUAL, evaluate_samples

IMAGES = ("a", "b", "c", "d")
EXPERIMENT = {
    "dataset": "photos", "task": "deblur_gauss", "operator": "fft", "scale": "",
    "sigma_y": "0.05", "method": "ddrm", "label": "ddrm", "repeat": "0",
}  # fmt: skip


@pytest.fixture
def measure(tmp_path, truth):
    """Measures samples given by functions of (truth in [0, 1], image); returns the rows."""

    def run(*samples, failures=None, images=IMAGES, between=("haarpsi",), **how):
        failures = failures or {}
        pictures = {name: from_uint8(x) for name, x in read_tensors(truth, IMAGES).items()}
        files = []
        for number, sample in enumerate(samples):
            lost = failures.get(number, {})
            tensors = {
                name: sample(x, name).float() * 2 - 1
                for name, x in pictures.items() if name not in lost
            }  # fmt: skip
            write_tensors(tensors, tmp_path / f"{number}.safetensors", ids=IMAGES)
            rows = [{"image": name, "failure": lost.get(name, "")} for name in IMAGES]
            write_costs(tmp_path / f"{number}.csv", rows)
            files.append(tmp_path / f"{number}.safetensors")
        job = {"columns": EXPERIMENT, "images": images, "between": between, "truth": truth}
        job |= {"restorations": tuple(files), "output": tmp_path / "out.csv"}
        costs = tuple(path.with_suffix(".csv") for path in files)
        evaluate_samples(SampleEvaluation(costs=costs, **job, **how))
        return read_long_table(tmp_path / "out.csv")

    return run


def value(rows, metric, image="a"):
    (row,) = [row for row in rows if (row["metric"], row["image"]) == (metric, image)]
    return float(row["value"]) if row["value"] else row["note"]


def off(amount):
    return lambda x, _: x + amount


def test_the_mean_of_opposite_errors_has_none(measure):
    rows = measure(off(0.02), off(-0.02))
    assert value(rows, "psnr_sample") == pytest.approx(-20 * math.log10(0.02), abs=1e-3)
    assert value(rows, "psnr_mean") > 100
    assert value(rows, "error_of_mean") < 1e-6
    assert value(rows, "spread") == pytest.approx(math.sqrt(1.5 * 2 * 0.02**2), rel=1e-4)
    assert value(rows, "crps") == pytest.approx(0.02 - 0.04 / 2, abs=1e-6)
    assert value(rows, "coverage_50") == value(rows, "coverage_range") == 1
    assert value(rows, "samples") == 2


def test_samples_on_one_side_of_the_truth_do_not_cover_it(measure):
    rows = measure(off(0.02), off(0.03), off(0.04))
    assert value(rows, "coverage_range") == value(rows, "coverage_50") == 0
    assert value(rows, "crps") == pytest.approx(0.03 - 0.02 * 4 / 6 / 2, abs=1e-5)


def test_likeness_is_between_samples_not_with_the_truth(measure, truth):
    pictures = {name: from_uint8(x) for name, x in read_tensors(truth, IMAGES).items()}
    flipped = measure(lambda x, _: x.flip(-1), lambda x, _: x.flip(-1) + 0.01)
    expected = haarpsi(
        pictures["a"].flip(-1)[None], (pictures["a"].flip(-1) + 0.01)[None], data_range=1
    )
    assert value(flipped, "haarpsi_between") == pytest.approx(float(expected), abs=1e-4)


def test_values_of_a_picture_do_not_depend_on_the_others(measure):
    noisy = [lambda x, _, s=s: x + 0.1 * torch.randn(
        x.shape, generator=torch.Generator().manual_seed(s)) for s in range(3)]  # fmt: skip
    together = measure(*noisy)
    alone = measure(*noisy, images=("c",))
    assert [row for row in together if row["image"] == "c"] == alone


def test_equal_restorations_are_no_samples_and_say_so(measure):
    rows = measure(off(0.02), off(0.02))
    assert value(rows, "crps") == value(rows, "coverage_90") == f"a: {ALL_EQUAL}"
    assert value(rows, "psnr_sample") == pytest.approx(33.98, abs=0.01)


def test_one_sample_has_a_quality_and_no_spread(measure):
    rows = measure(off(0.02))
    assert value(rows, "psnr_sample") == pytest.approx(33.98, abs=0.01)
    assert value(rows, "spread") == "a: one sample, and so no spread"


def test_a_lost_sample_is_none_and_the_others_are_measured(measure):
    whole = measure(off(0.02), off(-0.01))
    rows = measure(off(0.02), off(-0.01), off(9.0), failures={2: {"a": "ddrm diverged"}})
    assert value(rows, "crps") == value(whole, "crps")
    (count,) = [r for r in rows if (r["metric"], r["image"]) == ("samples", "a")]
    assert (count["value"], count["note"]) == ("2", "a: ddrm diverged")
    assert value(rows, "samples", "b") == 3


def test_with_one_sample_left_the_reason_is_the_others(measure):
    rows = measure(off(0.02), off(-0.01), failures={1: {"a": "ddrm diverged"}})
    assert value(rows, "crps") == "a: 1 of 2 samples; ddrm diverged"
    rows = measure(off(0.02), off(0.1), failures={0: {"a": "lost"}, 1: {"a": "lost"}})
    assert value(rows, "psnr_sample") == "a: 0 of 2 samples; lost"
    assert value(rows, "samples") == 0


def test_a_metric_that_cannot_be_computed_says_why(measure, tmp_path):
    backbone = tmp_path / "vgg.json"
    backbone.write_text(json.dumps({"file": None, "reason": "cannot be reached"}))
    rows = measure(
        off(0.02), off(-0.01), between=("haarpsi", "lpips"), lpips_net="vgg", backbones=(backbone,)
    )
    assert value(rows, "lpips_vgg_between") == "cannot be reached"
    assert isinstance(value(rows, "crps"), float)


def test_values_that_are_not_finite_are_refused(measure):
    with pytest.raises(UserError, match="not finite"):
        measure(off(0.02), off(math.nan))
