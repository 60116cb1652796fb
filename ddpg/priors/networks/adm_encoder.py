"""The half that the U-Net and the classifier of Dhariwal and Nichol (2021) share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ddpg.priors.networks.adm_blocks import (
    AttentionBlock,
    Config,
    ResidualBlock,
    Stack,
    attending,
    downsampling,
)
from ddpg.priors.networks.blocks import PublishedNetwork, SiLU, sinusoids
from ddpg.priors.networks.precise import PreciseConv2d


class ADMEncoder(PublishedNetwork):
    """From a picture and its time to features of every resolution."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.channels = config.channels
        embedding_width = 4 * config.channels
        self.time_embed = nn.Sequential(
            nn.Linear(config.channels, embedding_width),
            SiLU(),
            nn.Linear(embedding_width, embedding_width),
        )
        stacks, self.skip_widths = _encoder(config)
        self.input_blocks = nn.ModuleList(stacks)
        width = config.widths[-1]
        self.middle_block = Stack(
            ResidualBlock(width, width, config),
            AttentionBlock(width, config.heads(width), config.qkv_order),
            ResidualBlock(width, width, config),
        )

    def embed(self, t: Tensor) -> Tensor:
        """Cosines, then sines of the time, through two linear layers; (B,) -> (B, 4 channels)."""
        sines, cosines = sinusoids(t, self.channels, divisor=self.channels // 2)
        return self.time_embed(torch.cat([cosines, sines], dim=1).to(self.dtype))

    def encode(self, x: Tensor, embedding: Tensor) -> list[Tensor]:
        """The features of every input block, and at last those of the middle.

        Args:
            x: pictures (B, C, H, W).
            embedding: of the time, after the activation that all residual blocks share.
        """
        features = [self.input_blocks[0](x, embedding).to(self.dtype)]
        for stack in self.input_blocks[1:]:
            features.append(stack(features[-1], embedding))
        features.append(self.middle_block(features[-1], embedding))
        return features


def _encoder(config: Config) -> tuple[list[Stack], list[int]]:
    """The input blocks, and the width of what each gives."""
    width = config.widths[0]
    stacks = [Stack(PreciseConv2d(config.in_channels, width, 3, padding=1))]
    widths = [width]
    for level, width in enumerate(config.widths):
        for _ in range(config.blocks):
            block = ResidualBlock(widths[-1], width, config)
            stacks.append(Stack(block, *attending(width, level, config)))
            widths.append(width)
        if level + 1 < len(config.widths):
            stacks.append(Stack(downsampling(width, config)))
            widths.append(width)
    return stacks, widths
