"""Colorization: what is observed of the three colours is their grey value.

``A x = w_R R + w_G G + w_B B`` at every pixel, so ``A A^T = |w|^2 I``. By default the weights are
those of luma in ITU-R BT.601.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.base import CHANNELS
from ddpg.operators.tasks import LUMA
from ddpg.operators.tight.frame import TightOperator


class GreyOperator(TightOperator):
    """A weighted sum of the colours; observations have one channel.

    Args:
        image_size: (H, W).
        weights: of red, green and blue.
        dtype: float32 or float64.
        device: where its tensors live.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        weights: tuple[float, float, float] = LUMA,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(
            image_size,
            image_size,
            power=sum(weight**2 for weight in weights),
            channels=1,
            dtype=dtype,
            device=device,
        )
        self._exact = weights
        self._weights = torch.tensor(weights, dtype=dtype, device=device).reshape(-1, 1, 1)

    def _check(self, images: Tensor, size: tuple[int, int], what: str) -> None:
        super()._check(images, size, what)
        channels = CHANNELS if what == "images" else 1
        if images.ndim < 3 or images.shape[-3] != channels:
            raise ValueError(
                f"this operator couples the colours: {what} must be (..., {channels}, {size[0]}, "
                f"{size[1]}), got shape {tuple(images.shape)}"
            )

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> GreyOperator:
        return GreyOperator(self._image_size, self._exact, dtype=dtype, device=device)

    def _analyse_image(self, x: Tensor) -> Tensor:
        return (x * self._weights).sum(-3, keepdim=True)

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum * self._weights
