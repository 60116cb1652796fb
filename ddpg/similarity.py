"""SSIM and HaarPSI as formulas, on images that :mod:`ddpg.metrics` has checked.

Both agree with the library piq to rounding, and SSIM with scikit-image; the tests compare. They are
spelled out because an evaluation is a short job, and importing piq takes as long as PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

SSIM_CONSTANTS = (0.01, 0.03)
HAARPSI_CONSTANT = 30.0
HAARPSI_ALPHA = 4.2
"""C and alpha of HaarPSI, for images on [0, 255]."""
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def structural_similarity(
    a: Tensor, b: Tensor, *, data_range: float, window: int, deviation: float
) -> Tensor:
    """SSIM (Wang et al., 2004) under a Gaussian window, where it fits; mean over channels.

    Args:
        a, b: (B, C, H, W).
        data_range: white minus black.
        window: taps of the Gaussian along each axis.
        deviation: of the Gaussian, in pixels.

    Returns:
        (B,).
    """
    first, second = ((k * data_range) ** 2 for k in SSIM_CONSTANTS)
    offsets = torch.arange(window, dtype=a.dtype, device=a.device) - (window - 1) / 2
    taps = (-(offsets**2) / (2 * deviation**2)).exp()
    moments = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    mean_a, mean_b, aa, bb, ab = _filtered(moments, taps / taps.sum()).chunk(5, dim=1)
    variances = aa + bb - mean_a**2 - mean_b**2
    contrast = (2 * (ab - mean_a * mean_b) + second) / (variances + second)
    luminance = (2 * mean_a * mean_b + first) / (mean_a**2 + mean_b**2 + first)
    return (luminance * contrast).mean(dim=(1, 2, 3))


def haar_similarity(a: Tensor, b: Tensor, *, data_range: float) -> Tensor:
    """HaarPSI (Reisenhofer et al., 2018, equations 9 to 14); NaN where there is no structure.

    Args:
        a, b: (B, 3, H, W).
        data_range: white minus black.

    Returns:
        (B,).
    """
    pictures = [_halved(_yiq(image * (255 / data_range))) for image in (a, b)]
    # Responses to Haar wavelets of 2, 4 and 8 pixels, in both directions: (B, 2, h, w) each.
    fine, middle, coarse = (
        [_haar(picture[:, :1], size) for picture in pictures] for size in (2, 4, 8)
    )
    luma = (_alike(*fine) + _alike(*middle)) / 2
    colours = [avg_pool2d(pad(p[:, 1:], (0, 1, 0, 1)), 2, stride=1).abs() for p in pictures]
    chroma = _alike(*colours).mean(dim=1, keepdim=True)
    weights = torch.maximum(*coarse)
    weights = torch.cat([weights, weights.mean(dim=1, keepdim=True)], dim=1)
    similar = (HAARPSI_ALPHA * torch.cat([luma, chroma], dim=1)).sigmoid()
    mean = (similar * weights).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3))
    return (mean.logit() / HAARPSI_ALPHA).square()


def _filtered(images: Tensor, taps: Tensor) -> Tensor:
    """Every channel by ``taps`` along both axes, where they fit."""
    planes = images.flatten(0, 1).unsqueeze(1)
    planes = conv2d(conv2d(planes, taps[None, None, :, None]), taps[None, None, None, :])
    return planes.squeeze(1).unflatten(0, images.shape[:2])


def _yiq(image: Tensor) -> Tensor:
    """Luma and two colour differences."""
    return torch.einsum("oc,bchw->bohw", image.new_tensor(YIQ), image)


def _halved(image: Tensor) -> Tensor:
    """Means of 2 x 2 pixels; where a side is odd, zeros continue both."""
    odd = max(image.shape[-2] % 2, image.shape[-1] % 2)
    return avg_pool2d(pad(image, (0, odd, 0, odd)), 2)


def _haar(luma: Tensor, size: int) -> Tensor:
    """Magnitudes of the horizontal and vertical Haar wavelet's responses, zeros outside."""
    kernel = luma.new_full((size, size), 1 / size)
    kernel[size // 2 :] *= -1
    padding = (size // 2 - 1, size // 2) * 2
    return conv2d(pad(luma, padding), torch.stack([kernel, kernel.T]).unsqueeze(1)).abs()


def _alike(a: Tensor, b: Tensor) -> Tensor:
    """``(2 a b + C) / (a^2 + b^2 + C)``."""
    return (2 * a * b + HAARPSI_CONSTANT) / (a**2 + b**2 + HAARPSI_CONSTANT)
