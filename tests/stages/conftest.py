"""Prepared pictures and observations, small enough to restore at once."""

from __future__ import annotations

import pytest
import torch

from ddpg.files.tensors import write_tensors
from ddpg.stages.observations import MotionKernels, observe

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
    """Observes some of the pictures into a file; keywords as for the stage."""

    def make(output, images=IMAGES, **changes):
        options = {
            "dataset": "photos",
            "task": "deblur_gauss",
            "backend": "fft",
            "scale": None,
            "sigma_y": 0.05,
            "seed": 0,
        } | changes
        if options["task"] == "motion_deblur" and "motion" not in options:
            seeds = [10 * IMAGES.index(image) for image in images]
            options["motion"] = MotionKernels(seeds, 15, 0.5)
        observe(truth, output, images=images, **options)
        return output

    return make
