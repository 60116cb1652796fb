"""Adam, element by element and so image by image.

Kingma & Ba, "Adam: A method for stochastic optimization", ICLR 2015, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SMALLEST = 1e-8


class Adam:
    """The running averages of one optimisation.

    Args:
        like: what is optimised, (B, ...).
        lr: the step size.
        betas: how fast the averages of the gradient and of its square forget.
    """

    def __init__(self, like: Tensor, lr: float, betas: tuple[float, float]) -> None:
        self._lr, self._betas = lr, betas
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)
        self._count = 0

    def step(self, x: Tensor, gradient: Tensor) -> Tensor:
        """``x`` after one step down."""
        self._count += 1
        beta1, beta2 = self._betas
        self._mean = beta1 * self._mean + (1 - beta1) * gradient
        self._square = beta2 * self._square + (1 - beta2) * gradient**2
        mean = self._mean / (1 - beta1**self._count)
        root = (self._square / (1 - beta2**self._count)).sqrt_()
        return x - self._lr * mean / root.add_(SMALLEST)

    def keep(self, images: Sequence[int]) -> None:
        """Go on with some images of the batch alone."""
        self._mean, self._square = self._mean[images], self._square[images]
