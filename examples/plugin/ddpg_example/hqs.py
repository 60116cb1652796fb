"""Plug-and-play half-quadratic splitting.

Zhang, Li, Zuo, Zhang, Van Gool & Timofte, "Plug-and-Play Image Restoration with Deep Denoiser
Prior", IEEE TPAMI 2021, algorithm 1: a denoising step at a noise level that falls, then the
proximal step of the data term. The levels are those of the prior's diffusion below 50/255.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers import DiffusionSampler, Problem, Step

SMALLEST_SIGMA = 0.002
LARGEST_LEVEL = 2 * 50 / 255
"""Of the noise that the denoiser is told, for images on [-1, 1]."""


class PlugAndPlayHQS(DiffusionSampler):
    """It starts from y, at the noise level that the denoiser is told, and puts no noise back."""

    name: ClassVar[str] = "pnp_hqs"

    def grid(self, schedule: Schedule) -> list[int]:
        """N times with equal spacing, from the largest noise level down."""
        abars = schedule.alphas_cumprod
        highest = int(((1 - abars) / abars <= LARGEST_LEVEL**2).sum()) - 1
        count = self.hyper_parameters["steps"]
        return sorted({round(highest * i / count) for i in range(1, count + 1)}, reverse=True)

    def start(self, problem: Problem, first: Step) -> Tensor:
        """The regularised pseudo-inverse of y, as a noisy image at the first time."""
        clean = problem.operator.pinv(problem.y, 1e-2)
        noise = problem.initial_noise()
        return math.sqrt(first.abar_t) * clean + math.sqrt(1 - first.abar_t) * noise

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Denoise, then ``argmin |y - A z|^2 + rho |z - x0|^2``."""
        x0 = self.denoise(problem, x, step)
        s, sig = max(problem.sigma, SMALLEST_SIGMA), (1 - step.abar_t) / step.abar_t
        rho = self.hyper_parameters["lam"] * s**2 / sig
        z = x0 - problem.guidance(x0, rho)
        return math.sqrt(step.abar_s) * z, x0
