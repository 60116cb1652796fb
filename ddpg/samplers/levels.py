"""What the methods share that think in noise levels instead of times.

They see ``v = clean + sigma z``, which is ``x_t / sqrt(abar_t)`` at the time whose level is sigma.
Their levels are put on the prior's grid: each becomes that of the nearest time, so that a list of
times says everything, and levels that meet at one time are one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import Tensor

from ddpg.priors.base import Prior
from ddpg.priors.schedule import Schedule

CURVATURE = 7
"""rho of Karras et al., "Elucidating the design space of diffusion models", 2022, equation 5."""


def seventh_power(high: float, low: float, share: float) -> float:
    """A level between two, ``(high^(1/7) + share (low^(1/7) - high^(1/7)))^7``."""
    start, end = high ** (1 / CURVATURE), low ** (1 / CURVATURE)
    return (start + share * (end - start)) ** CURVATURE


def times_of(levels: Iterable[float], schedule: Schedule) -> list[int]:
    """The times of falling levels, each once."""
    return list(dict.fromkeys(schedule.time_of_level(level) for level in levels))


def denoised(prior: Prior, v: Tensor, t: int) -> Tensor:
    """``D(v, sig_t) = x0(sqrt(abar_t) v, t)``, the estimate of the clean images."""
    level = prior.schedule.levels[t]
    return v - level * prior.eps(v / math.sqrt(1 + level**2), t)
