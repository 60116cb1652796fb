"""DMPS: diffusion model based posterior sampling.

Meng & Kabashima, "Diffusion Model Based Posterior Sampling for Noisy Linear Inverse Problems",
2022 (arXiv 2211.12343), algorithm 1, as its authors' code runs it: an ancestral step, then a step
along the score of y under an uninformative prior, whose covariance ``s^2 I + sig_t^2 A A^T`` is
known in closed form. The residual takes the point that the ancestral step has reached, but the
``abar`` of the time it came from. Variances are those of ``q(x_s | x_t, x0)`` ("fixed small").
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.ancestral import ancestral_step, rounded_times
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import Problem, Step


class DMPS(DiffusionSampler):
    """Ancestral sampling with the closed-form score of y."""

    name: ClassVar[str] = "dmps"

    def grid(self, schedule: Schedule) -> list[int]:
        """From T-1 to 0, as DPS."""
        return rounded_times(schedule, self.hyper_parameters["steps"])

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        x0 = self.denoise(problem, x, step)
        if self.hyper_parameters["clip_x0"]:
            x0.clamp_(-1, 1)
        x_s = ancestral_step(problem, x, x0, step)
        # x_s + c (1-a)/sqrt(a) A^T (s^2 I + sig^2 A A^T)^-1 (y - A v) / sqrt(abar_t)
        a, root = step.abar_t / step.abar_s, math.sqrt(step.abar_t)
        sig2 = (1 - step.abar_t) / step.abar_t
        v = x_s / root
        # prox_c(v) - v = A^T (A A^T + c I)^-1 (y - A v), c = s^2 / sig^2
        pull = problem.proximal(v, problem.sigma**2 / sig2) - v
        c = self.hyper_parameters["scale"] * (1 - a) / math.sqrt(a) / root
        return x_s.add_(pull, alpha=c / sig2), x0
