"""Which method, in how many steps, restores best: what `ddpg restore` does when nobody says.

    python benchmarks/restoring/choices.py --output choices.csv
    python benchmarks/restoring/choices.py --output large.csv --large \\
        --tasks scratches denoising inpainting --levels 0 0.05

Every task of `ddpg restore` is measured at several noise levels with each method's recommended
settings, on pictures that chose no setting of a sheet: at 96 x 96 on the three that
`benchmarks/tuning.py` tunes with, with `--large` at 256 x 256 on six.
Missing are two pixels of five ("inpainting"), or what scratches cover ("scratches", of up to 8
pixels; "wide", of 14); the error is that of the missing pixels where there is no noise.
Written line by line; tasks, levels and methods that stand in the file already are left out.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from ddpg.images import load_image
from ddpg.pictures.kernels import read_kernel
from ddpg.pictures.masks import Mask
from ddpg.pictures.reading import Array, Picture
from ddpg.restoring.requests import Request
from ddpg.restoring.restoration import Restorer

PICTURES = {
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
LARGE_PICTURES = {
    **PICTURES,
    "coins": ("skimage", "data/coins.png"),
    "clock": ("skimage", "data/clock_motion.png"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
}
SIZE, LARGE_SIZE = 96, 256
TASKS = ("blur", "sr_bicubic", "denoising", "inpainting")
SCRATCHES, WIDE = "scratches", "wide"
WIDE_LINES = ((20, 0, 150, 255), (255, 90, 0, 130))
"""Ends of lines of 14 pixels through the middle of 256 x 256."""
SCRATCH_WIDTHS = (2, 3, 4, 5, 6, 8)
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
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=(*TASKS, SCRATCHES, WIDE))
    parser.add_argument("--levels", nargs="+", type=float, default=LEVELS)
    parser.add_argument(
        "--methods", nargs="+", type=_with_steps, default=METHODS, metavar="METHOD:STEPS"
    )
    parser.add_argument("--large", action="store_true", help="six pictures of 256 x 256")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = LARGE_PICTURES if options.large else PICTURES
    truths = read(pictures, LARGE_SIZE if options.large else SIZE)
    known = set()
    if options.output.exists():
        with options.output.open(newline="") as stream:
            known = {tuple(row[:4]) for row in csv.reader(stream)}
    with options.output.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if not known:
            writer.writerow([*COLUMNS, *pictures])
        for task, sigma_y, (method, steps) in itertools.product(
            options.tasks, options.levels, options.methods
        ):
            key = (task, f"{sigma_y:g}", method, str(steps))
            if key in known or (sigma_y == 0 and task in NOISY):
                continue
            writer.writerow([*key, *measured(truths, task, sigma_y, method, steps)])
            stream.flush()


def _with_steps(text: str) -> tuple[str, int]:
    method, _, steps = text.partition(":")
    return method, int(steps)


def read(pictures: Mapping[str, tuple[str, str]], size: int) -> list[Array]:
    """Pictures of installed packages as squares, (size, size, 3) in [0, 1]."""
    paths = [Path(str(files(package))) / file for package, file in pictures.values()]
    return [load_image(path, size).movedim(0, 2).numpy() for path in paths]


def measured(
    truths: Sequence[Array], task: str, sigma_y: float, method: str, steps: int
) -> list[str]:
    """Mean PSNR in dB, mean consistency, seconds for a picture, and the PSNR of each."""
    request = Request(
        task="inpainting" if task in (SCRATCHES, WIDE) else task,
        kernel=read_kernel(KERNEL) if task == "blur" else None,
        scale=SCALE if task.startswith("sr_") else None,
        sigma_y=sigma_y,
        method=method,
        settings={"steps": steps},
    )
    restorer = Restorer(request)
    scores, fits = [], []
    started = time.perf_counter()
    for number, truth in enumerate(truths):
        random = np.random.default_rng(number)
        mask = None
        if task == SCRATCHES:
            ends = [random.uniform(0, 1, 4) for _ in SCRATCH_WIDTHS]
            lines = [end * [*truth.shape[1::-1], *truth.shape[1::-1]] for end in ends]
            mask = hidden(truth.shape[:2], lines, SCRATCH_WIDTHS)
        elif task == WIDE:
            mask = hidden(truth.shape[:2], WIDE_LINES, (14, 14))
        y, mask, wanted = observed(request, truth, mask, random)
        restored = restorer.restore(Picture(y), mask)
        error = (restored.picture.pixels.astype(np.float64) - wanted) ** 2
        if mask is not None and sigma_y == 0:
            error = error[~mask]
        scores.append(-10 * np.log10(error.mean()))
        fits.append(restored.consistency)
    seconds = (time.perf_counter() - started) / len(truths)
    each = [f"{score:.2f}" for score in scores]
    return [f"{np.mean(scores):.2f}", f"{np.mean(fits):.2f}", f"{seconds:.1f}", *each]


def hidden(size: tuple[int, int], lines: Iterable[Any], widths: Sequence[int]) -> Mask:
    """False where lines of these widths are, each from x, y to x, y."""
    image = Image.new("L", (size[1], size[0]), 255)
    for (x, y, u, v), width in zip(lines, widths, strict=True):
        ImageDraw.Draw(image).line([(x, y), (u, v)], fill=0, width=width)
    return np.asarray(image) > 0


def observed(
    request: Request, truth: Array, mask: Mask | None, random: np.random.Generator
) -> tuple[Array, Array | None, Array]:
    """An observation of a picture, its mask (drawn if None), and what is to be restored."""
    from ddpg.operators import build_operator

    x = torch.from_numpy(truth).movedim(2, 0)[None].contiguous()
    wanted = truth
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
        mask = random.random(pixels.shape[:2]) > MISSING if mask is None else mask
        pixels = pixels * mask[..., None]
    return pixels, mask, wanted


if __name__ == "__main__":
    main()
