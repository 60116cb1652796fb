"""Flower: flow matching solver for inverse problems, on a prior that predicts noise.

Pourya, El Rawas & Unser, "FLOWER: A Flow-Matching Solver for Inverse Problems", ICLR 2026, with
gamma 0, as its authors' code runs it: the state is ``w clean + (1-w) noise``, each step estimates
the clean image, fits y near it and mixes it with fresh noise. On a diffusion ``w = 1/(1 + sig_t)``,
and what their r^2 weighs is ``1 - abar_t``. The data step is exact, where they take conjugate
gradients. The mean of several restorations, which they report, is another estimate: restore with
several seeds.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.levels import denoised, times_of
from ddpg.samplers.problem import Problem, Step
from ddpg.samplers.spectral import noise_level


class Flower(DiffusionSampler):
    """Estimate the end of the flow, fit y, go on along a fresh straight line."""

    name: ClassVar[str] = "flower"
    keeps_known_pixels: ClassVar[bool] = True

    def grid(self, schedule: Schedule) -> list[int]:
        """N equal steps of the flow's clock, or N equally spaced times."""
        N = schedule.check_steps(self.hyper_parameters["steps"])
        if self.hyper_parameters["grid"] == "uniform":
            return schedule.uniform_times(N)
        # At k/N the state is k/N clean + (1 - k/N) noise.
        levels = [schedule.levels[-1], *((N - k) / k for k in range(1, N))]
        return times_of(levels, schedule)

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration: estimate, proximal point, fresh noise."""
        w, w_next = (1 / (1 + noise_level(abar)) for abar in (step.abar_t, step.abar_s))
        d = denoised(problem.prior, x / w, step.t)
        s = max(problem.sigma, self.hyper_parameters["sigma_floor"])
        fitted = problem.proximal(d, s**2 / (1 - step.abar_t))
        if w_next == 1:
            return fitted, d
        return w_next * fitted + (1 - w_next) * problem.fresh_noise(step.index), d
