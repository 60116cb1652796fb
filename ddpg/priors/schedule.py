"""The noise schedule of a diffusion model and the time grids that samplers walk."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

TRAINING_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Schedule:
    """Cumulative signal power of a variance-preserving diffusion, in float64.

    ``x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``. The index -1 stands for the clean image,
    ``abar_{-1} = 1``.

    Args:
        alphas_cumprod: ``abar_t``, shape (T,), float64, strictly decreasing in (0, 1).
    """

    alphas_cumprod: Tensor

    def __post_init__(self) -> None:
        abar = self.alphas_cumprod
        if abar.ndim != 1 or not len(abar) or abar.dtype != torch.float64:
            raise ValueError(
                f"alphas_cumprod must be a float64 vector, got {abar.dtype} {tuple(abar.shape)}"
            )
        if not (float(abar[-1]) > 0 and float(abar[0]) < 1 and bool((abar.diff() < 0).all())):
            raise ValueError("alphas_cumprod must decrease strictly within (0, 1)")

    @classmethod
    def linear(
        cls, beta_start: float = 1e-4, beta_end: float = 0.02, steps: int = TRAINING_STEPS
    ) -> Schedule:
        """Betas evenly spaced from ``beta_start`` to ``beta_end`` (Ho et al., 2020, section 4)."""
        betas = torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)
        return cls(torch.cumprod(1 - betas, dim=0))

    @classmethod
    def cosine(cls, steps: int = TRAINING_STEPS, offset: float = 0.008) -> Schedule:
        """The cosine schedule, betas capped at 0.999 (Nichol & Dhariwal, 2021, equation 17)."""

        def power(fraction: float) -> float:
            return math.cos((fraction + offset) / (1 + offset) * math.pi / 2) ** 2

        betas = [min(1 - power((i + 1) / steps) / power(i / steps), 0.999) for i in range(steps)]
        return cls(torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), dim=0))

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def abar(self, t: int) -> float:
        """``abar_t`` for ``t`` in [-1, T)."""
        if not -1 <= t < len(self):
            raise ValueError(f"time index must lie in [-1, {len(self) - 1}], got {t!r}")
        return 1.0 if t == -1 else float(self.alphas_cumprod[t])

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """``sig_t = sqrt((1 - abar_t) / abar_t)``, the noise of ``x_t / sqrt(abar_t)``; rising."""
        abar = self.alphas_cumprod
        return tuple(((1 - abar) / abar).sqrt().tolist())

    def time_of_level(self, sigma: float) -> int:
        """The time index whose level is nearest to ``sigma``; of two equally near the earlier."""
        above = min(bisect_left(self.levels, sigma), len(self) - 1)
        return min((max(above - 1, 0), above), key=lambda t: abs(self.levels[t] - sigma))

    def uniform_times(self, steps: int) -> list[int]:
        """Exactly ``steps`` time indices, equally spaced, falling to 0.

        Where ``steps`` divides T: ``(steps - 1) * skip, ..., skip, 0`` with ``skip = T // steps``
        (Song et al., 2021), which is what published runs walk. Where it does not, that grid would
        begin in the middle of the diffusion (501 of 1000 steps at t = 500): then the times are
        spread evenly from T - 1 to 0.

        Raises:
            ValueError: ``steps`` is no integer in [1, T].
        """
        self.check_steps(steps)
        if len(self) % steps == 0:
            return list(range(0, len(self), len(self) // steps))[::-1]
        return spread_times(len(self) - 1, steps)

    def check_steps(self, steps: int) -> int:
        """``steps`` if a sampler can take as many; ValueError otherwise."""
        if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= len(self):
            raise ValueError(f"steps must be an integer in [1, {len(self)}], got {steps!r}")
        return steps


def spread_times(top: int, count: int) -> list[int]:
    """``count`` time indices from ``top`` to 0, as evenly as integers can be.

    Args:
        top: the first one.
        count: from 2 to ``top + 1``.

    >>> spread_times(999, 4)
    [999, 666, 333, 0]
    """
    return [round(index * top / (count - 1)) for index in reversed(range(count))]
