"""What a training recipe may say: the keys of ``config/training/*.yaml``."""

from __future__ import annotations

from dataclasses import field

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from ddpg.priors.training.photographs import PhotographPackage


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainingConfig:
    """Everything that decides what a training run computes.

    Attributes:
        widths, blocks, embedding_width: the network, see :class:`ResidualUNet`.
        steps: optimisation steps in all.
        batch_size, patch_size: patches of each step, and their side in pixels.
        cooldown_batch_size, cooldown_patch_size: the same in the last ``cooldown`` steps, where
            fewer, larger patches teach the network to look farther.
        learning_rate: of Adam, after ``warmup`` steps and before the last ``cooldown`` steps.
        kernel_learning_rate: the same of Muon, which then trains the convolutions between the first
            and the last; with 0 Adam trains them as well.
        ema: decay of the averaged weights, per step.
        log_normal_share: share of the noise levels drawn log-normally around ``sigma = 0.3`` (EDM,
            table 1), where an image's detail is decided; the others are uniform in t.
        leaves, leaf_size, leaf_share: see :func:`training_pictures`.
        photographs: packages that carry them, at least one photograph.
        seed: of the pictures, the patches and the noise.
        precision: "bfloat16" runs the convolutions in half precision, "float32" does not.
        log_every, save_every: steps between log lines and between saves.
    """

    widths: list[int] = field(default_factory=lambda: [64, 128, 192])
    blocks: list[int] = field(default_factory=lambda: [3, 2, 2])
    embedding_width: int = 64
    steps: int = 30_000
    batch_size: int = 16
    patch_size: int = 64
    cooldown_batch_size: int = 8
    cooldown_patch_size: int = 96
    learning_rate: float = 1e-3
    kernel_learning_rate: float = 0.0
    warmup: int = 500
    cooldown: int = 8_000
    ema: float = 0.999
    log_normal_share: float = 0.7
    leaves: int = 1500
    leaf_size: int = 256
    leaf_share: float = 0.6
    photographs: list[PhotographPackage] = field(default_factory=list)
    seed: int = 0
    precision: str = "bfloat16"
    log_every: int = 100
    save_every: int = 1000

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        if not 0 < self.warmup + self.cooldown <= self.steps:
            raise ValueError(
                f"warmup + cooldown must lie in [1, steps], got {self.warmup} + {self.cooldown} "
                f"with {self.steps} steps"
            )
