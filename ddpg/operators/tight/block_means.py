"""Super-resolution of block means, as a sensor with large pixels has them.

``A x`` is the mean of every s x s block: blocks do not overlap, so ``A A^T = I / s^2``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.base import SamplingGrid
from ddpg.operators.tight.frame import TightOperator


class BlockMeansOperator(TightOperator):
    """Means of blocks.

    Args:
        image_size: (H, W), divisible by ``scale``.
        scale: s.
        dtype: float32 or float64.
        device: where its tensors live.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        scale: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        small = (image_size[0] // scale, image_size[1] // scale)
        super().__init__(image_size, small, power=scale**-2.0, dtype=dtype, device=device)
        self._scale = scale
        self.sampling_grid = SamplingGrid(scale, offset=(scale - 1) / 2, periodic=False)

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> BlockMeansOperator:
        return BlockMeansOperator(self._image_size, self._scale, dtype=dtype, device=device)

    def _analyse_image(self, x: Tensor) -> Tensor:
        blocks = x.unflatten(-1, (-1, self._scale)).unflatten(-3, (-1, self._scale))
        return blocks.mean((-3, -1))

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        tall = image_spectrum.repeat_interleave(self._scale, dim=-2)
        return tall.repeat_interleave(self._scale, dim=-1) / self._scale**2
