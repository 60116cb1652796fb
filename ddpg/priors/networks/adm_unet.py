"""The U-Net of Dhariwal, Nichol, "Diffusion models beat GANs on image synthesis" (2021), section 3.

Parameters are named as in its checkpoints (ImageNet, LSUN) and those of its descendants (FFHQ,
AFHQ), so that they load as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ddpg.priors.networks.adm_blocks import EPS, ResidualBlock, Stack, attending, upsampling
from ddpg.priors.networks.adm_encoder import ADMEncoder
from ddpg.priors.networks.blocks import GroupNorm, SiLU
from ddpg.priors.networks.configurations import ADMUNetConfig


class ADMUNet(ADMEncoder):
    """Noise prediction ``eps(x_t, t)``, for pictures of any size that ``size_multiple`` divides.

    Whether a level attends depends on the level alone, as in the published network: pictures of
    another size than the training's, square or not, are possible.
    """

    configuration = ADMUNetConfig

    def __init__(self, config: ADMUNetConfig) -> None:
        super().__init__(config)
        self.num_classes = config.num_classes
        if config.num_classes is not None:
            self.label_emb = nn.Embedding(config.num_classes, 4 * config.channels)
        self.output_blocks = nn.ModuleList(_decoder(config, self.skip_widths))
        width = config.widths[0]
        self.out = nn.Sequential(
            GroupNorm(width, EPS), SiLU(), nn.Conv2d(width, config.out_channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """Predict the noise of ``x = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``.

        Args:
            x: noisy pictures (B, C, H, W) with x_0 in [-1, 1]; H and W are multiples of
                ``size_multiple``. They are converted to the precision of the weights.
            t: time indices (B,).
            y: class labels (B,), for a class-conditional network and no other.

        Returns:
            the predicted noise, of the shape and precision of ``x``; with learned variance
            (B, 2 C, H, W), the noise first.

        Raises:
            ValueError: a shape does not fit, or labels are missing or not wanted.
        """
        self._check(x, t)
        self._check_labels(y, len(x))
        embedding = self.embed(t)
        if y is not None:
            embedding = embedding + self.label_emb(y).to(embedding.dtype)
        embedding = silu(embedding)
        features = self.encode(x, embedding)
        hidden = features.pop()
        for stack in self.output_blocks:
            hidden = stack(torch.cat([hidden, features.pop()], dim=1), embedding)
        return self.out(hidden).to(x.dtype)

    def _check_labels(self, y: Tensor | None, count: int) -> None:
        if self.num_classes is None and y is not None:
            raise ValueError("y must be None: this network is not class-conditional")
        if self.num_classes is not None and (y is None or y.shape != (count,)):
            found = None if y is None else tuple(y.shape)
            raise ValueError(
                f"y must hold {count} class labels in [0, {self.num_classes - 1}] for this "
                f"class-conditional network, got {found}"
            )


def _decoder(config: ADMUNetConfig, skip_widths: list[int]) -> list[Stack]:
    """The output blocks, each of which also sees the features of one input block, last first."""
    skips, stacks, before = list(skip_widths), [], config.widths[-1]
    for level, width in reversed(list(enumerate(config.widths))):
        for number in range(config.blocks + 1):
            block = ResidualBlock(before + skips.pop(), width, config)
            layers = [block, *attending(width, level, config)]
            if level > 0 and number == config.blocks:
                layers.append(upsampling(width, config))
            stacks.append(Stack(*layers))
            before = width
    return stacks
