"""Fourth stage: known values, empty columns with their reasons, and what is refused."""

import csv
import hashlib
import json
import math

import numpy as np
import pytest
import torch
import torchvision
from skimage.metrics import structural_similarity

from ddpg.errors import UserError
from ddpg.files.long_table import read_long_table, unpacked_origins
from ddpg.files.tensors import CorruptFileError, read_tensors, write_tensors
from ddpg.jobs.evaluation import Evaluation
from ddpg.metrics import backbones
from ddpg.metrics.catalogue import metric_called
from ddpg.stages import evaluation
from ddpg.stages.degrading import Belongings
from ddpg.stages.evaluation import evaluate

IMAGES = ("a", "b", "c", "d")
SETTINGS = "bfloat16, channels last, not compiled, 1 image at a time on AMD EPYC"
EXPERIMENT = {
    "dataset": "photos",
    "task": "deblur_gauss",
    "operator": "fft",
    "scale": "",
    "sigma_y": "0.05",
    "method": "ddpg",
    "label": "ddpg-20",
}


@pytest.fixture
def measure(tmp_path, truth):
    """Evaluates restorations given by a function of the truth in [0, 1]; returns the rows."""

    def run(restored, metrics=("psnr",), images=IMAGES, lpips_net="alex", backbone=None, **options):
        tensors = {
            name: restored(pixels.float() / 255) * 2 - 1
            for name, pixels in read_tensors(truth, IMAGES).items()
        }
        write_tensors(tensors, tmp_path / "restored.safetensors")
        with (tmp_path / "costs.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            columns = ("seconds", "network_evaluations", "peak_memory_mib", "settings")
            writer.writerow(["image", *columns])
            costs = [(name, f"{k + 0.5:.4f}") for k, name in enumerate(images)]
            writer.writerows([*cost, 20, 300, SETTINGS] for cost in costs)
        evaluate(
            Evaluation(
                truth=truth,
                restorations=tmp_path / "restored.safetensors",
                costs=tmp_path / "costs.csv",
                output=tmp_path / "metrics.csv",
                columns=EXPERIMENT,
                images=images,
                metrics=tuple(metric_called(metric, lpips_net) for metric in metrics),
                backbones=(backbone,) if backbone else (),
                **options,
            )
        )
        return read_long_table(tmp_path / "metrics.csv")

    return run


def values(rows, metric):
    return {row["image"]: float(row["value"]) for row in rows if row["metric"] == metric}


def test_psnr_of_a_constant_error(measure):
    rows = measure(lambda x: x + 0.01)
    expected = dict.fromkeys(IMAGES, pytest.approx(40, abs=1e-4))
    assert values(rows, "psnr") == expected


def test_restorations_are_clamped_and_not_rounded(measure):
    assert values(measure(lambda x: torch.where(x > 0.5, x, x - 0.3 / 255)), "psnr")["a"] > 50
    ones = measure(lambda x: torch.full_like(x, 7.0))
    assert values(ones, "psnr") == values(measure(torch.ones_like), "psnr")


def test_perfect_restorations(measure):
    rows = measure(lambda x: x, metrics=("psnr", "ssim", "haarpsi"))
    # The way to [-1, 1] and back costs float32 its last bits.
    assert all(value > 130 or math.isinf(value) for value in values(rows, "psnr").values())
    for metric in ("ssim", "haarpsi"):
        assert values(rows, metric) == dict.fromkeys(IMAGES, pytest.approx(1, abs=1e-6))


def test_ssim_is_that_of_scikit_image(measure, truth):
    found = values(measure(lambda x: x.flip(-1), metrics=("ssim",)), "ssim")
    for name, pixels in read_tensors(truth, IMAGES).items():
        reference = pixels.numpy().astype(np.float64) / 255
        # Whole windows only, as the stage counts them: the border of 5 pixels is cut off.
        channels = [
            structural_similarity(
                reference[c],
                reference[c, :, ::-1],
                data_range=1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                full=True,
            )[1][5:-5, 5:-5].mean()
            for c in range(3)
        ]
        assert found[name] == pytest.approx(np.mean(channels), abs=1e-5)


def test_rows_carry_the_values_that_were_used(measure):
    used = {"gamma": "0.12345678901234567", "steps": "20"}
    origins = {"gamma": "sheet", "steps": "default"}
    rows = measure(lambda x: x, images=("a",), hyper_parameters=used, origins=origins)
    assert all({name: row[name] for name in used} == used for row in rows)
    told = {row["metric"]: unpacked_origins(row["origins"]) for row in rows}
    assert told.pop("network_evaluations") == origins
    assert not any(told.values())


def test_rows_carry_the_experiment_and_follow_metric_and_image(measure):
    rows = measure(lambda x: x + 0.01, metrics=("ssim", "psnr"), images=("c", "a"))
    assert all({key: row[key] for key in EXPERIMENT} == EXPERIMENT for row in rows)
    assert [(row["metric"], row["image"]) for row in rows] == [
        ("ssim", "c"),
        ("ssim", "a"),
        ("psnr", "c"),
        ("psnr", "a"),
        *((cost, "c") for cost in ("seconds", "network_evaluations", "peak_memory_mib")),
        *((cost, "a") for cost in ("seconds", "network_evaluations", "peak_memory_mib")),
    ]
    assert values(rows, "seconds") == {"c": 0.5, "a": 1.5}
    assert values(rows, "network_evaluations") == {"c": 20, "a": 20}
    assert [row["metric"] for row in rows if row["note"] == SETTINGS] == 2 * ["seconds"]


@pytest.fixture
def backbone(tmp_path, monkeypatch):
    """A record of the first stage of a backbone with weights of our own, smaller than published."""
    file = tmp_path / "backbone.pth"
    generator = torch.Generator().manual_seed(0)
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    drawn = {name: torch.randn(v.shape, generator=generator) / 9 for name, v in state.items()}
    torch.save(drawn, file)
    digits = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(backbones.BACKBONES, "squeeze", f"squeeze-{digits}.pth")
    record = tmp_path / "squeeze.json"
    record.write_text(json.dumps({"file": str(file), "reason": None}))
    return record


@pytest.mark.slow
def test_batches_of_the_stage_do_not_show(measure, backbone, monkeypatch):
    metrics = ("psnr", "ssim", "haarpsi", "lpips")
    options = {"metrics": metrics, "lpips_net": "squeeze", "backbone": backbone}
    tables = []
    for size in (1, 3, 16):
        monkeypatch.setitem(evaluation.BATCH_SIZES, "cpu", size)
        tables.append(measure(lambda x: x.flip(-1), **options))
    assert tables[0] == tables[1] == tables[2]
    assert values(tables[0], "lpips_squeeze")["a"] > 0


def test_lpips_is_built_once_and_called_for_batches(measure, backbone, monkeypatch):
    built, batches = [], []

    def counted(net, file, **options):
        built.append(net)
        network = lpips_network(net, file, **options)
        network.register_forward_pre_hook(lambda _module, given: batches.append(len(given[0])))
        return network

    lpips_network = backbones.lpips_network
    monkeypatch.setattr(backbones, "lpips_network", counted)
    monkeypatch.setitem(evaluation.BATCH_SIZES, "cpu", 3)
    checked = backbones._sha256.cache_info().misses
    measure(lambda x: x.flip(-1), metrics=("lpips",), lpips_net="squeeze", backbone=backbone)
    assert (built, batches) == (["squeeze"], [3, 1])
    assert backbones._sha256.cache_info().misses == checked + 1


def test_lpips_without_a_backbone_is_empty_and_says_why(tmp_path, measure, caplog):
    caplog.set_level("INFO")
    backbone = tmp_path / "squeeze.json"
    backbone.write_text(json.dumps({"file": None, "reason": "cannot download it: no route"}))
    options = {"lpips_net": "squeeze", "backbone": backbone}
    rows = measure(lambda x: x, metrics=("lpips", "psnr"), **options)
    empty = [row for row in rows if row["metric"] == "lpips_squeeze"]
    assert [row["image"] for row in empty] == list(IMAGES)
    assert {(row["value"], row["note"]) for row in empty} == {("", "cannot download it: no route")}
    assert all(row["value"] and not row["note"] for row in rows if row["metric"] == "psnr")
    told = next(record for record in caplog.records if "left empty: cannot" in record.message)
    assert told.levelname == "INFO"  # the job that looked for it has warned, once for the study


def test_lpips_with_a_wrong_file_is_empty_and_says_why(tmp_path, measure):
    (tmp_path / "alex.pth").write_bytes(b"something else")
    backbone = tmp_path / "alex.json"
    backbone.write_text(json.dumps({"file": str(tmp_path / "alex.pth"), "reason": None}))
    rows = measure(lambda x: x, metrics=("lpips",), backbone=backbone)
    notes = {row["note"] for row in rows if row["metric"] == "lpips_alex"}
    assert len(notes) == 1
    assert "alex.pth is not alexnet-owt-7be5be79.pth" in notes.pop()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_restorations_that_are_not_finite_are_refused_by_name(tmp_path, measure, value):
    def spoil(x):
        x = x.clone()
        x[0, 3, 4] = value
        return x

    with pytest.raises(UserError, match=r"restored\.safetensors: image 'a' holds values that are"):
        measure(spoil)
    assert not (tmp_path / "metrics.csv").exists()


def test_a_missing_image_is_refused(tmp_path, measure):
    with pytest.raises(CorruptFileError, match="has no tensor 'z'"):
        measure(lambda x: x, images=("a", "z"))
    assert not (tmp_path / "metrics.csv").exists()


CARDS = {
    "blur": ("deblur_gauss", "fft", {}, None),
    "disk": ("blur", "cropped", {}, Belongings("disk:2")),
    "shaken": ("blur", "reflect", {}, Belongings("motion:9", seeds=(0, 10, 20, 30))),
    "sparse": ("inpainting", "fft", {}, Belongings(mask="random:0.5", seeds=(0, 10, 20, 30))),
    "grey": ("colorization", "pixel", {"weights": (0.2, 0.5, 0.3)}, None),
    "small": ("sr_bicubic", "svd", {"scale": 2}, None),
    "few": ("compressed_sensing", "hadamard", {"share": 0.4}, Belongings(seeds=(0, 10, 20, 30))),
}


@pytest.mark.parametrize("card", CARDS)
def test_the_truth_is_as_consistent_as_the_noise_is_large(tmp_path, measure, observing, card):
    task, operator, options, belongings = CARDS[card]
    y = observing(
        tmp_path / "y.safetensors",
        task=task, backend=operator, card=card, belongings=belongings, **options,
    )  # fmt: skip
    words = {"task": task, "operator": operator}
    words |= {
        k: " ".join(map(str, v)) if isinstance(v, tuple) else str(v) for k, v in options.items()
    }
    given = {"metrics": ("consistency",), "observations": y, "degradation": words}
    found = values(measure(lambda x: x, **given), "consistency")
    assert list(found.values()) == pytest.approx([1] * 4, abs=0.13)
    other = values(measure(lambda x: x + 0.2, **given), "consistency")
    assert min(other.values()) > 1.2


def test_restorations_that_leave_the_range_are_not_clamped_for_consistency(
    tmp_path, measure, observing
):
    y = observing(tmp_path / "y.safetensors", task="denoising")
    words = {"task": "denoising", "operator": "fft"}
    given = {"metrics": ("consistency",), "observations": y, "degradation": words}
    far = values(measure(lambda x: x + 2, **given), "consistency")
    farther = values(measure(lambda x: x + 4, **given), "consistency")
    assert all(farther[name] > 1.9 * far[name] for name in IMAGES)


def test_consistency_without_observations_says_so(measure):
    measured = measure(lambda x: x, metrics=("consistency",))
    rows = [row for row in measured if row["metric"] == "consistency"]
    assert {(row["value"], row["note"]) for row in rows} == {("", "no observations were given")}


def test_what_was_stored_in_half_precision_is_noted(tmp_path, measure, observing):
    y = observing(tmp_path / "y.safetensors", task="denoising")
    words = {"task": "denoising", "operator": "fft"}
    given = {"metrics": ("psnr", "consistency"), "observations": y, "degradation": words}
    for dtype, note in ((torch.float16, evaluation.HALF), (torch.float32, "")):
        rows = measure(lambda x, dtype=dtype: x.to(dtype), **given)
        notes = {row["metric"]: row["note"] for row in rows if row["image"] == "a"}
        assert (notes["psnr"], notes["consistency"]) == ("", note)
