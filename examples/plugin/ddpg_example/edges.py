"""A metric of two pictures: how wrong their edges are."""

from __future__ import annotations

import torch
from torch import Tensor


def edge_error(restored: Tensor, truth: Tensor, *, data_range: float) -> Tensor:
    """The mean absolute error of the differences of neighbours, in 1/255 of the range, (B,)."""
    error = (restored - truth) * 255 / data_range
    sides = [error.diff(dim=axis).abs().flatten(1) for axis in (-2, -1)]
    return torch.cat(sides, dim=1).mean(dim=1)
