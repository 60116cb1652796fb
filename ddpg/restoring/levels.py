"""How noisy a picture is, when nobody says it.

The finest diagonal details of a wavelet transform are mostly noise: their median absolute value,
divided by 0.6745, is its standard deviation (Donoho and Johnstone, "Ideal spatial adaptation by
wavelet shrinkage", 1994, section 4.2; with Daubechies' wavelet of four taps as in scikit-image's
``estimate_sigma``, which would need PyWavelets). A blurred picture has hardly any others. In a
sharp one texture counts as noise; there the calmer parts decide: of all blocks of 32 x 32 pixels
the one that a fifth lie below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ddpg.pictures.masks import Mask
from ddpg.pictures.reading import Array

BLOCK = 32
CALM = 20
"""Per cent of the blocks that lie below the one that decides."""

_ROOT = math.sqrt(3)
_LOW = np.array([1 + _ROOT, 3 + _ROOT, 3 - _ROOT, 1 - _ROOT]) / (4 * math.sqrt(2))
_HIGH = _LOW[::-1] * np.array([1, -1, 1, -1])
_MEDIAN_OF_NORMAL = NormalDist().inv_cdf(0.75)


def estimated_noise(pixels: Array, *, blurred: bool, known: Mask | None = None) -> float:
    """The standard deviation of white noise in a picture, by the mean over its channels.

    Args:
        pixels: (H, W, C) in [0, 1].
        blurred: whether it is blurred; then all of it counts, else its calmer blocks.
        known: which pixels count, (H, W); all by default.

    Returns:
        the estimate, at least 0.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((96, 96, 1))
        >>> round(estimated_noise((0.5 + 0.05 * noise).astype(np.float32), blurred=True), 2)
        0.05
    """
    counted = None
    if known is not None:
        # A detail counts where all pixels that it is made of are known.
        counted = _filtered((~known).astype(float), np.ones(4)) == 0
    return float(np.mean([_of_channel(c, blurred, counted) for c in np.moveaxis(pixels, 2, 0)]))


def _of_channel(channel: Array, blurred: bool, counted: Mask | None) -> float:
    values = channel.astype(np.float64)
    details = np.abs(_filtered(values, _HIGH))
    if counted is not None:
        details[~counted] = np.nan
    if not blurred and min(details.shape) >= BLOCK:
        medians = [m for block in _blocks(details) if not math.isnan(m := _median(block))]
        if medians:
            return float(np.percentile(medians, CALM)) / _MEDIAN_OF_NORMAL
    median = _median(details)
    return 0.0 if math.isnan(median) else median / _MEDIAN_OF_NORMAL


def _filtered(values: NDArray[np.float64], taps: NDArray[np.float64]) -> NDArray[np.float64]:
    """An image convolved with taps along both axes."""
    from scipy.ndimage import convolve1d  # not needed where the noise is given

    return convolve1d(convolve1d(values, taps, axis=0), taps, axis=1)


def _blocks(details: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    height, width = details.shape
    for top in range(0, height - BLOCK + 1, BLOCK):
        for left in range(0, width - BLOCK + 1, BLOCK):
            yield details[top : top + BLOCK, left : left + BLOCK]


def _median(details: NDArray[np.float64]) -> float:
    """Of the details that count; NaN where fewer than half do."""
    counted = details[~np.isnan(details)]
    return float(np.median(counted)) if 2 * counted.size > details.size else math.nan
