"""The embedded prior's network: a small, fully convolutional residual U-Net.

Three choices make it cheap on a CPU. A pixel-unshuffle stem moves all the work to half the
resolution (Zhang, Zuo, Zhang, "FFDNet", 2018); the residual blocks have no normalisation, whose
memory traffic costs as much as their convolutions (Zhang et al., "DRUNet", 2021); and the network
is preconditioned (Karras et al., "EDM", 2022, section 5), so that it always predicts a target of
unit variance and the conversion to noise stays exact at both ends of the schedule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ddpg.priors.networks.precise import PreciseConv2d, PreciseLinear
from ddpg.priors.schedule import Schedule

SIGMA_DATA = 0.5
"""Standard deviation of photographs on [-1, 1], the constant of the EDM preconditioning."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a ReLU that the noise level scales and shifts."""

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = PreciseLinear(embedding_width, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _zero(self.modulation)
        _zero(self.second)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        # In float32: a rounded factor is wrong in the same way at every pixel. No gradient needs
        # what is overwritten here and below.
        hidden = torch.addcmul(shift, self.first(features).to(shift.dtype), 1 + scale).relu_()
        return self.second(hidden.to(features.dtype)).add_(features)


class Stage(nn.ModuleList):
    """The residual blocks of one level, in order."""

    def __init__(self, count: int, width: int, embedding_width: int) -> None:
        super().__init__(ResidualBlock(width, embedding_width) for _ in range(count))

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        for block in self:
            features = block(features, embedding)
        return features


class NoiseLevelEmbedding(nn.Module):
    """Fourier features of log sigma, through a two-layer perceptron."""

    angular_frequencies: Tensor

    def __init__(self, width: int, frequencies: int = 16) -> None:
        super().__init__()
        # Half-octave periods from 8 (the schedule spans 9.7 nats) down to 8 / 2**7.5.
        periods = 8.0 * 2.0 ** (-0.5 * torch.arange(frequencies, dtype=torch.float32))
        self.register_buffer("angular_frequencies", 2 * math.pi / periods, persistent=False)
        self.layers = nn.Sequential(
            PreciseLinear(2 * frequencies, width),
            nn.SiLU(),
            PreciseLinear(width, width),
            nn.SiLU(),
        )

    def forward(self, log_sigma: Tensor) -> Tensor:
        angles = log_sigma[:, None] * self.angular_frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))


class ResidualUNet(nn.Module):
    """Noise prediction ``eps(x_t, t)`` for images of any size that :attr:`size_multiple` divides.

    Features have the precision of the convolutions; the noise level's embedding, the
    preconditioning and the output stay in that of the images.

    Args:
        widths: channels of each level; level ``i`` works at ``1 / 2**(i + 1)`` of the image size.
        blocks: residual blocks per level, on each side; the last level has one side.
        embedding_width: width of the noise-level embedding.
    """

    converts_itself: ClassVar[bool] = True
    sigmas: Tensor

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 192),
        blocks: Sequence[int] = (2, 2, 2),
        embedding_width: int = 64,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ValueError(f"widths and blocks must pair up, got {widths!r} and {blocks!r}")
        self.size_multiple = 2 ** len(widths)
        self.embedding = NoiseLevelEmbedding(embedding_width)

        def stage(level: int) -> Stage:
            return Stage(blocks[level], widths[level], embedding_width)

        levels = range(len(widths) - 1)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), PreciseConv2d(12, widths[0], 3, padding=1))
        self.encoder = nn.ModuleList(stage(i) for i in levels)
        self.down = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 2, stride=2) for i in levels)
        self.middle = stage(len(widths) - 1)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2) for i in levels
        )
        self.decoder = nn.ModuleList(stage(i) for i in levels)
        self.head = nn.Sequential(nn.Conv2d(widths[0], 12, 3, padding=1), nn.PixelShuffle(2))
        _zero(self.head)
        alphas_cumprod = Schedule.linear().alphas_cumprod
        sigmas = ((1 - alphas_cumprod) / alphas_cumprod).sqrt()
        self.register_buffer("sigmas", sigmas.float(), persistent=False)

    def features(self, scaled: Tensor, log_sigma: Tensor) -> Tensor:
        """The raw network: input and target of unit variance, ``log_sigma`` of shape (B,)."""
        embedding = self.embedding(log_sigma)
        hidden = self.stem(scaled).to(next(self.middle.parameters()).dtype)
        skips = []
        for stage, down in zip(self.encoder, self.down, strict=True):
            hidden = stage(hidden, embedding)
            skips.append(hidden)
            hidden = down(hidden)
        hidden = self.middle(hidden, embedding)
        for stage, up, skip in reversed(list(zip(self.decoder, self.up, skips, strict=True))):
            hidden = stage(up(hidden).add_(skip), embedding)
        return self.head(hidden).to(scaled.dtype)

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise of ``x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``.

        Args:
            x_t: noisy images (B, 3, H, W); H and W are multiples of :attr:`size_multiple`.
            t: time indices (B,), integers in [0, 999].

        Returns:
            the predicted noise, of the shape of ``x_t``, with unit variance.
        """
        multiple = self.size_multiple
        if x_t.shape[-1] % multiple or x_t.shape[-2] % multiple:
            raise ValueError(
                f"image sides must be multiples of {multiple} for this network, "
                f"got {tuple(x_t.shape[-2:])}"
            )
        sigma = self.sigmas[t]
        column = sigma[:, None, None, None].to(x_t.dtype)
        # x_t is the variance-exploding image divided by sqrt(1 + sigma^2); written in x_t, the
        # EDM denoiser D = c_skip x + c_out F gives the noise (x - D) / sigma as below.
        norm = (1 + column.square()).sqrt()
        spread = (SIGMA_DATA**2 + column.square()).sqrt()
        output = self.features(x_t * (norm / spread), sigma.log().to(x_t.dtype))
        return x_t * (norm * column / spread.square()) - output * (SIGMA_DATA / spread)


def _zero(module: nn.Module) -> None:
    """Start from zero: a block begins as the identity, the network as its linear part."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
