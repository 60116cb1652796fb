"""Layers that a half-precision prior leaves in float32: cheap ones, where precision matters."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.amp import is_autocast_available


class PreciseLinear(nn.Linear):
    """A linear layer of one vector for each image.

    Its cost is that of its call, and on a CPU a call in half precision takes ten times longer.
    """

    keeps_float32: ClassVar[bool] = True


class PreciseConv2d(nn.Conv2d):
    """A convolution of the noisy pixels themselves.

    At the end of a restoration their noise is of the size of bfloat16's rounding errors: rounded,
    they would look noisier to the network than the time says.
    """

    keeps_float32: ClassVar[bool] = True

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name is that of nn.Conv2d
        """The convolution in the precision of the weights, in training as well."""
        kind = input.device.type
        exact = (
            torch.autocast(kind, enabled=False) if is_autocast_available(kind) else nullcontext()
        )
        with exact:
            return super().forward(input.to(self.weight.dtype))
