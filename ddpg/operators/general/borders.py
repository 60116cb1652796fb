"""What an image is taken for outside its frame, and the adjoint of that.

With r rows and columns on each side, one axis at a time, for x of H pixels:

    reflect    x[-i] = x[i], x[H-1+i] = x[H-1-i]: the edge is not repeated
    replicate  x[-i] = x[0], x[H-1+i] = x[H-1]
    circular   x[-i] = x[H-i], x[H-1+i] = x[i-1]
    zero       0

The adjoint adds what lies outside to the pixels that it was copied from.
"""

from __future__ import annotations

import torch
from torch import Tensor


def extend(x: Tensor, margins: tuple[int, int], border: str) -> Tensor:
    """Images (..., H, W) with margins of (rows, columns) on each side."""
    for axis, margin in zip((-2, -1), margins, strict=True):
        if margin:
            x = torch.cat(_with_margins(x, margin, axis, border), axis)
    return x


def fold(x: Tensor, margins: tuple[int, int], border: str) -> Tensor:
    """The adjoint of :func:`extend`: (..., H + 2 rows, W + 2 columns) to (..., H, W)."""
    for axis, margin in zip((-2, -1), margins, strict=True):
        if margin:
            x = _without_margins(x, margin, axis, border)
    return x


def _with_margins(x: Tensor, margin: int, axis: int, border: str) -> list[Tensor]:
    size = x.shape[axis]
    if border == "reflect":
        before, after = (x.narrow(axis, i, margin).flip(axis) for i in (1, size - 1 - margin))
    elif border == "replicate":
        before, after = (
            x.narrow(axis, i, 1).repeat_interleave(margin, axis) for i in (0, size - 1)
        )
    elif border == "circular":
        before, after = x.narrow(axis, size - margin, margin), x.narrow(axis, 0, margin)
    else:
        before = after = torch.zeros_like(x.narrow(axis, 0, margin))
    return [before, x, after]


def _without_margins(x: Tensor, margin: int, axis: int, border: str) -> Tensor:
    size = x.shape[axis] - 2 * margin
    before, inner, after = x.split([margin, size, margin], axis)
    if border == "zero":
        return inner
    folded = inner.clone()
    if border == "reflect":
        folded.narrow(axis, 1, margin).add_(before.flip(axis))
        folded.narrow(axis, size - 1 - margin, margin).add_(after.flip(axis))
    elif border == "replicate":
        folded.narrow(axis, 0, 1).add_(before.sum(axis, keepdim=True))
        folded.narrow(axis, size - 1, 1).add_(after.sum(axis, keepdim=True))
    else:
        folded.narrow(axis, size - margin, margin).add_(before)
        folded.narrow(axis, 0, margin).add_(after)
    return folded
