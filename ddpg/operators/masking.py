"""Pointwise operators: denoising (the identity) and inpainting (a mask).

``A x = m x`` with ``m`` in {0, 1}: ``A = A^T = A A^T``, and pixels are the spectral coordinates.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.spectral import SpectralOperator


class MaskingOperator(SpectralOperator):
    """Keep the pixels where the mask is one; the others are observed as zero.

    Args:
        mask: (H, W) or, one per image, (B, H, W), of zeros and ones.
        dtype: float32 or float64.
        device: where the mask lives.
    """

    def __init__(
        self,
        mask: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        size = (mask.shape[-2], mask.shape[-1])
        batch_size = len(mask) if mask.ndim == 3 else None
        super().__init__(size, size, dtype=dtype, device=device, batch_size=batch_size)
        self._exact = mask
        broadcast = mask if batch_size is None else mask.unsqueeze(1)
        self._mask = broadcast.to(self.device, dtype)

    @property
    def eigenvalues(self) -> Tensor:
        """The mask: (H, W), or (B, 1, H, W) with one per image."""
        return self._mask

    def guidance(self, x: Tensor, y_spectral: Tensor, weights: Tensor) -> Tensor:
        """``A^T W (A x - y)``, which is ``m W (x - y)`` here: a mask is its own square."""
        self._check(x, self._image_size, "images")
        return torch.sub(x, y_spectral).mul_(weights * self._mask)

    def with_known_pixels(self, x: Tensor, y: Tensor) -> Tensor:
        """``y`` where the mask is one, ``x`` elsewhere."""
        return torch.where(self._mask == 1, y, x)

    def _like(self, exact: Tensor, dtype: torch.dtype, device: torch.device) -> MaskingOperator:
        return MaskingOperator(exact, dtype=dtype, device=device)

    def _analyse_image(self, x: Tensor) -> Tensor:
        return x

    def _analyse_observation(self, y: Tensor) -> Tensor:
        return y

    def _project(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum * self._mask

    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum * self._mask

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum

    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum
