"""What the published families share: the base class, normalisation, attention, time embedding.

Everything is indifferent to the memory layout: in channels-last form, which is the fast one, a
picture is the matrix of its pixels already, and attention reads and writes it without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ddpg.priors.networks.configurations import GROUPS, Architecture
from ddpg.validation import validated


class PublishedNetwork(nn.Module):
    """A network of pictures and times that a published checkpoint fits, parameter by parameter."""

    configuration: ClassVar[type[Architecture]]
    converts_itself: ClassVar[bool] = True

    def __init__(self, config: Architecture) -> None:
        super().__init__()
        self.size_multiple = config.size_multiple
        self.in_channels = config.in_channels

    @classmethod
    def from_config(cls, fields: Mapping[str, Any]) -> Self:
        """Build the network that a card's ``architecture`` describes, with random weights.

        Args:
            fields: the fields of :mod:`ddpg.priors.networks.configurations`; ``kind`` may be
                among them. Under ``torch.device("meta")`` no memory is taken.

        Raises:
            UserError: a field is unknown, missing or impossible; the message lists all such.
        """
        return cls(validated(cls.configuration, fields, "architecture"))

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the convolutions and linear layers."""
        return next(self.parameters()).dtype  # the time embedding's, in all of them

    def _check(self, x: Tensor, t: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"x must have shape (B, {self.in_channels}, H, W), got {tuple(x.shape)}"
            )
        if x.shape[2] % self.size_multiple or x.shape[3] % self.size_multiple:
            raise ValueError(
                f"image sides must be multiples of {self.size_multiple} for this network, "
                f"got {tuple(x.shape[2:])}"
            )
        if t.shape != x.shape[:1]:
            raise ValueError(f"t must have shape ({len(x)},), one time each, got {tuple(t.shape)}")


class GroupNorm(nn.GroupNorm):
    """Group normalisation in 32 groups, computed in float32 where the features are half.

    The result has the precision of the features.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__(GROUPS, width, eps)

    def forward(self, features: Tensor) -> Tensor:
        wide = torch.promote_types(features.dtype, torch.float32)
        weight, bias = self.weight.to(wide), self.bias.to(wide)
        # The CPU's kernel takes half features with float32 weights, and needs no float32 copy.
        values = features if features.device.type == "cpu" else features.to(wide)
        return functional.group_norm(values, GROUPS, weight, bias, self.eps).to(features.dtype)


class SiLU(nn.Module):
    """``h sigmoid(h)``, in place where no gradient will ask for ``h`` again."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.silu(features, inplace=not features.requires_grad)


def sinusoids(t: Tensor, width: int, *, divisor: int) -> tuple[Tensor, Tensor]:
    """Sines and cosines of ``t 10000^(-i / divisor)`` for i = 0, ..., width / 2 - 1, in float32.

    Args:
        t: times (B,), integers or not.
        width: of both together.
        divisor: the two families differ in it.

    Returns:
        sines and cosines, (B, width / 2) each.
    """
    steps = torch.arange(width // 2, dtype=torch.float32, device=t.device)
    angles = t.float()[:, None] * torch.exp(steps * (-math.log(10000) / divisor))
    return angles.sin(), angles.cos()


def pixels(features: Tensor) -> Tensor:
    """The pixels as a sequence, (B, C, H, W) -> (B, H W, C); a view."""
    return features.flatten(2).transpose(1, 2)


def picture(sequence: Tensor, like: Tensor) -> Tensor:
    """The inverse of :func:`pixels`, with the sides of ``like``; a channels-last view."""
    return sequence.transpose(1, 2).unflatten(2, like.shape[2:])


def pointwise(convolution: nn.Conv1d | nn.Conv2d, sequence: Tensor) -> Tensor:
    """A convolution of one pixel, on a sequence of pixels (B, L, C), where it is linear."""
    return functional.linear(sequence, convolution.weight.flatten(1), convolution.bias)


def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` of each head.

    Args:
        queries: (B, L, heads, d).
        keys: (B, M, heads, d).
        values: (B, M, heads, d).

    Returns:
        the heads side by side, (B, L, heads d).
    """
    q, k, v = (part.transpose(1, 2) for part in (queries, keys, values))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class Repeat(nn.Module):
    """Twice the resolution, each pixel repeated 2 x 2."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.interpolate(features, scale_factor=2.0, mode="nearest")


class Upsample(nn.Module):
    """Twice the resolution by repetition and a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.repeat = Repeat()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(self.repeat(features))
