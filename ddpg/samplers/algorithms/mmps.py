"""MMPS: moment matching posterior sampling; with its relatives TMPD and JFPS.

Rozet, Andry, Lanusse & Louppe, "Learning Diffusion Priors from Observations by Expectation
Maximization", NeurIPS 2024 (arXiv 2405.13712), section 4.2, as their library azula runs it. The
covariance of the clean image given ``x_t`` is Tweedie's, ``C = (1-abar_t)/sqrt(abar_t) J^T`` with
the network's Jacobian J, and

    xg = x0 + C A^T u,   u = (s^2 I + A C A^T)^-1 (y - A x0)

by a few steps of a Krylov solver. ``tmpd`` (Boys et al., 2023, arXiv 2310.06721) replaces the
matrix by the sums of its rows; ``jfps`` replaces C by a number, that of pixels with a given
variance, and needs no Jacobian. The variance of fresh noise is ``eta`` times DDPM's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.samplers.gradients import GradientSampler
from ddpg.samplers.krylov import SOLVERS
from ddpg.samplers.problem import Problem, Step

Covariance = Callable[[Tensor], Tensor]
"""``v -> C v`` for images."""


class MMPS(GradientSampler):
    """DDIM, with every clean estimate corrected as Gauss would, given its covariance."""

    name: ClassVar[str] = "mmps"

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One move, of the form asked for."""
        if self.hyper_parameters["form"] == "jfps":
            x0 = self.denoise(problem, x, step)
            precision = 1 / self.hyper_parameters["variance_x"] + step.abar_t / (1 - step.abar_t)
            way = self._correction(problem, x0, lambda v: v / precision)
        else:
            estimates = [
                self._differentiated(part, x[images], step)
                for images, part in self.in_parts(problem)
            ]
            x0, way = (torch.cat(tensors) for tensors in zip(*estimates, strict=True))
        return self._move(problem, x, x0 + way, step), x0

    def _differentiated(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Estimate and correction of a part of the batch, with Tweedie's covariance."""
        scale = (1 - step.abar_t) / math.sqrt(step.abar_t)
        with self.linearised(problem, x, step, again=True) as (x0, _, transposed):
            return x0, self._correction(problem, x0, lambda v: scale * transposed(v))

    def _correction(self, problem: Problem, x0: Tensor, covariance: Covariance) -> Tensor:
        """``C A^T u``."""
        operator, s = problem.operator, problem.sigma
        residual = problem.y - operator.forward(x0)
        if self.hyper_parameters["form"] == "tmpd":
            rows = operator.forward(covariance(operator.adjoint(torch.ones_like(residual))))
            matrix = s**2 + rows
            u = torch.where(matrix == 0, 0, residual / matrix)
            return covariance(operator.adjoint(u))

        def product(u: Tensor) -> tuple[Tensor, Tensor]:
            image = covariance(operator.adjoint(u))
            return s**2 * u + operator.forward(image), image

        solve = SOLVERS[self.hyper_parameters["solver"]]
        return solve(product, residual, self.hyper_parameters["iterations"])

    def _move(self, problem: Problem, x: Tensor, xg: Tensor, step: Step) -> Tensor:
        """``sqrt(abar_s) xg + sqrt(1-abar_s) [sqrt(1-p) e + sqrt(p) z]``, e that of xg."""
        abar_t, abar_s = step.abar_t, step.abar_s
        if abar_s == 1:
            return xg
        ratio = abar_t * (1 - abar_s) / (abar_s * (1 - abar_t))
        p = min(self.hyper_parameters["eta"] * (1 - ratio), 1.0)
        e = (x - math.sqrt(abar_t) * xg) / math.sqrt(1 - abar_t)
        x_s = math.sqrt(abar_s) * xg + math.sqrt((1 - abar_s) * (1 - p)) * e
        if p > 0:
            x_s.add_(problem.fresh_noise(step.index), alpha=math.sqrt((1 - abar_s) * p))
        return x_s
