"""Kernels and masks of users: what is no such thing is refused, and what was changed is said."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from ddpg.errors import UserError

log = logging.getLogger(__name__)

SUM_TOLERANCE = 1e-3
"""A kernel whose sum is nearer to one stays as it is."""
WHITE = 255
"""What a mask that was a picture shows for one."""


def checked_kernel(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """A blur kernel as operators want it.

    Args:
        kernel: (k, m), or (B, k, m) with one per image; finite, at least 0, of a positive sum.
        size: (H, W) of the images, in which it must fit.

    Returns:
        float64 on the CPU, a copy. A sum other than 1 is divided by; an even side gets a zero row
        or column before the first, so that the tap ``(k - 1) // 2`` is the middle one: that of
        SciPy's convolutions in the mode "same".

    Raises:
        UserError: it is no kernel; the message says what it is.
    """
    kernel = torch.as_tensor(kernel).detach().to("cpu", torch.float64)
    shape = tuple(kernel.shape)
    if kernel.ndim not in (2, 3) or 0 in shape:
        raise UserError(
            f"kernel must be (k, m), or (B, k, m) with one per image, got shape {shape}"
        )
    even = [1 - side % 2 for side in shape[-2:]]
    if shape[-2] + even[0] > size[0] or shape[-1] + even[1] > size[1]:
        raise UserError(
            f"a kernel of {shape[-2]} x {shape[-1]} does not fit into images of "
            f"{size[0]} x {size[1]}"
        )
    check_taps(kernel)
    sums = kernel.sum((-2, -1), keepdim=True)
    if bool(((sums - 1).abs() > SUM_TOLERANCE).any()):
        found = ", ".join(f"{value:g}" for value in sums.flatten()[:3].tolist())
        log.warning("the kernel has the sum %s: it was divided by it", found)
        kernel = kernel / sums
    if any(even):
        log.warning(
            "the kernel of %d x %d has no middle: a zero was put before the first %s",
            *shape[-2:],
            " and ".join(w for w, e in zip(("row", "column"), even, strict=True) if e),
        )
        kernel = torch.nn.functional.pad(kernel, (even[1], 0, even[0], 0))
    return kernel.clone()


def check_taps(kernel: Tensor) -> None:
    """Refuse taps that are not finite, or negative, or all zero."""
    if not bool(torch.isfinite(kernel).all()):
        raise UserError("kernel must be finite, got NaN or infinite taps")
    if bool((kernel < 0).any()):
        raise UserError(
            f"kernel must be at least 0, got {int((kernel < 0).sum())} negative taps, the least "
            f"{float(kernel.min()):.3g}"
        )
    if bool((kernel.sum((-2, -1)) <= 0).any()):
        raise UserError("kernel must have a positive sum, got zeros alone")


def checked_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask as operators want it: 1 where a pixel is seen.

    Args:
        mask: (h, w), or (B, h, w) with one per image, of zeros and ones; or of 0 and 255, as a
            picture has them.
        size: (h, w) of what it masks.

    Returns:
        float64 on the CPU, a copy, of zeros and ones.

    Raises:
        UserError: it is no mask, or shows all or nothing of an image.
    """
    mask = torch.as_tensor(mask).detach().to("cpu", torch.float64)
    if mask.ndim not in (2, 3) or not mask.numel() or tuple(mask.shape[-2:]) != size:
        raise UserError(
            f"mask must be (height, width) = {size}, or (B, height, width), "
            f"got shape {tuple(mask.shape)}"
        )
    if bool((mask == WHITE).any()) and bool(((mask == 0) | (mask == WHITE)).all()):
        log.warning("the mask holds 0 and %d: %d was taken for one", WHITE, WHITE)
        mask = mask / WHITE
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise UserError(
            "mask must hold zeros and ones alone (or 0 and 255), "
            f"got values from {float(mask.min()):g} to {float(mask.max()):g}"
        )
    share = mask.mean((-2, -1)).flatten()
    for value, what in ((0, "zeros alone: nothing is seen"), (1, "ones alone: nothing is missing")):
        found = (share == value).nonzero().flatten().tolist()
        if found:
            where = f" (image {found[0]} of the batch)" if mask.ndim == 3 else ""
            raise UserError(f"mask must hold zeros and ones, got {what}{where}")
    return mask.clone()
