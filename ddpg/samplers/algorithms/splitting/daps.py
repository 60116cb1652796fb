"""DAPS: decoupled annealing posterior sampling, with Langevin dynamics.

Zhang, Chu, Berner, Meng, Anandkumar & Song, "Improving Diffusion Inverse Problem Solving with
Decoupled Noise Annealing", CVPR 2025 (arXiv 2407.01521), algorithm 1. At every noise level the
probability flow is followed down to a clean estimate, Langevin steps draw near it what fits y, and
noise of the next level is put on.

``official`` is its authors' code, ``inversebench`` the port in InverseBench: its levels end at
``sigma_min``, its inner flow ends with a denoising, and its misfit weighs half as much. Neither
knows the noise of y: ``tau`` is fixed. Steps are stable for
``h (kappa s_max^2/tau^2 + 1/S^2) < 2``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import STANDARD_SCHEDULE, DiffusionSampler
from ddpg.samplers.levels import denoised, seventh_power, times_of
from ddpg.samplers.problem import CLEAN, Problem, Step, steps_of
from ddpg.samplers.spectral import noise_level

END_OF_FLOW = 0.01
"""Where the inner flow ends."""


class DAPS(DiffusionSampler):
    """Flow to a clean estimate, Langevin steps towards y, noise of the next level."""

    name: ClassVar[str] = "daps"

    @property
    def _official(self) -> bool:
        return self.hyper_parameters["form"] == "official"

    @property
    def network_evaluations(self) -> int:
        """Those of the inner flows of all levels, for 1000 training steps."""
        steps = steps_of(self.moves(self.times(STANDARD_SCHEDULE)), STANDARD_SCHEDULE)
        return sum(len(self._flow(step, STANDARD_SCHEDULE)) for step in steps)

    def evaluations(self, problem: Problem, step: Step) -> list[int]:
        """Those of the inner flow."""
        return [len(self._flow(step, problem.prior.schedule))] * len(problem.y)

    def grid(self, schedule: Schedule) -> list[int]:
        """The times of the outer levels; the official ones end short of ``sigma_min``."""
        n = schedule.check_steps(self.hyper_parameters["steps"])
        high, low = (self.hyper_parameters[name] for name in ("sigma_max", "sigma_min"))
        last = n if self._official else max(n - 1, 1)
        return times_of((seventh_power(high, low, i / last) for i in range(n)), schedule)

    def _flow(self, step: Step, schedule: Schedule) -> list[tuple[int, int]]:
        """The moves of the inner flow; those of the port go down to the clean image."""
        J = self.hyper_parameters["ode_steps"]
        last = J if self._official else max(J - 1, 1)
        count = J + 1 if self._official else J
        levels = (
            seventh_power(schedule.levels[step.t], END_OF_FLOW, j / last) for j in range(count)
        )
        times = times_of(levels, schedule)
        return list(pairwise(times if self._official else [*times, CLEAN]))

    def start(self, problem: Problem, first: Step) -> Tensor:
        """``S_0 x_T``."""
        return noise_level(first.abar_t) * problem.initial_noise()

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One level of algorithm 1."""
        x0 = self._flowed(problem, x, step)
        drawn = self._langevin(problem, x0, step)
        if step.s == CLEAN:
            return drawn, x0
        return drawn + noise_level(step.abar_s) * problem.next_noise(), x0

    def _flowed(self, problem: Problem, v: Tensor, step: Step) -> Tensor:
        """Euler steps of the probability flow, ``v + (L' - L)(v - D(v, L))/L``."""
        levels = problem.prior.schedule.levels
        for t, s in self._flow(step, problem.prior.schedule):
            ratio = 0.0 if s == CLEAN else levels[s] / levels[t]
            D = denoised(problem.prior, v, t)
            v = D + ratio * (v - D)
        return v

    def _langevin(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:
        """``x - h [kappa A^T (A x - y)/tau^2 + (x - x0)/S^2] + sqrt(2h) z``, again and again."""
        lr, r, tau = (self.hyper_parameters[name] for name in ("lr", "lr_min_ratio", "tau"))
        S, kappa = noise_level(step.abar_t), 2 if self._official else 1
        n = step.count
        h = lr * (1 - (1 - r) * step.index / (n + 1 if self._official else n))
        x = x0
        for _ in range(self.hyper_parameters["mcmc_steps"]):
            slope = kappa / tau**2 * problem.misfit_gradient(x) + (x - x0) / S**2
            x = x - h * slope + math.sqrt(2 * h) * problem.next_noise()
        return x
