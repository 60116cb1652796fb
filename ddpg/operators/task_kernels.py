"""The blur and downsampling kernels of the benchmark's tasks, in float64.

Source: Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively
Preconditioned Guidance", CVPR 2024, section 5; the cubic kernel is Keys', "Cubic Convolution
Interpolation for Digital Image Processing", 1981, equation 15 (a = -1/2).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

CUBIC_SUPPORT = 2
"""The cubic kernel vanishes outside [-2, 2]."""


def gaussian_taps(length: int, std: float) -> Tensor:
    """``length`` (odd) samples of a centred Gaussian of standard deviation ``std``, sum 1."""
    positions = torch.arange(length, dtype=torch.float64) - length // 2
    taps = torch.exp(-((positions / std) ** 2) / 2)
    return taps / taps.sum()


def uniform_taps(length: int) -> Tensor:
    """``length`` equal taps, sum 1."""
    return torch.full((length,), 1 / length, dtype=torch.float64)


BLUR_TAPS: Mapping[str, tuple[Tensor, Tensor]] = {
    "deblur_gauss": (gaussian_taps(5, 10.0), gaussian_taps(5, 10.0)),
    "deblur_uni": (uniform_taps(9), uniform_taps(9)),
    "deblur_aniso": (gaussian_taps(9, 1.0), gaussian_taps(9, 20.0)),
}
"""Taps down the rows and along the columns of every separable blur."""


def cubic(positions: Tensor) -> Tensor:
    """The cubic convolution kernel with a = -1/2 (Keys, 1981, equation 15).

    Args:
        positions: distances in units of the coarse grid, any shape.

    Returns:
        the kernel there; it interpolates (1 at 0, 0 at the other integers).
    """
    u = positions.abs()
    inner = 1.5 * u**3 - 2.5 * u**2 + 1
    outer = -0.5 * u**3 + 2.5 * u**2 - 4 * u + 2
    return torch.where(u <= 1, inner, torch.where(u < CUBIC_SUPPORT, outer, torch.zeros_like(u)))


def centred_cubic_taps(scale: int) -> Tensor:
    """``4 scale + 1`` taps of the stretched cubic, centred on a pixel, sum 1."""
    reach = CUBIC_SUPPORT * scale
    taps = cubic(torch.arange(-reach, reach + 1, dtype=torch.float64) / scale)
    return taps / taps.sum()


def half_pixel_cubic_taps(scale: int) -> Tensor:
    """``4 scale`` taps of the stretched cubic, centred between two pixels, sum 1."""
    reach = CUBIC_SUPPORT * scale
    taps = cubic((torch.arange(2 * reach, dtype=torch.float64) - reach + 0.5) / scale)
    return taps / taps.sum()
