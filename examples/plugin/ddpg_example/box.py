"""Super-resolution of block means.

``A x`` is the mean of every s x s block: blocks do not overlap, so ``A A^T = I / s^2``, and the
pixels of the observation are the spectral coordinates.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ddpg.operators import LinearOperator, SamplingGrid, SpectralOperator


class BoxOperator(SpectralOperator):
    """Means of blocks.

    Args:
        image_size: (H, W), divisible by ``scale``.
        scale: s.
        dtype: float32 or float64.
        device: where its one tensor lives.
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
        super().__init__(image_size, small, dtype=dtype, device=device)
        self._scale = scale
        self._eigenvalues = torch.full(small, scale**-2.0, dtype=dtype, device=device)
        self.sampling_grid = SamplingGrid(scale, offset=(scale - 1) / 2, periodic=False)

    @property
    def eigenvalues(self) -> Tensor:
        """``1 / s^2``, (h, w)."""
        return self._eigenvalues

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> BoxOperator:
        return BoxOperator(self._image_size, self._scale, dtype=dtype, device=device)

    def _analyse_image(self, x: Tensor) -> Tensor:
        return x

    def _analyse_observation(self, y: Tensor) -> Tensor:
        return y

    def _project(self, image_spectrum: Tensor) -> Tensor:
        return avg_pool2d(image_spectrum, self._scale)

    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        tall = observation_spectrum.repeat_interleave(self._scale, dim=-2)
        return tall.repeat_interleave(self._scale, dim=-1) / self._scale**2

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum

    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum


def build(image_size: tuple[int, int], *, backend: str, scale: int | None) -> LinearOperator:
    """The operator of the task ``sr_box``; its one backend is "pixel"."""
    if backend != "pixel" or scale is None:
        raise ValueError(f"sr_box has the backend 'pixel' and a scale, got {backend!r}, {scale!r}")
    return BoxOperator(image_size, scale)
