"""Images per second against the shard size: a process for each shard, as the workflow has it."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from timing import alternate

from ddpg.files.tensors import write_tensors
from ddpg.jobs.observation import Observation
from ddpg.stages.observations import observe

SIZES = (1, 2, 4, 8)
PIXELS, STEPS = 128, 10
DEGRADATION = ("--task", "deblur_gauss", "--operator", "fft", "--sigma-y", "0.05")


def measure(repetitions: int, device: str, threads: int) -> dict[str, Any]:
    """Images per second of ``ddpg job restore``, its start included, by images of the shard."""
    with tempfile.TemporaryDirectory() as name:
        folder, numbers = Path(name), itertools.count()
        observations = {size: _observed(folder, size) for size in SIZES}
        times = alternate(
            {str(s): partial(_restore, observations[s], numbers, device, threads) for s in SIZES},
            repetitions=repetitions,
            warm_up=0,
        )
    return {name: measured.rates(int(name)) for name, measured in times.items()}


def _observed(folder: Path, size: int) -> Path:
    """Observations of a shard of made-up pictures."""
    images = [str(k) for k in range(size)]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (size, 3, PIXELS, PIXELS), generator=generator, dtype=torch.uint8)
    truth, path = folder / f"truth-{size}.safetensors", folder / f"observed-{size}.safetensors"
    write_tensors(dict(zip(images, pixels, strict=True)), truth, ids=images)
    fields = {"dataset": "noise", "task": "deblur_gauss", "operator": "fft", "sigma_y": 0.05}
    observe(Observation(truth=truth, output=path, images=tuple(images), seed=0, **fields))
    return path


def _restore(observations: Path, numbers: itertools.count[int], device: str, threads: int) -> None:
    output = observations.parent / f"run-{next(numbers)}" / "shard-0"
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "ddpg", "job", "restore", "--observations", str(observations)),
            *("--dataset", "noise", "--image-size", str(PIXELS), *DEGRADATION, "--seed", "0"),
            *("--method", "ddpg", "--hyper-parameters", f"steps={STEPS}"),
            *("--prior", "dead-leaves", "--device", device, "--threads", str(threads)),
            *("--output", f"{output}.safetensors", "--costs", f"{output}.csv"),
            *("--pictures", f"{output}.png", "--log", f"{output}.log"),
        ],
        check=True,
    )
