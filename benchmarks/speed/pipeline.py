"""What every stage takes for a picture, beside the time that a published network leaves on a GPU.

The stages are the workflow's own functions on a shard of made-up photographs of 256 x 256, one
core each. With one GPU restoring, none of the others may be the slowest stage of a study.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from host import GPUS, SIDE, network_seconds
from PIL import Image
from scipy.ndimage import gaussian_filter

from ddpg.datasets.index import Row
from ddpg.noise import SeededNoise
from ddpg.stages.evaluation import evaluate
from ddpg.stages.finished import FinishedImages
from ddpg.stages.observations import observe
from ddpg.stages.preparation import prepare_rows

STEPS = 100
"""Of a restoration, as DDPG and IDPG are published."""
PICTURES, RUNS = 16, 3
"""In a shard, and of each stage, the least of which counts."""
METRICS = ("psnr", "ssim", "haarpsi")
"""Those that need no weights; docs/performance.md tells what LPIPS adds."""


def measure(pictures: int = PICTURES, runs: int = RUNS) -> dict[str, Any]:
    """Seconds a picture: of each stage beside networks, and of networks on GPUs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = [f"{k:02}" for k in range(pictures)]
        rows = [_photograph(folder, name, k) for k, name in enumerate(names)]
        truth, observed = folder / "truth.safetensors", folder / "observed.safetensors"
        restored, costs = folder / "restored.safetensors", folder / "costs.csv"
        image = torch.rand(3, SIDE, SIDE) * 2 - 1
        spent = {
            "seconds": 1.0,
            "network_evaluations": STEPS,
            "peak_memory_mib": "",
            "settings": "",
        }

        def write() -> None:
            finished = FinishedImages(restored, "0", torch.float16)
            for name in names:
                finished.keep(name, image, spent | {"failure": ""})
            finished.assemble(names, costs, folder / "pictures")

        def draw() -> None:
            noise = SeededNoise(0, names)
            for step in range(4):
                noise.step(step, (pictures, 3, SIDE, SIDE))

        stages: dict[str, Callable[[], None]] = {
            "read, crop and scale": lambda: prepare_rows(
                rows, folder, truth, image_size=SIDE, crop="center"
            ),
            "degrade": lambda: observe(
                truth,
                observed,
                dataset="made-up",
                images=names,
                task="deblur_gauss",
                backend="fft",
                scale=None,
                sigma_y=0.05,
                seed=0,
            ),
            f"draw the noise of {STEPS} steps": draw,
            "write tensors and PNG": write,
            f"measure {', '.join(METRICS)}": lambda: evaluate(
                truth,
                restored,
                costs,
                folder / "values.csv",
                experiment=EXPERIMENT,
                images=names,
                metrics=METRICS,
            ),
        }
        seconds = {stage: _seconds(work, runs) / pictures for stage, work in stages.items()}
    drawn = f"draw the noise of {STEPS} steps"
    seconds[drawn] *= STEPS / 4
    networks = {
        f"{name}, {speed} TFLOP/s": STEPS * left
        for speed in GPUS
        for name, left in network_seconds(speed).items()
    }
    return {"stages": seconds, "networks": networks}


EXPERIMENT = {
    "dataset": "made-up",
    "task": "deblur_gauss",
    "operator": "fft",
    "scale": "",
    "sigma_y": "0.05",
    "method": "ddpg",
    "label": "ddpg",
    "prior": "none",
    "repeat": "1",
}


def _photograph(folder: Path, name: str, seed: int) -> Row:
    """A file of 1024 x 1024 as large as a photograph, in its row of an index."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(1024, 1024, 3)), (2, 2, 0))
    pixels = np.uint8((128 + 60 * field / field.std()).clip(0, 255))
    path = folder / f"{name}.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    return Row(name, path.name, hashlib.sha256(path.read_bytes()).hexdigest(), 1024, 1024)


def _seconds(work: Callable[[], None], runs: int) -> float:
    """The least of some runs, of processor time: what else runs is not counted."""
    work()
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)
