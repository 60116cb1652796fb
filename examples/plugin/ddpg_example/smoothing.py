"""A network small enough for an example: the noise is what a box filter removes, with a gain."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad


class SmoothingNetwork(nn.Module):
    """``eps = gain (x - local mean of x)``.

    Args:
        radius: of the local mean, in pixels.
    """

    def __init__(self, radius: int = 1) -> None:
        super().__init__()
        self.radius = radius
        self.gain = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002
        """The noise in x (B, 3, H, W)."""
        width = 2 * self.radius + 1
        padded = pad(x, 4 * [self.radius], mode="replicate")
        return self.gain * (x - avg_pool2d(padded, width, stride=1))
