"""What every stage takes for a picture, beside the time that a published network leaves on a GPU.

The stages are the workflow's own functions on a shard of made-up photographs of 256 x 256, one
core each. With one GPU restoring, none of the others may be the slowest stage of a study.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from host import SIDE, network_times
from PIL import Image
from scipy.ndimage import gaussian_filter
from timing import Work, least_seconds
from torch import Tensor

from ddpg.datasets.index import Row
from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.observation import Observation
from ddpg.noise import SeededNoise
from ddpg.stages.evaluation import evaluate
from ddpg.stages.finished import FinishedImages
from ddpg.stages.observations import observe
from ddpg.stages.preparation import prepare_rows

STEPS = 100
"""Of a restoration, as DDPG and IDPG are published."""
PICTURES, RUNS = 16, 3
"""In a shard, and of each stage, the least of which counts."""
DRAWN = 4
"""Of the steps, so many are drawn and timed: all cost the same."""
METRICS = ("psnr", "ssim", "haarpsi")
"""Those that need no weights; docs/performance.md tells what LPIPS adds."""
CELL = {"dataset": "made-up", "task": "deblur_gauss", "operator": "fft"}
EXPERIMENT = CELL | {
    "scale": "", "sigma_y": "0.05", "method": "ddpg", "label": "ddpg", "prior": "none",
    "repeat": "1",
}  # fmt: skip
"""Of the measured restorations, in words."""
SPENT = {
    "seconds": 1.0, "network_evaluations": STEPS, "peak_memory_mib": "", "settings": "",
    "failure": "",
}  # fmt: skip
"""What each took, as the table of costs has it."""


def measure(pictures: int = PICTURES, runs: int = RUNS) -> dict[str, Any]:
    """Seconds a picture: of each stage beside networks, and of networks on GPUs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = [f"{k:02}" for k in range(pictures)]
        seconds = {
            stage: share * least_seconds(work, runs, time.process_time) / pictures
            for stage, work, share in _stages(folder, names)
        }
    return {"stages": seconds, "networks": dict(network_times(STEPS))}


def _stages(folder: Path, names: list[str]) -> Iterator[tuple[str, Work, float]]:
    """Every stage in its order: what it is, its work, and how often a picture asks for that."""
    truth, observed = folder / "truth.safetensors", folder / "observed.safetensors"
    restored, costs = folder / "restored.safetensors", folder / "costs.csv"
    rows = [_photograph(folder, name, k) for k, name in enumerate(names)]
    prepared = partial(prepare_rows, rows, folder, truth, image_size=SIDE, crop="center")
    yield "read, crop and scale", prepared, 1
    seen = Observation(
        truth=truth, output=observed, images=tuple(names), sigma_y=0.05, seed=0, **CELL
    )
    yield "degrade", partial(observe, seen), 1
    yield f"draw the noise of {STEPS} steps", partial(_draw, names), STEPS / DRAWN
    image = torch.rand(3, SIDE, SIDE) * 2 - 1
    yield "write tensors and PNG", partial(_write, image, restored, costs, names), 1
    files = {"truth": truth, "restorations": restored, "costs": costs}
    measured = Evaluation(
        **files, output=folder / "values.csv", columns=EXPERIMENT, metrics=METRICS,
        images=tuple(names),
    )  # fmt: skip
    yield f"measure {', '.join(METRICS)}", partial(evaluate, measured), 1


def _draw(names: list[str]) -> None:
    noise = SeededNoise(0, names)
    for step in range(DRAWN):
        noise.step(step, (len(names), 3, SIDE, SIDE))


def _write(image: Tensor, restored: Path, costs: Path, names: list[str]) -> None:
    finished = FinishedImages(restored, "0", torch.float16)
    for name in names:
        finished.keep(name, image, SPENT)
    finished.assemble(names, costs, restored.parent / "pictures")


def _photograph(folder: Path, name: str, seed: int) -> Row:
    """A file of 1024 x 1024 as large as a photograph, in its row of an index."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(1024, 1024, 3)), (2, 2, 0))
    pixels = np.uint8((128 + 60 * field / field.std()).clip(0, 255))
    path = folder / f"{name}.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    return Row(name, path.name, hashlib.sha256(path.read_bytes()).hexdigest(), 1024, 1024)
