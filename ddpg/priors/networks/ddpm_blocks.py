"""The parts of :class:`ddpg.priors.networks.ddpm_unet.DDPMUNet`, named as in its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ddpg.priors.networks.blocks import (
    GroupNorm,
    SiLU,
    attention,
    picture,
    pixels,
    pointwise,
    sinusoids,
)

EPS = 1e-6


class TimeEmbedding(nn.Module):
    """Sines, then cosines of the time through two linear layers, each with its activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        width = 4 * channels
        self.dense = nn.ModuleList([nn.Linear(channels, width), nn.Linear(width, width)])

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        sines, cosines = sinusoids(t, self.channels, divisor=self.channels // 2 - 1)
        embedding = torch.cat([sines, cosines], dim=1).to(dtype)
        for layer in self.dense:
            # The second activation is that of the residual blocks, done once for all of them.
            embedding = functional.silu(layer(embedding))
        return embedding


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions, the time embedding added in between."""

    def __init__(self, width_in: int, width: int, embedding_width: int) -> None:
        super().__init__()
        self.norm1 = GroupNorm(width_in, EPS)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1)
        self.temb_proj = nn.Linear(embedding_width, width)
        self.norm2 = GroupNorm(width, EPS)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()
        self.activation = SiLU()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        hidden = self.conv1(self.activation(self.norm1(features)))
        # No gradient needs a convolution's own result: it may be added to in place.
        hidden += self.temb_proj(embedding)[:, :, None, None]
        hidden = self.conv2(self.activation(self.norm2(hidden)))
        hidden += self.nin_shortcut(features)
        return hidden


class AttentionBlock(nn.Module):
    """Every pixel attends to every other, with one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = GroupNorm(width, EPS)
        self.q = nn.Conv2d(width, width, 1)
        self.k = nn.Conv2d(width, width, 1)
        self.v = nn.Conv2d(width, width, 1)
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        normal = pixels(self.norm(features))
        q, k, v = (pointwise(part, normal).unsqueeze(2) for part in (self.q, self.k, self.v))
        return features + picture(pointwise(self.proj_out, attention(q, k, v)), features)


class Downsample(nn.Module):
    """Half the resolution by a strided convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        # The published network pads on the right and at the bottom only.
        return self.conv(functional.pad(features, (0, 1, 0, 1)))


class Level(nn.Module):
    """The blocks of one resolution, on one side of the network.

    Args:
        widths_in: channels that enter each residual block.
        width: channels that leave it.
        embedding_width: of the time embedding.
        attends: whether attention follows each residual block.
    """

    def __init__(
        self, widths_in: Sequence[int], width: int, embedding_width: int, attends: bool
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            ResidualBlock(width_in, width, embedding_width) for width_in in widths_in
        )
        self.attn = nn.ModuleList(
            AttentionBlock(width) if attends else nn.Identity() for _ in widths_in
        )


class DownLevel(Level):
    """A level of the encoder; ``downsample`` leads to the next, None at the last."""

    downsample: nn.Module | None

    def forward(self, features: Tensor, embedding: Tensor) -> list[Tensor]:
        """Everything that the decoder will see; the last leads on."""
        found = []
        for block, attn in zip(self.block, self.attn, strict=True):
            features = attn(block(features, embedding))
            found.append(features)
        return found if self.downsample is None else [*found, self.downsample(features)]


class UpLevel(Level):
    """A level of the decoder; ``upsample`` leads to the next, None at the last."""

    upsample: nn.Module | None

    def forward(self, features: Tensor, skips: list[Tensor], embedding: Tensor) -> Tensor:
        """Use up the last of the encoder's features, ``skips``, one a block."""
        for block, attn in zip(self.block, self.attn, strict=True):
            features = attn(block(torch.cat([features, skips.pop()], dim=1), embedding))
        return features if self.upsample is None else self.upsample(features)


class Middle(nn.Module):
    """Attention at the coarsest resolution, between two residual blocks."""

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(width, width, embedding_width)
        self.attn_1 = AttentionBlock(width)
        self.block_2 = ResidualBlock(width, width, embedding_width)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(features, embedding)), embedding)
