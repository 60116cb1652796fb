"""The noisy-picture classifier of Dhariwal, Nichol, "Diffusion models beat GANs" (2021), section 4.

It is the encoder of their U-Net with a pooling head; the published checkpoints pool by attention
(Radford et al., "Learning transferable visual models", 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ddpg.priors.networks.adm_blocks import EPS
from ddpg.priors.networks.adm_encoder import ADMEncoder
from ddpg.priors.networks.blocks import GroupNorm, SiLU, attention, pixels, pointwise
from ddpg.priors.networks.configurations import ADMClassifierConfig

HIDDEN = 2048
"""Width between the two linear layers of the spatial heads."""


class AttentionPool(nn.Module):
    """The mean pixel attends to itself and to all pixels; what it gathers gives the logits."""

    def __init__(self, side: int, width: int, heads: int, classes: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(width, side**2 + 1) / width**0.5)
        self.qkv_proj = nn.Conv1d(width, 3 * width, 1)
        self.c_proj = nn.Conv1d(width, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        sequence = pixels(features)
        sequence = torch.cat([sequence.mean(dim=1, keepdim=True), sequence], dim=1)
        sequence = sequence + self.positional_embedding.t().to(sequence.dtype)
        # The published head computes every pixel's answer and keeps that of the mean alone.
        qkv = pointwise(self.qkv_proj, sequence).unflatten(2, (3, self.heads, -1))
        queries, keys, values = qkv.unbind(2)
        return pointwise(self.c_proj, attention(queries[:, :1], keys, values)).squeeze(1)


class ADMClassifier(ADMEncoder):
    """Logits of the class of a noisy picture.

    With the pool "attention", which knows the pixels by their places, pictures have the training's
    size; with the others, any size that ``size_multiple`` divides.
    """

    configuration = ADMClassifierConfig

    def __init__(self, config: ADMClassifierConfig) -> None:
        super().__init__(config)
        self.pool, self.image_size = config.pool, config.image_size
        self.out = _head(config, sum(self.skip_widths) + config.widths[-1])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Compute ``log p(y | x_t)`` up to a constant; gradients with respect to ``x`` flow.

        Args:
            x: noisy pictures (B, C, H, W). They are converted to the precision of the weights.
            t: time indices (B,).

        Returns:
            logits (B, classes), in the precision of ``x``.

        Raises:
            ValueError: a shape does not fit.
        """
        self._check(x, t)
        if self.pool == "attention" and x.shape[2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"this classifier takes pictures of {self.image_size} x {self.image_size} only, "
                f"got {x.shape[2]} x {x.shape[3]}"
            )
        features = self.encode(x, silu(self.embed(t)))
        if self.pool.startswith("spatial"):
            pooled = [each.mean(dim=(2, 3)) for each in features]
            return self.out(torch.cat(pooled, dim=1)).to(x.dtype)
        return self.out(features[-1]).to(x.dtype)


def _head(config: ADMClassifierConfig, pooled_width: int) -> nn.Sequential:
    width, classes = config.widths[-1], config.num_classes
    if config.pool == "attention":
        side = config.image_size // config.size_multiple
        pool = AttentionPool(side, width, config.heads(width), classes)
        return nn.Sequential(GroupNorm(width, EPS), SiLU(), pool)
    if config.pool == "adaptive":
        average, linear = nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, classes, 1)
        return nn.Sequential(GroupNorm(width, EPS), SiLU(), average, linear, nn.Flatten())
    if config.pool == "spatial":
        middle: list[nn.Module] = [nn.ReLU()]
    else:
        middle = [GroupNorm(HIDDEN, EPS), SiLU()]
    return nn.Sequential(nn.Linear(pooled_width, HIDDEN), *middle, nn.Linear(HIDDEN, classes))
