"""What operators with ``A A^T = c I`` share.

The pixels of the observation are the spectral coordinates, and every eigenvalue is c.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ddpg.operators.base import CHANNELS
from ddpg.operators.spectral import SpectralOperator


class TightOperator(SpectralOperator):
    """An operator with ``A A^T = c I``.

    Args:
        image_size: (H, W).
        observation_size: (h, w).
        power: c.
        channels: of observations.
        dtype: float32 or float64.
        device: where its tensors live.
        batch_size: number of images that it holds tensors for; None if shared by all.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        observation_size: tuple[int, int],
        *,
        power: float,
        channels: int = CHANNELS,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int | None = None,
    ) -> None:
        super().__init__(
            image_size,
            observation_size,
            channels=channels,
            dtype=dtype,
            device=device,
            batch_size=batch_size,
        )
        self._eigenvalues = torch.full(observation_size, power, dtype=dtype, device=device)

    @property
    def eigenvalues(self) -> Tensor:
        """c, (h, w)."""
        return self._eigenvalues

    @abstractmethod
    def _analyse_image(self, x: Tensor) -> Tensor:
        """``A x``."""

    @abstractmethod
    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        """``A^T y``."""

    def _analyse_observation(self, y: Tensor) -> Tensor:
        return y

    def _project(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum

    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum

    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum
