"""Full-reference image quality, one float64 number per image.

The conventions of the published comparisons: RGB images clamped to [0, 1], never rounded, data
range 1, every image on its own, then averaged. Everything is computed in float64, so that the
device and the batch do not show in the numbers.

- PSNR over all pixels and channels.
- SSIM with an 11 x 11 Gaussian window of deviation 1.5, per channel, where the window fits (Wang et
  al., 2004), from scikit-image.
- HaarPSI (Reisenhofer et al., 2018), from piq.
- LPIPS version 0.1 on [-1, 1] (Zhang et al., 2018).
"""

from __future__ import annotations

import functools
import math
import os

import torch
from torch import Tensor

SSIM_WINDOW = 11
HAARPSI_SMALLEST = 16
LPIPS_SMALLEST = {"alex": 31, "squeeze": 17, "vgg": 16}
"""Smallest image side that reaches the last layer of the backbone."""


class MetricUnavailable(RuntimeError):  # noqa: N818 - a state of affairs, not a mistake
    """A metric that cannot be computed here; the message is the reason, ready for a table."""


def psnr(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Peak signal-to-noise ratio in dB; infinite for equal images.

    Args:
        restored, reference: (B, C, H, W).
        data_range: the peak: white minus black. Values outside it are not refused here.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ.
        MetricUnavailable: an image is not finite.
    """
    restored, reference = _checked(restored, reference, data_range, bounded=False)
    error = (restored - reference).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(data_range**2 / error)


def ssim(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Structural similarity, at most 1.

    Args:
        restored, reference: (B, C, H, W) in [0, data_range].
        data_range: white minus black.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUnavailable: an image is not finite or smaller than the window.
    """
    restored, reference = _checked(restored, reference, data_range)
    _check_size(restored, SSIM_WINDOW, "SSIM's window")
    from skimage.metrics import structural_similarity

    values = [
        structural_similarity(
            *pair,
            data_range=data_range,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for pair in zip(restored.cpu().numpy(), reference.cpu().numpy(), strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64, device=restored.device)


def haarpsi(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Haar wavelet-based perceptual similarity, in [0, 1].

    Args:
        restored, reference: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUnavailable: an image is not finite or too small, or the index is not defined
            (nothing but black).
    """
    restored, reference = _checked(restored, reference, data_range)
    _check_size(restored, HAARPSI_SMALLEST, "HaarPSI's wavelets")
    import piq

    values = piq.haarpsi(restored, reference, reduction="none", data_range=data_range)
    if not bool(values.isfinite().all()):
        raise MetricUnavailable("HaarPSI is not defined for images without any structure")
    return values


def lpips(
    restored: Tensor,
    reference: Tensor,
    *,
    data_range: float,
    net: str = "alex",
    backbone: str | os.PathLike[str] | None = None,
) -> Tensor:
    """Learned perceptual distance, version 0.1; 0 for equal images.

    Args:
        restored, reference: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.
        net: "alex", "squeeze" or "vgg".
        backbone: the backbone's file or its folder, see
            :func:`ddpg.metrics.backbones.find_backbone`.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, values leave the range, or ``net`` is unknown.
        MetricUnavailable: an image is not finite or too small, or the backbone is not there or not
            the published one.
    """
    if net not in LPIPS_SMALLEST:
        raise ValueError(f"net must be one of {', '.join(LPIPS_SMALLEST)}, got {net!r}")
    restored, reference = _checked(restored, reference, data_range)
    _check_size(restored, LPIPS_SMALLEST[net], f"LPIPS with {net!r}")
    from ddpg.metrics.backbones import find_backbone

    network = _lpips_network(net, find_backbone(net, backbone), restored.device)
    with torch.inference_mode():
        return network(2 / data_range * restored - 1, 2 / data_range * reference - 1).flatten()


@functools.lru_cache(maxsize=4)
def _lpips_network(net: str, backbone: os.PathLike[str], device: torch.device) -> torch.nn.Module:
    from ddpg.metrics.backbones import lpips_network

    return lpips_network(net, backbone).to(device, torch.float64)


def _checked(
    restored: Tensor, reference: Tensor, data_range: float, *, bounded: bool = True
) -> tuple[Tensor, Tensor]:
    """Both images in float64, on the device of the first."""
    if not (math.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range must be a positive number, got {data_range!r}")
    if restored.shape != reference.shape or restored.ndim != 4:
        raise ValueError(
            "restored and reference must have one shape (B, C, H, W), got "
            f"{tuple(restored.shape)} and {tuple(reference.shape)}"
        )
    reference = reference.to(restored.device)
    for name, image in (("restored", restored), ("reference", reference)):
        if not image.is_floating_point():
            raise ValueError(f"{name} must be floating point, got {image.dtype}")
        if not bool(image.isfinite().all()):
            raise MetricUnavailable(f"the {name} image has NaN or infinite values")
        if bounded:
            _check_range(name, image, data_range)
    return restored.to(torch.float64), reference.to(torch.float64)


def _check_range(name: str, image: Tensor, data_range: float) -> None:
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > data_range:
        raise ValueError(
            f"{name} must lie in [0, {data_range:g}] (clamp it first), got [{low:g}, {high:g}]"
        )


def _check_size(image: Tensor, smallest: int, what: str) -> None:
    height, width = image.shape[-2:]
    if min(height, width) < smallest:
        raise MetricUnavailable(
            f"{what} needs images of at least {smallest} x {smallest}, got {height} x {width}"
        )
