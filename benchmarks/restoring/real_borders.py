"""Pictures behind a blur that no formula made periodic, restored from PNG files by `ddpg restore`.

    python benchmarks/restoring/real_borders.py --folder /tmp/borders

Six rows: three of scikit-image's photographs, each through a motion kernel of 15 and one of 31
pixels, valid convolution (a camera sees nothing outside its frame), noise of 0.01, 8 bits. Writes
pictures, kernels, restorations and a table in Markdown: PSNR in dB over the observed area.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from scipy.signal import fftconvolve

from ddpg.operators import motion_kernel

PICTURES = {"chelsea": (240, 336), "coffee": (256, 320), "astronaut": (256, 256)}
"""Heights and widths, from row and column 40 on."""
KERNELS = {15: 3, 31: 20}
"""Sides and seeds."""
FIRST, SIGMA = 40, 0.01
LINE = re.compile(r": \d+ x \d+, ([\d.]+) s, .* consistency ([\d.]+), ([\d.]+) dB")


def main() -> None:
    """Make the files, restore them one by one, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options, more = parser.parse_known_args()
    print("| picture, kernel | as observed | restored | consistency | seconds |")
    print("|---|--:|--:|--:|--:|")
    for side, seed in KERNELS.items():
        for picture, (height, width) in PICTURES.items():
            name = f"{picture}, {side}"
            if options.only in name:
                folder = options.folder / f"{picture}-{side}"
                kernel = np.asarray(motion_kernel(side, seed=seed).double())
                seen = make(folder, picture, (height, width), kernel)
                row = restored(folder, "kernel.npy", more)
                print(f"| {name} | {seen:.2f} | {row} |", flush=True)


def make(folder: Path, picture: str, size: tuple[int, int], kernel: NDArray[np.float64]) -> float:
    """Write the observation, its kernel and the truth; returns the PSNR of the observation."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(Path(skimage.__file__).parent / "data" / f"{picture}.png") as opened:
        whole = np.asarray(opened)[FIRST:, FIRST:][: size[0], : size[1], :3] / 255
    np.save(folder / "kernel.npy", kernel)
    return observation_of(folder, whole, kernel)


def observation_of(folder: Path, whole: NDArray[Any], taps: NDArray[np.float64]) -> float:
    """Write what a camera sees of a scene, and the truth; returns the PSNR of the observation."""
    blurred = [fftconvolve(whole[..., channel], taps, "valid") for channel in range(3)]
    y = np.stack(blurred, axis=-1)
    y += SIGMA * np.random.default_rng(0).standard_normal(y.shape)
    reach = len(taps) // 2
    truth = whole[reach:-reach, reach:-reach]
    for name, values in (("observed", np.clip(y, 0, 1)), ("truth", truth)):
        Image.fromarray((255 * values).round().astype(np.uint8)).save(folder / f"{name}.png")
    return float(-10 * np.log10(np.mean((np.clip(y, 0, 1) - truth) ** 2)))


def restored(folder: Path, kernel: str, more: list[str]) -> str:
    """Restore the observation by the command; returns what it says, for the table."""
    command = [sys.executable, "-m", "ddpg", "restore", folder / "observed.png", "--force"]
    command += ["--task", "blur", "--kernel", folder / kernel, "--sigma-y", str(SIGMA)]
    command += ["--truth", folder / "truth.png", "-o", folder / "restored.png", *more]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found = LINE.search(ran.stdout)
    if found is None:
        raise SystemExit(f"unexpected: {ran.stdout}{ran.stderr}")
    seconds, consistency, decibel = found.groups()
    return f"{decibel} | {consistency} | {seconds}"


if __name__ == "__main__":
    main()
