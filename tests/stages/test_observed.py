"""Observations as pictures, and their metrics."""

from __future__ import annotations

import pytest
import torch

from ddpg.files.long_table import read_long_table
from ddpg.files.tensors import write_tensors
from ddpg.jobs.evaluation import ObservationEvaluation
from ddpg.operators import build_operator
from ddpg.operators.tasks import TASKS
from ddpg.samplers import build_sampler
from ddpg.stages.observed.evaluation import NO_PICTURE, evaluate_observations
from ddpg.stages.observed.pictures import pictures_of

SIZE = 16
KERNEL = torch.full((5, 5), 1 / 25)
MASK = torch.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 3 > 0


def operator_of(task, backend):
    given = {"kernel": {"kernel": KERNEL}, "mask": {"mask": MASK}}.get(TASKS[task].needs, {})
    scale = {"scale": 2} if TASKS[task].scales else {}
    return build_operator(task, SIZE, backend=backend, **given, **scale)


@pytest.fixture
def images():
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


BACKENDS = [(task, backend) for task in TASKS for backend in TASKS[task].backends]


@pytest.mark.parametrize(("task", "backend"), BACKENDS)
def test_every_observation_is_a_picture_of_the_images_size_or_none(task, backend, images):
    operator = operator_of(task, backend)
    y = operator.forward(images)
    picture = pictures_of(y, operator)
    if task == "compressed_sensing":
        assert picture is None
        return
    assert picture.shape == images.shape
    if y.shape == images.shape:
        assert torch.equal(picture, y)
    elif TASKS[task].scales:
        bicubic = build_sampler("bicubic").restore(y, operator, None, sigma_y=0, noise=None)
        assert torch.equal(picture, bicubic)
    elif task == "colorization":
        assert all(torch.equal(picture[:, c], y[:, 0]) for c in range(3))
    else:
        assert (task, backend) == ("blur", "cropped")
        assert torch.equal(picture[..., 2:-2, 2:-2], y)
        assert torch.equal(picture[..., 0, 2:-2], y[..., 0, :])


@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (1, 3, 13, 16), (1, 2, 16, 16), (1, 3, 1, 256)])
def test_what_is_no_picture_is_none(shape):
    operator = build_operator("denoising", SIZE)
    assert pictures_of(torch.zeros(shape), operator) is None


def measured(tmp_path, task, images, sigma_y, metrics=("psnr", "ssim")):
    operator = operator_of(task, TASKS[task].backend)
    pixels = ((images / 2 + 0.5) * 255).round().to(torch.uint8)
    y = operator.forward(pixels.float() / 127.5 - 1) + 2 * sigma_y
    names = ("a", "b")
    write_tensors(dict(zip(names, pixels, strict=True)), tmp_path / "truth.safetensors")
    write_tensors(
        {name: part.contiguous() for name, part in zip(names, y, strict=True)},
        tmp_path / "observed.safetensors",
    )
    columns = {"dataset": "tiny", "task": task, "operator": TASKS[task].backend, "scale": ""}
    columns |= {"sigma_y": str(sigma_y), "method": "observation", "label": "observation"}
    job = ObservationEvaluation(
        columns=columns,
        metrics=metrics,
        degradation={"task": task, "operator": TASKS[task].backend},
        truth=tmp_path / "truth.safetensors",
        observations=tmp_path / "observed.safetensors",
        output=tmp_path / "metrics.csv",
    )
    evaluate_observations(job)
    return read_long_table(tmp_path / "metrics.csv")


def test_the_metrics_of_an_observation_are_those_of_its_picture(tmp_path, images):
    rows = measured(tmp_path, "denoising", images.clamp(-0.8, 0.8), 0.01, ("psnr", "consistency"))
    psnr = [float(row["value"]) for row in rows if row["metric"] == "psnr"]
    assert psnr == [pytest.approx(40, abs=1e-3)] * 2
    assert [row["label"] for row in rows] == ["observation"] * 4
    consistency = [float(row["value"]) for row in rows if row["metric"] == "consistency"]
    assert consistency == [pytest.approx(0, abs=1e-4)] * 2


def test_coefficients_have_no_value_and_the_reason(tmp_path, images):
    rows = measured(tmp_path, "compressed_sensing", images, 0)
    assert {(row["value"], row["note"]) for row in rows} == {("", NO_PICTURE)}
    assert len(rows) == 4
