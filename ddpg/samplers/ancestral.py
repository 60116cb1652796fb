"""Ancestral sampling, as the methods do that are built on guided-diffusion: DPS and DMPS."""

from __future__ import annotations

import math

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.problem import Problem, Step


def rounded_times(schedule: Schedule, steps: int) -> list[int]:
    """``steps`` times from T-1 to 0, a running sum of ``(T-1)/(N-1)`` rounded at every time.

    Raises:
        ValueError: the schedule has not as many times.
    """
    count = schedule.check_steps(steps)
    stride = (len(schedule) - 1) / (count - 1) if count > 1 else 1.0
    times, position = [], 0.0
    for _ in range(count):
        times.append(round(position))
        position += stride
    return times[::-1]


def ancestral_step(problem: Problem, x: Tensor, x0: Tensor, step: Step) -> Tensor:
    """A draw of ``q(x_s | x_t, x0)`` (Ho et al., 2020, equation 7); the last has no noise."""
    b = 1 - step.abar_t / step.abar_s
    spread = (1 - step.abar_s) / (1 - step.abar_t)
    # mean = sqrt(abar_s) b/(1-abar_t) x0 + sqrt(1-b) (1-abar_s)/(1-abar_t) x
    x_s = math.sqrt(step.abar_s) * b / (1 - step.abar_t) * x0 + math.sqrt(1 - b) * spread * x
    if spread > 0:
        x_s.add_(problem.fresh_noise(step.index), alpha=math.sqrt(b * spread))
    return x_s
