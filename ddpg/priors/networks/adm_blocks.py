"""The parts of the networks of Dhariwal and Nichol (2021), named as in their checkpoints.

The published code keeps activations inside its sequences of layers; so do these, because the
numbers of the layers are part of the parameters' names.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ddpg.priors.networks.blocks import (
    GroupNorm,
    Repeat,
    SiLU,
    Upsample,
    attention,
    picture,
    pixels,
    pointwise,
)
from ddpg.priors.networks.configurations import ADMClassifierConfig, ADMUNetConfig

EPS = 1e-5

Config = ADMUNetConfig | ADMClassifierConfig


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions; the time embedding scales and shifts, or is added.

    Args:
        width_in: channels that enter.
        width: channels that leave.
        resample: halves or doubles the resolution of both branches on the way.
    """

    def __init__(
        self, width_in: int, width: int, config: Config, resample: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.scale_shift = config.scale_shift
        self.resample = nn.Identity() if resample is None else resample
        self.in_layers = nn.Sequential(
            GroupNorm(width_in, EPS), SiLU(), nn.Conv2d(width_in, width, 3, padding=1)
        )
        # Layer 0, the embedding's activation, is done once for all blocks by the network.
        modulation = nn.Linear(4 * config.channels, width * (2 if config.scale_shift else 1))
        self.emb_layers = nn.Sequential(nn.Identity(), modulation)
        # Layer 2 was the dropout of the training.
        self.out_layers = nn.Sequential(
            GroupNorm(width, EPS), SiLU(), nn.Identity(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.skip_connection = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        norm, activation, convolution = self.in_layers
        hidden = convolution(self.resample(activation(norm(features))))
        hidden = self._modulated(hidden, self.emb_layers(embedding)[:, :, None, None])
        hidden = self.out_layers[1:](hidden)
        # No gradient needs a convolution's own result: it may be added to in place.
        hidden += self.skip_connection(self.resample(features))
        return hidden

    def _modulated(self, hidden: Tensor, modulation: Tensor) -> Tensor:
        norm = self.out_layers[0]
        if not self.scale_shift:
            return norm(hidden.add_(modulation))
        scale, shift = modulation.chunk(2, dim=1)
        return torch.addcmul(shift, norm(hidden), 1 + scale)


class AttentionBlock(nn.Module):
    """Every pixel attends to every other; ``order`` says how qkv's channels are laid out."""

    def __init__(self, width: int, heads: int, order: Literal["legacy", "new"]) -> None:
        super().__init__()
        self.shape = (heads, 3, -1) if order == "legacy" else (3, heads, -1)
        self.parts = 3 if order == "legacy" else 2
        self.norm = GroupNorm(width, EPS)
        self.qkv = nn.Conv1d(width, 3 * width, 1)
        self.proj_out = nn.Conv1d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        qkv = pointwise(self.qkv, pixels(self.norm(features))).unflatten(2, self.shape)
        attended = attention(*qkv.unbind(self.parts))
        return features + picture(pointwise(self.proj_out, attended), features)


class Downsample(nn.Module):
    """Half the resolution by a strided convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.op(features)


class Stack(nn.ModuleList):
    """Layers in a row, of which the residual blocks see the time embedding."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        for layer in self:
            if isinstance(layer, ResidualBlock):
                features = layer(features, embedding)
            else:
                features = layer(features)
        return features


def downsampling(width: int, config: Config) -> nn.Module:
    """What leads from a level of the encoder to the next."""
    if config.resampling == "residual":
        return ResidualBlock(width, width, config, resample=nn.AvgPool2d(2))
    return Downsample(width) if config.resampling == "convolution" else nn.AvgPool2d(2)


def upsampling(width: int, config: Config) -> nn.Module:
    """What leads from a level of the decoder to the next."""
    if config.resampling == "residual":
        return ResidualBlock(width, width, config, resample=Repeat())
    return Upsample(width) if config.resampling == "convolution" else Repeat()


def attending(width: int, level: int, config: Config) -> list[nn.Module]:
    """The attention that follows a residual block of a level, if any does."""
    if not config.has_attention(level):
        return []
    return [AttentionBlock(width, config.heads(width), config.qkv_order)]
