"""DPS: diffusion posterior sampling.

Chung, Kim, McCann, Klasky & Ye, "Diffusion Posterior Sampling for General Noisy Inverse Problems",
ICLR 2023 (arXiv 2209.14687), algorithm 1 as its authors' code runs it: the norm of the residual is
not squared. It is the norm of one image. Variances are those of the posterior
``q(x_s | x_t, x0)`` ("fixed small"), because a prior here predicts the noise alone.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.ancestral import ancestral_step, rounded_times
from ddpg.samplers.gradients import DirectedSampler, misfit_direction
from ddpg.samplers.problem import Problem, Step


class DPS(DirectedSampler):
    """An ancestral step, then a step down the gradient of ``|y - A x0(x_t)|``."""

    name: ClassVar[str] = "dps"

    def grid(self, schedule: Schedule) -> list[int]:
        """From T-1 to 0, see :func:`ddpg.samplers.ancestral.rounded_times`."""
        return rounded_times(schedule, self.hyper_parameters["steps"])

    def direction(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """The gradient of ``|y - A x0|`` with respect to ``x0``, image by image; 0 at its tip."""
        clips = self.hyper_parameters["clip_x0"]
        gradient = misfit_direction(problem, x0.clamp(-1, 1) if clips else x0)
        # What is clipped does not move with x0.
        return torch.where(x0.abs() <= 1, gradient, 0) if clips else gradient

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        x0, _, gradient = self.differentiate(problem, x, step)
        if self.hyper_parameters["clip_x0"]:
            x0 = x0.clamp(-1, 1)
        x_s = ancestral_step(problem, x, x0, step)
        return x_s.sub_(gradient, alpha=self.hyper_parameters["scale"]), x0
