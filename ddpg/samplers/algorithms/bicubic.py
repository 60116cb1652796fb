"""Bicubic enlargement, the classical answer to super-resolution.

Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981 (a = -1/2). Each backend
of the task samples the image at positions of its own; the enlargement follows them, because a
shift of half a pixel would cost more than the interpolation gains.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ddpg.operators.base import LinearOperator
from ddpg.operators.general.enlarging import enlarged
from ddpg.samplers.direct import DirectSampler


class Bicubic(DirectSampler):
    """Cubic convolution of the observed samples, at their true positions."""

    name: ClassVar[str] = "bicubic"

    def estimate(self, y: Tensor, operator: LinearOperator, sigma: float) -> Tensor:  # noqa: ARG002
        """Enlarge y to the size of the images."""
        grid = operator.sampling_grid
        if grid is None:
            raise ValueError("bicubic enlarges observations of sr_bicubic; it has no other task")
        return enlarged(y, grid)
