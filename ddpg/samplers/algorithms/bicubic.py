"""Bicubic enlargement, the classical answer to super-resolution.

Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981 (a = -1/2). Each backend
of the task samples the image at positions of its own; the enlargement follows them, because a
shift of half a pixel would cost more than the interpolation gains.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ddpg.operators.base import LinearOperator, SamplingGrid
from ddpg.operators.separable import reflect
from ddpg.operators.task_kernels import cubic
from ddpg.samplers.direct import DirectSampler


class Bicubic(DirectSampler):
    """Cubic convolution of the observed samples, at their true positions."""

    name: ClassVar[str] = "bicubic"

    def estimate(self, y: Tensor, operator: LinearOperator, sigma: float) -> Tensor:  # noqa: ARG002
        """Enlarge y to the size of the images.

        Raises:
            ValueError: the operator does not downsample.
        """
        grid = operator.sampling_grid
        if grid is None:
            raise ValueError("bicubic enlarges observations of sr_bicubic; it has no other task")
        rows, columns = (
            enlargement_matrix(samples, grid).to(y) for samples in operator.observation_shape[1:]
        )
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
