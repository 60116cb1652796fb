"""Demosaicking: a sensor behind a Bayer filter sees one colour at each pixel.

    R G
    G B

The operator is given as two functions; the package does the rest by conjugate gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators import LinearOperator

FILTER = (0, 1, 1, 2)
"""Red, green, green, blue: the channel of each pixel of a 2 x 2 tile, row by row."""


def observe(x: Tensor) -> Tensor:
    """``A x``: (B, 3, H, W) to (B, 1, H, W)."""
    y = torch.empty_like(x[:, :1])
    for position, channel in enumerate(FILTER):
        row, column = divmod(position, 2)
        y[:, 0, row::2, column::2] = x[:, channel, row::2, column::2]
    return y


def spread(y: Tensor) -> Tensor:
    """``A^T y``: every pixel back to its channel."""
    x = y.new_zeros(len(y), 3, *y.shape[2:])
    for position, channel in enumerate(FILTER):
        row, column = divmod(position, 2)
        x[:, channel, row::2, column::2] = y[:, 0, row::2, column::2]
    return x


def build(image_size: tuple[int, int], *, backend: str, scale: int | None) -> LinearOperator:
    """The operator of the task ``demosaicking``; its one backend is "bayer"."""
    if backend != "bayer" or scale is not None:
        raise ValueError(f"demosaicking has the backend 'bayer' and no scale, got {backend!r}")
    return LinearOperator.from_functions(
        observe, spread, (3, *image_size), (1, *image_size), anywhere=True
    )
