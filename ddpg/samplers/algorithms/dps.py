"""DPS: diffusion posterior sampling.

Chung, Kim, McCann, Klasky & Ye, "Diffusion Posterior Sampling for General Noisy Inverse Problems",
ICLR 2023 (arXiv 2209.14687), algorithm 1 as its authors' code runs it: the norm of the residual is
not squared. It is the norm of one image. Variances are those of the posterior
``q(x_s | x_t, x0)`` ("fixed small"), because a prior here predicts the noise alone.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.gradients import GradientSampler
from ddpg.samplers.problem import Problem, Step


class DPS(GradientSampler):
    """An ancestral step, then a step down the gradient of ``|y - A x0(x_t)|``."""

    name: ClassVar[str] = "dps"

    def grid(self, schedule: Schedule) -> list[int]:
        """From T-1 to 0, a running sum of ``(T-1)/(N-1)`` rounded at every time."""
        count = schedule.check_steps(self.hyper_parameters["steps"])
        stride = (len(schedule) - 1) / (count - 1) if count > 1 else 1.0
        times, position = [], 0.0
        for _ in range(count):
            times.append(round(position))
            position += stride
        return times[::-1]

    def direction(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """The gradient of ``|y - A x0|`` with respect to ``x0``, image by image; 0 at its tip."""
        clips = self.hyper_parameters["clip_x0"]
        estimate = x0.clamp(-1, 1) if clips else x0
        residual = problem.operator.forward(estimate) - problem.y
        norm = torch.linalg.vector_norm(residual, dim=(1, 2, 3), keepdim=True)
        tiny = torch.finfo(norm.dtype).tiny
        gradient = problem.operator.adjoint(residual / norm.clamp(min=tiny))
        # What is clipped does not move with x0.
        return torch.where(x0.abs() <= 1, gradient, 0) if clips else gradient

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        x0, _, gradient = self.differentiate(problem, x, step)
        if self.hyper_parameters["clip_x0"]:
            x0 = x0.clamp(-1, 1)
        b = 1 - step.abar_t / step.abar_s
        spread = (1 - step.abar_s) / (1 - step.abar_t)
        # mean = sqrt(abar_s) b/(1-abar_t) x0 + sqrt(1-b) (1-abar_s)/(1-abar_t) x
        x_s = math.sqrt(step.abar_s) * b / (1 - step.abar_t) * x0 + math.sqrt(1 - b) * spread * x
        if spread > 0:
            x_s.add_(problem.fresh_noise(step.index), alpha=math.sqrt(b * spread))
        return x_s.sub_(gradient, alpha=self.hyper_parameters["scale"]), x0
