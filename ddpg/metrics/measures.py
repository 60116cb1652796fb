"""Full-reference image quality, one float64 number per image.

The conventions of the published comparisons: RGB images clamped to [0, 1], never rounded, data
range 1, every image on its own, then averaged. Everything is computed in float64, so that the
device and the batch do not show in the numbers. No image touches another's value: where a metric is
not defined for an image its value is NaN; if it is for none of the batch, the reason is raised.

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
from collections.abc import Callable

import torch
from torch import Tensor

from ddpg.errors import MetricUndefined

SSIM_WINDOW = 11
HAARPSI_SMALLEST = 16
NOT_FINITE = "the image has NaN or infinite values"
LPIPS_SMALLEST = {"alex": 31, "squeeze": 17, "vgg": 16}
"""Smallest image side that reaches the last layer of the backbone."""


def psnr(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Peak signal-to-noise ratio in dB; infinite for equal images.

    Args:
        restored, reference: (B, C, H, W).
        data_range: the peak: white minus black. Values outside it are not refused here.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ.
        MetricUndefined: no image is finite.

    >>> psnr(torch.full((1, 3, 8, 8), 0.6), torch.full((1, 3, 8, 8), 0.5), data_range=1).round()
    tensor([20.], dtype=torch.float64)
    """
    restored, reference = _checked(restored, reference, data_range, bounded=False)

    def of_one(image: Tensor, truth: Tensor) -> Tensor:
        return 10 * torch.log10(data_range**2 / (image - truth).square().mean())

    return _each(of_one, restored, reference)


def psnr_of_8_bits(
    restored: Tensor, reference: Tensor, *, data_range: float, border: int = 0
) -> Tensor:
    """PSNR in dB of pictures that were rounded to 8 bits, as where they are written to files first.

    Args:
        restored, reference: (B, C, H, W) in [0, data_range].
        data_range: white minus black.
        border: pixels at each edge that are left out.

    Returns:
        (B,) float64; infinite for pictures that are equal once they are rounded.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUndefined: no image is finite, or they are nothing but border.

    >>> grey, almost = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 3, 8, 8), 0.501)
    >>> psnr_of_8_bits(grey, almost, data_range=1)
    tensor([inf], dtype=torch.float64)
    """
    what = f"PSNR without {border} pixels at each edge"
    restored, reference = checked_pair(restored, reference, data_range, 2 * border + 1, what)
    inner = slice(border, -border or None)
    levels = [
        (255 / data_range * image[..., inner, inner]).round() for image in (restored, reference)
    ]
    return psnr(*levels, data_range=255.0)


def ssim(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Structural similarity, at most 1.

    Args:
        restored, reference: (B, C, H, W) in [0, data_range].
        data_range: white minus black.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUndefined: no image is finite, or they are smaller than the window.

    >>> image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> ssim(image, image, data_range=1)
    tensor([1.], dtype=torch.float64)
    """
    restored, reference = checked_pair(
        restored, reference, data_range, SSIM_WINDOW, "SSIM's window"
    )
    from skimage.metrics import structural_similarity

    def of_one(image: Tensor, truth: Tensor) -> Tensor:
        value = structural_similarity(
            image.cpu().numpy(),
            truth.cpu().numpy(),
            data_range=data_range,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        return image.new_tensor(value)

    return _each(of_one, restored, reference)


def haarpsi(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """Haar wavelet-based perceptual similarity, in [0, 1].

    Args:
        restored, reference: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.

    Returns:
        (B,) float64.

    Two images without any structure, of which the index makes 0 / 0, are alike: 1.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUndefined: no image is finite, or they are too small.

    >>> image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> haarpsi(image, image, data_range=1).round(decimals=6)
    tensor([1.], dtype=torch.float64)
    """
    restored, reference = checked_pair(
        restored, reference, data_range, HAARPSI_SMALLEST, "HaarPSI's wavelets"
    )
    import piq

    def of_one(image: Tensor, truth: Tensor) -> Tensor:
        pair = image[None], truth[None]
        value = piq.haarpsi(*pair, reduction="none", data_range=data_range)[0]
        # Similarities of 1 everywhere, all of weight 0: there is no response of any wavelet.
        return value if bool(value.isfinite()) else torch.ones_like(value)

    return _each(of_one, restored, reference)


def lpips(
    restored: Tensor,
    reference: Tensor,
    *,
    data_range: float,
    net: str = "alex",
    pooling: str = "max",
    black: float = -1.0,
    backbone: str | os.PathLike[str] | None = None,
) -> Tensor:
    """Learned perceptual distance, version 0.1; 0 for equal images.

    Args:
        restored, reference: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.
        net: "alex", "squeeze" or "vgg".
        pooling: "max", as the network was trained, or "average", as piq offers it.
        black: what the network is given for black; white is 1. It was trained with -1.
        backbone: the backbone's file or its folder, see
            :func:`ddpg.metrics.backbones.find_backbone`.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, values leave the range, or ``net`` or ``pooling`` is unknown.
        MetricUndefined: no image is finite, or they are too small.
        MetricUnavailable: the backbone is not there or not the published one.

    >>> image = torch.zeros(1, 3, 32, 32)
    >>> lpips(image, image, data_range=1, backbone="somewhere/alexnet.pth")
    Traceback (most recent call last):
    ...
    ddpg.errors.MetricUnavailable: LPIPS needs alexnet-owt-7be5be79.pth, which ...
    """
    if net not in LPIPS_SMALLEST:
        raise ValueError(f"net must be one of {', '.join(LPIPS_SMALLEST)}, got {net!r}")
    restored, reference = checked_pair(
        restored, reference, data_range, LPIPS_SMALLEST[net], f"LPIPS with {net!r}"
    )
    from ddpg.metrics.backbones import find_backbone

    network = _lpips_network(net, pooling, find_backbone(net, backbone), restored.device)

    def of_batch(*pair: Tensor) -> Tensor:
        return network(*((1 - black) / data_range * image + black for image in pair)).flatten()

    return of_finite(of_batch, restored, reference)


@functools.lru_cache(maxsize=4)
def _lpips_network(
    net: str, pooling: str, backbone: os.PathLike[str], device: torch.device
) -> torch.nn.Module:
    from ddpg.metrics.backbones import lpips_network

    return lpips_network(net, backbone, pooling=pooling).to(device, torch.float64)


def each_image(
    metric: Callable[[Tensor], Tensor],
    images: Tensor,
    data_range: float,
    *,
    smallest: int,
    what: str,
) -> Tensor:
    """A metric without reference of each image by itself, as float64.

    Args:
        metric: of one image (3, H, W); may raise MetricUndefined.
        images: (B, 3, H, W) in [0, data_range].
        smallest: the side that an image must have.
        what: the metric for people.

    Returns:
        (B,): NaN where the metric is not defined, unless that is so for none.

    Raises:
        ValueError: these are no images, or their values leave the range.
        MetricUndefined: it is defined for none of them.
    """
    exact, _ = _checked(images, images, data_range)
    _check_size(exact, smallest, what)
    return _each(metric, exact)


def _each(metric: Callable[..., Tensor], *pictures: Tensor) -> Tensor:
    """A metric of each image by itself; NaN where it is not defined, unless it is for none."""
    values, reasons, restored = [], [], pictures[0]
    for images in zip(*pictures, strict=True):
        try:
            if not all(bool(image.isfinite().all()) for image in images):
                raise MetricUndefined(NOT_FINITE)
            values.append(metric(*images))
        except MetricUndefined as reason:
            values.append(restored.new_tensor(math.nan))
            reasons.append(reason)
    if reasons and len(reasons) == len(values):
        raise reasons[0]
    return torch.stack(values) if values else restored.new_empty(0)


def of_finite(
    metric: Callable[[Tensor, Tensor], Tensor], restored: Tensor, reference: Tensor
) -> Tensor:
    """A network's metric of all images at once that are finite, (B,); NaN for the others.

    Raises:
        MetricUndefined: no image is finite.
    """
    whole = finite_images(restored) & finite_images(reference)
    values = restored.new_full((len(restored),), math.nan)
    if bool(whole.any()):
        with torch.inference_mode():
            values[whole] = metric(restored[whole], reference[whole])
    elif len(whole):
        raise MetricUndefined(NOT_FINITE)
    return values


def finite_images(images: Tensor) -> Tensor:
    """Which images of a batch are finite, (B,)."""
    return images.isfinite().flatten(1).all(1)


def checked_pair(
    restored: Tensor, reference: Tensor, data_range: float, smallest: int, what: str
) -> tuple[Tensor, Tensor]:
    """Both batches in float64, on the device of the first.

    Args:
        smallest: the side that an image must have.
        what: the metric for people.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUndefined: the images are too small.
    """
    pair = _checked(restored, reference, data_range)
    _check_size(restored, smallest, what)
    return pair


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
        if bounded:
            _check_range(name, image[finite_images(image)], data_range)
    return restored.to(torch.float64), reference.to(torch.float64)


def _check_range(name: str, image: Tensor, data_range: float) -> None:
    if not image.numel():
        return
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > data_range:
        raise ValueError(
            f"{name} must lie in [0, {data_range:g}] (clamp it first), got [{low:g}, {high:g}]"
        )


def _check_size(image: Tensor, smallest: int, what: str) -> None:
    height, width = image.shape[-2:]
    if min(height, width) < smallest:
        raise MetricUndefined(
            f"{what} needs images of at least {smallest} x {smallest}, got {height} x {width}"
        )
