"""Prepared pictures and observations, small enough to restore at once, and their restoration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from ddpg.files.costs import failures_among, read_costs
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.jobs.observation import Observation
from ddpg.jobs.restoration import Restoration
from ddpg.priors import GaussianPrior
from ddpg.stages import batches
from ddpg.stages.degrading import Belongings
from ddpg.stages.observations import observe
from ddpg.stages.restoration import restore_shard

SIZE = 32
IMAGES = ("a", "b", "c", "d")


@pytest.fixture(scope="session")
def truth(tmp_path_factory):
    """Four pictures of 32 x 32, smooth, as a file of the first stage."""
    generator = torch.Generator().manual_seed(0)
    coarse = 40 + 175 * torch.rand(len(IMAGES), 3, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic", align_corners=True)
    pixels = smooth.clamp(0, 255).round().to(torch.uint8)
    path = tmp_path_factory.mktemp("truth") / "shard-0.safetensors"
    write_tensors(dict(zip(IMAGES, pixels, strict=True)), path)
    return path


@pytest.fixture(scope="session")
def observing(truth):
    """Observes some of the pictures into a file; keywords as of a model, belongings, or the job."""

    def make(output, images=IMAGES, **changes):
        options = {
            "dataset": "photos",
            "task": "deblur_gauss",
            "backend": "fft",
            "scale": None,
            "sigma_y": 0.05,
            "seed": 0,
        } | changes
        if options["task"] == "motion_deblur" and "kernel_seeds" not in options:
            options["kernel_seeds"] = tuple(10 * IMAGES.index(image) for image in images)
        given = options.pop("belongings", None) or Belongings()
        parts = {"kernel": given.kernel, "mask": given.mask, "kernel_side": given.kernel_side}
        parts |= {"picture_seeds": tuple(given.seeds), "grey": options.pop("weights", ())}
        parts |= {"operator": options.pop("backend"), "kernel_size": 15}
        observe(Observation(truth=truth, output=output, images=images, **parts, **options))
        return output

    return make


@pytest.fixture
def observations(tmp_path, observing):
    """The observations of all pictures."""
    return observing(tmp_path / "observations.safetensors")


class StandIn(GaussianPrior):
    """Counts calls, and images through the network; may fail or answer wrongly at some call."""

    def __init__(self):
        super().__init__(0.0, 0.25)
        self.images, self.calls, self.at_call = 0, 0, {}

    def eps(self, x_t, t):
        self.images, self.calls = self.images + len(x_t), self.calls + 1
        result = super().eps(x_t, t)
        return self.at_call.pop(self.calls, lambda eps: eps)(result)


@pytest.fixture
def stand_in():
    """Makes priors that count, and do what they are told at some call."""
    return StandIn


@pytest.fixture
def prior(monkeypatch):
    """Stands in for the network that the stage loads."""
    prior = StandIn()
    monkeypatch.setattr(batches, "load_prior", lambda *_name, **_device: prior)
    return prior


@pytest.fixture(scope="session")
def job():
    """Three steps of DDPG on all pictures."""
    return Restoration(
        dataset="photos",
        images=IMAGES,
        image_size=SIZE,
        task="deblur_gauss",
        operator="fft",
        scale=None,
        sigma_y=0.05,
        method="ddpg",
        hyper_parameters={"steps": "3"},
        seed=0,
        prior="dead-leaves",
        dtype="float32",
        observations=Path("y.safetensors"),
        output=Path("x.safetensors"),
        costs=Path("x.csv"),
        pictures=Path("x.png"),
    )


@pytest.fixture
def restoring(tmp_path, observations):
    """Runs a job in a folder of the test; returns its tensors, and why others are missing."""

    def run(job, *, folder="run", code="1", batch_size=1, device="cpu", input=observations):  # noqa: A002
        output = tmp_path / folder / "shard-0.safetensors"
        job = dataclasses.replace(
            job,
            observations=input,
            output=output,
            costs=output.with_suffix(".csv"),
            pictures=output.with_suffix(".png"),
            code=code,
            batch_size=batch_size,
        )
        restore_shard(job, device=device)
        return read_tensors(output), failures_among(read_costs(job.costs, job.images))

    return run
