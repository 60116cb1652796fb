"""The U-Net of Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (2020), appendix B.

Parameters are named as in the PyTorch conversions of its checkpoints (CelebA-HQ, LSUN, CIFAR-10),
so that those load as they are.
"""

from __future__ import annotations

from torch import Tensor, nn

from ddpg.priors.networks.blocks import GroupNorm, PublishedNetwork, Repeat, SiLU, Upsample
from ddpg.priors.networks.configurations import DDPMUNetConfig
from ddpg.priors.networks.ddpm_blocks import (
    EPS,
    DownLevel,
    Downsample,
    Middle,
    TimeEmbedding,
    UpLevel,
)
from ddpg.priors.networks.precise import PreciseConv2d


class DDPMUNet(PublishedNetwork):
    """Noise prediction ``eps(x_t, t)``, for pictures of any size that ``size_multiple`` divides.

    Whether a level attends depends on the level alone, as in the published network: pictures of
    another size than the training's, square or not, are possible.
    """

    configuration = DDPMUNetConfig

    def __init__(self, config: DDPMUNetConfig) -> None:
        super().__init__(config)
        width = config.channels
        self.temb = TimeEmbedding(width)
        self.conv_in = PreciseConv2d(config.in_channels, width, 3, padding=1)
        skips = [width]
        self.down = nn.ModuleList(
            _down_level(config, number, skips) for number in range(len(config.widths))
        )
        self.mid = Middle(config.widths[-1], 4 * width)
        decoder = [_up_level(config, n, skips) for n in reversed(range(len(config.widths)))]
        self.up = nn.ModuleList(reversed(decoder))
        self.norm_out = GroupNorm(config.widths[0], EPS)
        self.activation = SiLU()
        self.conv_out = nn.Conv2d(config.widths[0], config.out_channels, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict the noise of ``x = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``.

        Args:
            x: noisy pictures (B, C, H, W) with x_0 in [-1, 1]; H and W are multiples of
                ``size_multiple``. They are converted to the precision of the weights.
            t: time indices (B,).

        Returns:
            the predicted noise, of the shape and precision of ``x``; with learned variance
            (B, 2 C, H, W), the noise first.

        Raises:
            ValueError: a shape does not fit.
        """
        self._check(x, t)
        embedding = self.temb(t, self.dtype)
        skips = [self.conv_in(x).to(self.dtype)]
        for level in self.down:
            skips += level(skips[-1], embedding)
        hidden = self.mid(skips[-1], embedding)
        for level in reversed(self.up):
            hidden = level(hidden, skips, embedding)
        return self.conv_out(self.activation(self.norm_out(hidden))).to(x.dtype)


def _down_level(config: DDPMUNetConfig, number: int, skips: list[int]) -> DownLevel:
    """The encoder's level; appends the widths of what it yields to ``skips``."""
    width, repeated = config.widths[number], config.blocks - 1
    widths_in = [skips[-1], *[width] * repeated]
    level = DownLevel(widths_in, width, 4 * config.channels, config.has_attention(number))
    skips += [width] * config.blocks
    level.downsample = None
    if number + 1 < len(config.widths):
        level.downsample = nn.AvgPool2d(2) if config.resampling == "plain" else Downsample(width)
        skips.append(width)
    return level


def _up_level(config: DDPMUNetConfig, number: int, skips: list[int]) -> UpLevel:
    """The decoder's level; takes the widths that it uses up from ``skips``."""
    width, coarser = config.widths[number], config.widths[number : number + 2][-1]
    widths_in = [before + skips.pop() for before in (coarser, *[width] * config.blocks)]
    level = UpLevel(widths_in, width, 4 * config.channels, config.has_attention(number))
    level.upsample = None
    if number > 0:
        level.upsample = Repeat() if config.resampling == "plain" else Upsample(width)
    return level
