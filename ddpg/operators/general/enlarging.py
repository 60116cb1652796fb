"""Bicubic enlargement of samples that lie on a grid, at their true positions.

Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981 (a = -1/2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.base import SamplingGrid
from ddpg.operators.separable import reflect
from ddpg.operators.task_kernels import cubic


def enlarged(y: Tensor, grid: SamplingGrid) -> Tensor:
    """Return the bicubic enlargement of samples, (..., h, w) to (..., scale h, scale w)."""
    rows, columns = (enlargement_matrix(samples, grid).to(y) for samples in y.shape[-2:])
    return rows @ y @ columns.mT


def enlargement_matrix(samples: int, grid: SamplingGrid) -> Tensor:
    """Cubic interpolation along one axis: ``x_p = sum_n cubic((p - position_n) / scale) y_n``.

    Args:
        samples: number of observed samples along the axis.
        grid: their positions.

    Returns:
        (scale * samples, samples), float64; rows sum to 1.
    """
    pixels = torch.arange(grid.scale * samples, dtype=torch.float64)
    positions = (pixels - grid.offset) / grid.scale
    nearest = positions.floor().long()
    matrix = torch.zeros(len(pixels), samples, dtype=torch.float64)
    for reach in range(-1, 3):
        index = nearest + reach
        weights = cubic(positions - index)
        wrapped = index % samples if grid.periodic else reflect(index, samples)
        matrix.scatter_add_(1, wrapped[:, None], weights[:, None])
    return matrix
