"""Which method, in how many steps, restores best: what `ddpg restore` does when nobody says.

    python benchmarks/restoring/choices.py --output choices.csv

Every task of `ddpg restore` is measured at several noise levels on the pictures that
`benchmarks/tuning.py` tunes with, which are in no study, with each method's recommended settings.
Written line by line; tasks, levels and methods that stand in the file already are left out.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from ddpg.images import load_image
from ddpg.pictures.kernels import read_kernel
from ddpg.pictures.reading import Array, Picture
from ddpg.restoring.requests import Request
from ddpg.restoring.restoration import Restorer

PICTURES = {
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
SIZE = 96
TASKS = ("blur", "sr_bicubic", "denoising", "inpainting")
COLUMNS = ("task", "sigma_y", "method", "steps", "psnr", "consistency", "seconds")
LEVELS = (0.0, 0.01, 0.05)
METHODS = (("idpg", 20), ("idpg", 50), ("ddpg", 20), ("ddpg", 50))
KERNEL = "motion:15,3"
SCALE = 2
MISSING = 0.4
NOISY = ("blur", "denoising")
"""Tasks that are not measured without noise."""


def main() -> None:
    """Measure what is not measured yet, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--tasks", nargs="+", default=["blur", "sr_bicubic", "denoising", "inpainting"]
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = set()
    if options.output.exists():
        with options.output.open(newline="") as stream:
            known = {tuple(row[:4]) for row in csv.reader(stream)}
    with options.output.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if not known:
            writer.writerow(
                ["task", "sigma_y", "method", "steps", "psnr", "consistency", "seconds"]
            )
        for task, sigma_y, (method, steps) in itertools.product(options.tasks, LEVELS, METHODS):
            key = (task, f"{sigma_y:g}", method, str(steps))
            if key in known or (sigma_y == 0 and task in NOISY):
                continue
            writer.writerow([*key, *measured(task, sigma_y, method, steps)])
            stream.flush()


def measured(task: str, sigma_y: float, method: str, steps: int) -> list[str]:
    """Mean PSNR in dB, mean consistency, and seconds for a picture."""
    request = Request(
        task=task,
        kernel=read_kernel(KERNEL) if task == "blur" else None,
        scale=SCALE if task.startswith("sr_") else None,
        sigma_y=sigma_y,
        method=method,
        settings={"steps": steps},
    )
    restorer = Restorer(request)
    scores, fits = [], []
    started = time.perf_counter()
    for number, (package, file) in enumerate(PICTURES.values()):
        truth = load_image(Path(str(files(package))) / file, SIZE).movedim(0, 2).numpy()
        y, mask, wanted = observed(request, truth, np.random.default_rng(number))
        restored = restorer.restore(Picture(y), mask)
        error = np.mean((restored.picture.pixels.astype(np.float64) - wanted) ** 2)
        scores.append(-10 * np.log10(error))
        fits.append(restored.consistency)
    seconds = (time.perf_counter() - started) / len(PICTURES)
    return [f"{np.mean(scores):.2f}", f"{np.mean(fits):.2f}", f"{seconds:.1f}"]


def observed(
    request: Request, truth: Array, random: np.random.Generator
) -> tuple[Array, Array | None, Array]:
    """An observation of a picture, its mask, and what is to be restored."""
    from ddpg.operators import build_operator

    x = torch.from_numpy(truth).movedim(2, 0)[None].contiguous()
    mask, wanted = None, truth
    if request.task == "blur":
        reach = len(request.kernel) // 2
        kernel = torch.from_numpy(request.kernel)
        operator = build_operator("blur", x.shape[2:], kernel=kernel, border="cropped")
        wanted = truth[reach:-reach, reach:-reach]
        y = operator.forward(x)
    elif request.task.startswith("sr_"):
        y = build_operator(request.task, tuple(x.shape[2:]), scale=request.factor).forward(x)
    else:
        y = x
    pixels = y[0].movedim(0, 2).numpy().copy()
    pixels += request.sigma_y * random.standard_normal(pixels.shape, dtype=np.float32)
    if request.task == "inpainting":
        mask = random.random(pixels.shape[:2]) > MISSING
        pixels = pixels * mask[..., None]
    return pixels, mask, wanted


if __name__ == "__main__":
    main()
