"""From a picture to what a sampler is given: y, the operator, and which part is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.base import LinearOperator
from ddpg.operators.building import build_operator
from ddpg.operators.tasks import CROPPED, LUMA
from ddpg.pictures.kernels import support
from ddpg.pictures.masks import Mask
from ddpg.pictures.reading import Array, Picture, rounding_error
from ddpg.restoring.levels import estimated_noise
from ddpg.restoring.requests import Request

TOLERANCE = 1e-3
"""Of conjugate gradients, where an operator has no spectrum: finer ones change no decibel."""


@dataclass(frozen=True)
class Observed:
    """A picture ready to be restored.

    Attributes:
        y: (1, C, h, w), on [-1, 1].
        operator: A.
        window: rows and columns of the restored picture that lie behind the observed area.
        share: of the values of y, those that were observed.
    """

    y: Tensor
    operator: LinearOperator
    window: tuple[slice, slice]
    share: float


@dataclass(frozen=True)
class NoiseLevel:
    """A noise level and where it comes from.

    Attributes:
        sigma_y: standard deviation, for values in [0, 1].
        source: in a word or two.
    """

    sigma_y: float
    source: str


def noise_level(picture: Picture, request: Request, mask: Mask | None) -> NoiseLevel:
    """The noise level that was asked for, else what is measured, not below the file's rounding."""
    if request.sigma_y is not None:
        return NoiseLevel(float(request.sigma_y), "given")
    measured = estimated_noise(picture.pixels, blurred=request.about.blurred, known=mask)
    if max(measured, picture.rounding) <= request.about.negligible:
        return NoiseLevel(0.0, "estimated as none")
    if measured <= picture.rounding:
        rounding = "8 bits" if picture.rounding <= rounding_error(8) else "its JPEG compression"
        return NoiseLevel(float(f"{picture.rounding:.3g}"), f"the rounding of {rounding}")
    return NoiseLevel(float(f"{measured:.3g}"), "estimated")


def observe(picture: Picture, request: Request, mask: Mask | None, device: str) -> Observed:
    """Take a picture for the observation of an unknown one.

    Args:
        picture: what was seen.
        request: how.
        mask: (H, W), the pixels of it that are known; None for all.
        device: where to.

    Raises:
        UserError: the kernel does not fit into the picture.
    """
    height, width = (side * request.factor for side in picture.size)
    above, beside = _reach(picture, request)
    operator = _operator(request, (height + 2 * above, width + 2 * beside), mask, device)
    y = _observation(picture.pixels, request, mask).to(operator.device)
    share = 1.0 if mask is None else float(mask.mean())
    window = slice(above, above + height), slice(beside, beside + width)
    return Observed(y, operator, window, share)


def _reach(picture: Picture, request: Request) -> tuple[int, int]:
    """How many rows the unknown picture has more above and below, and columns on each side."""
    if request.kernel is None:
        return 0, 0
    sides = support(request.kernel).shape
    if any(side > seen * request.factor for side, seen in zip(sides, picture.size, strict=True)):
        height, width = picture.size
        raise UserError(
            f"{request.kernel_name}: the kernel has {sides[1]} x {sides[0]} pixels, more than the "
            f"picture, {width} x {height}"
        )
    return (sides[0] // 2, sides[1] // 2) if request.border == CROPPED else (0, 0)


def _operator(
    request: Request, size: tuple[int, int], mask: Mask | None, device: str
) -> LinearOperator:
    more: dict[str, object] = {}
    if mask is not None:
        more["mask"] = torch.from_numpy(mask.astype("float64"))
    if request.kernel is not None:
        kernel = torch.from_numpy(support(request.kernel))
        more |= {"kernel": kernel, "border": request.border}
    if request.about.scale:
        more["scale"] = request.factor
    operator = build_operator(request.task, size, device=device, **more)  # type: ignore[arg-type]
    return operator.with_tolerance(TOLERANCE)


def _observation(pixels: Array, request: Request, mask: Mask | None) -> Tensor:
    """(1, C, h, w) on [-1, 1]; what is hidden is 0, as a mask would have it."""
    values = torch.from_numpy(pixels).movedim(2, 0)
    if request.task == "colorization":
        values = _grey(values)
    elif len(values) == 1:
        values = values.expand(3, -1, -1)
    y = (2 * values - 1)[None]
    return y.contiguous() if mask is None else y * torch.from_numpy(mask)


def _grey(values: Tensor) -> Tensor:
    if len(values) == 1:
        return values
    return torch.einsum("chw,c->hw", values, torch.tensor(LUMA))[None]
