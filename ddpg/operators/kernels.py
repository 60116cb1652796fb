"""Random motion-blur kernels: the path of a shaking camera, drawn and blurred.

The construction is the one that Garber & Tirer, CVPR 2024, section 5, use for motion deblurring,
after Boracchi & Foi, "Modeling the Performance of Image Restoration from Motion Blur", 2012: a
random walk whose turns grow with the intensity.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

PATH_FRACTION = 0.75
"""Share of the canvas's diagonal that the two random terms of the path's length are scaled by."""


def motion_kernel(size: int = 61, intensity: float = 0.5, *, seed: int) -> Tensor:
    """A random motion-blur kernel, the same for the same seed.

    Args:
        size: side of the kernel in pixels, odd.
        intensity: how shaky the camera is, in [0, 1]; 0 moves along a straight line.
        seed: in [0, 2^32 - 1], of numpy's legacy generator, whose stream is frozen.

    Returns:
        (size, size), float32, at least 0, sum 1.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> kernel = motion_kernel(31, intensity=0.5, seed=3)
        >>> kernel.shape, round(float(kernel.sum()), 6)
        (torch.Size([31, 31]), 1.0)
    """
    _check(size, intensity, seed)
    random = np.random.RandomState(seed)
    canvas = 2 * size
    diagonal = math.hypot(canvas, canvas)
    steps = _draw_steps(random, intensity, diagonal)
    angles = _draw_angles(random, intensity, len(steps))
    path = np.cumsum(steps * np.exp(1j * angles))
    path = (path - path.mean()) * np.exp(1j * random.uniform(0, math.pi))
    return _render(path + (size + 1j * size), size, diagonal)


def _draw_steps(random: np.random.RandomState, intensity: float, diagonal: float) -> np.ndarray:
    """Lengths of the path's pieces, until they reach a random total length."""
    first = random.uniform()
    length = PATH_FRACTION * diagonal * (first + random.uniform(0, intensity**2))
    steps: list[float] = []
    covered = 0.0
    while covered < length:
        step = random.beta(1, 30) * (1 - intensity + 0.1) * diagonal
        if step < length:
            steps.append(step)
            covered += step
    return np.array(steps)


def _draw_angles(random: np.random.RandomState, intensity: float, count: int) -> np.ndarray:
    """Direction of every piece; each keeps the sign of the one before, or flips it at times."""
    largest = random.uniform(0, intensity * math.pi)
    jitter = random.beta(2, 20)
    angles = [random.uniform(-largest, largest)]
    while len(angles) < count:
        magnitude = random.triangular(0, intensity * largest, largest + 0.1)
        sign = math.copysign(1.0, angles[-1])
        flip = random.uniform() < jitter
        angles.append(magnitude * (-sign if flip else sign))
    return np.array(angles)


def _render(path: np.ndarray, size: int, diagonal: float) -> Tensor:
    """Draw the path on a canvas of twice the size, blur it, and shrink it to a kernel."""
    picture = Image.new("RGB", (2 * size, 2 * size))
    points = [(float(point.real), float(point.imag)) for point in path]
    # Width 0 would draw nothing: kernels below 54 pixels get the thinnest line.
    width = max(1, int(diagonal / 150))
    ImageDraw.Draw(picture).line(points, width=width, fill=(255, 255, 255))
    picture = picture.filter(ImageFilter.GaussianBlur(int(diagonal * 0.01)))
    grey = picture.resize((size, size), Image.Resampling.LANCZOS).convert("L")
    kernel = torch.from_numpy(np.asarray(grey, dtype=np.float32).copy())
    return kernel / kernel.sum()


def _check(size: int, intensity: float, seed: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 3 or size % 2 == 0:
        raise ValueError(f"size must be an odd integer of at least 3, got {size!r}")
    if not 0 <= intensity <= 1:
        raise ValueError(f"intensity must lie in [0, 1], got {intensity!r}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed must be an integer, got {seed!r}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie in [0, 2^32 - 1], got {seed!r}")
