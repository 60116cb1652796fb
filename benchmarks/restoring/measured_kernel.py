"""A large photograph behind a shaking camera, its kernel measured at a point of light.

    python benchmarks/restoring/measured_kernel.py --folder /tmp/shaken

The scene is a photograph enlarged until 1000 x 667 pixels lie inside the frame of a camera whose
kernel has 15 x 15. A hand trembles: each axis is a drift and three oscillations of 3 to 12 Hz
during an exposure of a quarter of a second, drawn from a seed; the kernel is the time that the
trace spends in each pixel. Nothing of that is given to the command. It gets the photograph, with
noise of 0.01, in 8 bits and without what lies outside the frame, and the kernel *as measured*: a
PNG of what the same shake makes of a point of light, the mean of sixteen exposures with noise of
their own, from which what does not stand out is cut off. Prints a row of a table in Markdown for
each photograph: PSNR in dB over the observed area.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from real_borders import observation_of, restored
from skimage.util import img_as_ubyte

WIDTH, HEIGHT, SIDE = 1000, 667, 15
SIGMA = 0.01
EXPOSURES, DARK = 16, 0.02
"""Of the point of light: how many, and the noise of each beside the brightest pixel."""
PICTURES = ("motorcycle_left.png", "rocket.jpg", "coffee.png")
SEED = 17

Array = NDArray[np.float64]


def main() -> None:
    """Make the files, restore them one by one, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pictures", nargs="+", default=PICTURES)
    options, more = parser.parse_known_args()
    true = shake(SEED)
    print("| picture | as observed | restored | consistency | seconds |")
    print("|---|--:|--:|--:|--:|")
    for picture in options.pictures:
        folder = options.folder / Path(picture).stem
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(measured(true, SEED)).save(folder / "kernel.png")
        seen = observation_of(folder, scene(picture), true)
        row = restored(folder, "kernel.png", more)
        print(f"| {Path(picture).stem} | {seen:.2f} | {row} |", flush=True)


def scene(picture: str) -> Array:
    """A photograph of scikit-image, (H, W, 3), enlarged to the frame and what lies around it."""
    width, height = WIDTH + SIDE - 1, HEIGHT + SIDE - 1
    with Image.open(Path(skimage.__file__).parent / "data" / picture) as opened:
        photo = opened.convert("RGB")
    ratio = max(width / photo.width, height / photo.height)
    size = round(photo.width * ratio), round(photo.height * ratio)
    photo = photo.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(photo.crop((left, top, left + width, top + height))) / 255


def shake(seed: int) -> Array:
    """The kernel of a trembling hand, (15, 15), of sum 1."""
    random = np.random.default_rng(seed)
    time = np.linspace(0, 0.25, 4000)
    axes = []
    for _ in range(2):
        path = random.normal() * time / time[-1]
        for hertz in random.uniform(3, 12, 3):
            path = path + random.normal() * np.sin(2 * np.pi * (hertz * time + random.random()))
        axes.append(path)
    trace = np.stack(axes)
    middle = (trace.max(axis=1) + trace.min(axis=1)) / 2
    trace = (trace - middle[:, None]) / np.ptp(trace, axis=1).max() * (SIDE - 2)
    kernel = np.zeros((SIDE, SIDE))
    places = trace + SIDE // 2
    corner = np.floor(places).astype(int)
    inside = places - corner
    for down in (0, 1):  # each moment falls into four pixels, by how near it is
        for right in (0, 1):
            share = abs(1 - down - inside[0]) * abs(1 - right - inside[1])
            np.add.at(kernel, (corner[0] + down, corner[1] + right), share)
    return kernel / kernel.sum()


def measured(kernel: Array, seed: int) -> NDArray[np.uint8]:
    """What is recorded of a point of light behind a kernel, 8 bits."""
    random = np.random.default_rng(seed)
    peak = kernel / kernel.max()
    mean = peak + DARK / np.sqrt(EXPOSURES) * random.standard_normal(kernel.shape)
    mean[mean < 3 * DARK / np.sqrt(EXPOSURES)] = 0
    return img_as_ubyte(np.clip(mean, 0, 1))


if __name__ == "__main__":
    main()
