"""MPGD: manifold preserving guided diffusion, without projection.

He, Murata, Lai, Takida, Uesaka, Kim, Liao, Mitsufuji, Kolter, Salakhutdinov & Ermon, "Manifold
Preserving Guided Diffusion", ICLR 2024 (arXiv 2311.16424), algorithm 1 (MPGD w/o proj.), as its
authors' code runs it: the estimate itself is moved down the gradient of the residual's norm, which
needs no derivative of the network. The norm is not squared, is that of one image and is taken at
the clipped estimate; the step is divided by ``sqrt(abar)`` of the *next* time.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.gradients import misfit_direction
from ddpg.samplers.problem import Problem, Step


class MPGD(DiffusionSampler):
    """DDIM, with every clean estimate guided towards y."""

    name: ClassVar[str] = "mpgd"

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        abar_t, abar_s = step.abar_t, step.abar_s
        x0, e = self.predict(problem, x, step)
        if self.hyper_parameters["clip_x0"]:
            x0.clamp_(-1, 1)
            e = (x - math.sqrt(abar_t) * x0) / math.sqrt(1 - abar_t)
        # xg = x0 - (c / sqrt(abar_s)) A^T r / |r|
        c = self.hyper_parameters["scale"]
        xg = x0 - c / math.sqrt(abar_s) * misfit_direction(problem, x0)
        # q: share of fresh noise; x_s = sqrt(abar_s) xg + sqrt(1 - abar_s - q^2) e + q z
        fresh = (1 - abar_s) / (1 - abar_t) * (1 - abar_t / abar_s)
        q = self.hyper_parameters["eta"] * math.sqrt(fresh)
        x_s = math.sqrt(abar_s) * xg + math.sqrt(max(1 - abar_s - q**2, 0)) * e
        if q > 0:
            x_s.add_(problem.fresh_noise(step.index), alpha=q)
        return x_s, x0
