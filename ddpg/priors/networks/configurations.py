"""What the networks of the two published families may look like: typed, validated, torch-free.

``ddpm_unet`` is the network of Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (2020),
in the form in which its CelebA-HQ, LSUN and CIFAR-10 checkpoints were converted to PyTorch.
``adm_unet`` and ``adm_classifier`` are those of Dhariwal, Nichol, "Diffusion models beat GANs on
image synthesis" (2021), with the options that its descendants' checkpoints use (FFHQ, AFHQ, LSUN,
and those of Nichol, Dhariwal, "Improved DDPM", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ddpg.validation import Section

GROUPS = 32
"""Groups of every group normalisation: the width of each level is a multiple of it."""

HEAD_CHANNELS = 64
"""Channels of each attention head of the published checkpoints that fix it."""

GIVE_HEADS = (
    "give head_channels (published as num_head_channels, unless that is -1) or num_heads (4 where "
    "the published scripts are given neither flag)"
)
"""What a card without either is told."""

Positive = Annotated[int, Field(ge=1)]


class Architecture(Section):
    """What the families share: a U-Net that halves the resolution from level to level."""

    image_size: Positive
    """Side of the pictures that the network was trained on; says which levels have attention."""
    in_channels: Positive = 3
    """Channels of the picture."""
    channels: Positive
    """Width that the multipliers multiply; the time embedding is four times as wide."""
    multipliers: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    """Width of each level as a multiple of ``channels``, from the finest to the coarsest."""
    blocks: Positive
    """Residual blocks per level of the encoder; a decoder has one more."""
    attention_resolutions: list[Positive]
    """Sides of the levels with attention, for pictures of ``image_size``; [] for none. The middle
    block always has it."""

    @property
    def widths(self) -> list[int]:
        """Channels of each level."""
        return [int(self.channels * multiplier) for multiplier in self.multipliers]

    @property
    def size_multiple(self) -> int:
        """Image sides must be multiples of it, so that every level halves evenly."""
        return 2 ** (len(self.multipliers) - 1)

    def has_attention(self, level: int) -> bool:
        """Whether the blocks of a level attend; by level, whatever the picture's size."""
        return self.image_size >> level in self.attention_resolutions

    @field_validator("multipliers")
    @classmethod
    def _levels_fit(cls, multipliers: list[float], info: ValidationInfo) -> list[float]:
        channels, size = info.data.get("channels"), info.data.get("image_size")
        widths = [channels * multiplier for multiplier in multipliers] if channels else []
        if any(width % GROUPS for width in widths):
            raise ValueError(
                f"channels times each multiplier must be a multiple of {GROUPS}, the groups of "
                f"the normalisation; channels is {channels}"
            )
        if size and size % 2 ** (len(multipliers) - 1):
            raise ValueError(
                f"image_size {size} cannot be halved {len(multipliers) - 1} times, "
                f"once between each two levels"
            )
        return multipliers

    @field_validator("attention_resolutions")
    @classmethod
    def _resolutions_exist(cls, resolutions: list[int], info: ValidationInfo) -> list[int]:
        if {"image_size", "multipliers"} <= set(info.data):
            levels = range(len(info.data["multipliers"]))
            sides = [info.data["image_size"] >> level for level in levels]
            if not set(resolutions) <= set(sides):
                allowed = ", ".join(map(str, sides))
                raise ValueError(f"each must be the side of a level; allowed: {allowed}")
        return resolutions


class DDPMUNetConfig(Architecture):
    """The network of Ho et al. (2020)."""

    kind: Literal["ddpm_unet"] = "ddpm_unet"
    resampling: Literal["convolution", "plain"] = "convolution"
    """Between levels: with a 3 x 3 convolution, or average pooling and repetition alone."""
    learned_variance: bool = False
    """Whether the output has a second half, which predicts variances."""

    @property
    def out_channels(self) -> int:
        """Channels of the output; the first ``in_channels`` are the noise."""
        return self.in_channels * (2 if self.learned_variance else 1)


class _ADM(Architecture):
    """What the U-Net and the classifier of Dhariwal and Nichol (2021) share."""

    num_heads: Positive | None = None
    """Attention heads at every level; leave it out where the width of a head is fixed (published
    as num_head_channels: unless that is -1 it counts, and the published num_heads is ignored)."""
    head_channels: Positive | None = Field(default=None, validate_default=True)
    """Channels of each attention head; a card gives it or ``num_heads``, 64 in Python without."""
    qkv_order: Literal["legacy", "new"] = "legacy"
    """How attention splits its channels: first by head ("legacy", most published checkpoints), or
    first into queries, keys and values ("new", published as use_new_attention_order)."""
    scale_shift: bool = True
    """Whether the time embedding scales and shifts the normalised features, or is added to them
    (published as use_scale_shift_norm)."""
    resampling: Literal["residual", "convolution", "plain"] = "residual"
    """Between levels: a residual block (published as resblock_updown), a 3 x 3 convolution, or
    average pooling and repetition alone."""

    def heads(self, width: int) -> int:
        """Attention heads at a level of this width."""
        return self.num_heads or width // (self.head_channels or HEAD_CHANNELS)

    @field_validator("head_channels")
    @classmethod
    def _heads_divide(cls, head_channels: int | None, info: ValidationInfo) -> int | None:
        given = info.data
        if not {"channels", "multipliers", "attention_resolutions", "num_heads"} <= set(given):
            return head_channels
        heads = given["num_heads"]
        if heads and head_channels:
            raise ValueError(
                f"give num_heads (here {heads}) or head_channels, not both; where a checkpoint was "
                f"published with both, num_head_channels counts (here {head_channels}) and "
                "num_heads is ignored"
            )
        divisor = heads or head_channels or HEAD_CHANNELS
        name = f"{divisor} heads" if heads else f"heads of {divisor} channels"
        advice = "; choose other head_channels or num_heads"
        if not heads and not head_channels:
            name, advice = f"{GIVE_HEADS}; without either, {name}", ""
        for level, multiplier in enumerate(given["multipliers"]):
            last = level == len(given["multipliers"]) - 1
            width = int(given["channels"] * multiplier)
            attends = last or given["image_size"] >> level in given["attention_resolutions"]
            if attends and width % divisor:
                wrong = f"{name} do not divide the width {width} of level {level}, which attends"
                raise ValueError(wrong + advice)
        return head_channels


class ADMUNetConfig(_ADM):
    """The U-Net of Dhariwal and Nichol (2021)."""

    kind: Literal["adm_unet"] = "adm_unet"
    learned_variance: bool = True
    """Whether the output has a second half, which predicts variances (published as learn_sigma)."""
    num_classes: Positive | None = None
    """Classes of a class-conditional network; leave it out for an unconditional one."""

    @property
    def out_channels(self) -> int:
        """Channels of the output; the first ``in_channels`` are the noise."""
        return self.in_channels * (2 if self.learned_variance else 1)


class ADMClassifierConfig(_ADM):
    """The noisy-image classifier of Dhariwal and Nichol (2021)."""

    kind: Literal["adm_classifier"] = "adm_classifier"
    num_classes: Positive = 1000
    """Classes told apart."""
    pool: Literal["attention", "adaptive", "spatial", "spatial_v2"] = "attention"
    """From features to logits: "attention" (all published checkpoints; pictures of ``image_size``
    alone), "adaptive" (average, then linear), "spatial" and "spatial_v2" (averages of all levels,
    then two linear layers)."""


_LEVELS_256 = {"image_size": 256, "multipliers": [1, 1, 2, 2, 4, 4], "blocks": 2}
_ADM_256 = {**_LEVELS_256, "attention_resolutions": [32, 16, 8], "head_channels": 64}

PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "celeba-hq-256": {
        "kind": "ddpm_unet",
        **_LEVELS_256,
        "channels": 128,
        "attention_resolutions": [16],
    },
    "imagenet-256": {"kind": "adm_unet", **_ADM_256, "channels": 256},
    "imagenet-256-cond": {"kind": "adm_unet", **_ADM_256, "channels": 256, "num_classes": 1000},
    "imagenet-256-classifier": {"kind": "adm_classifier", **_ADM_256, "channels": 128},
}
"""Architectures of the four published checkpoints of the study, as a card's YAML repeats them."""
