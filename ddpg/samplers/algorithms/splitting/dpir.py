"""DPIR: plug-and-play image restoration with a deep denoiser prior.

Zhang, Li, Zuo, Zhang, Van Gool & Timofte, "Plug-and-Play Image Restoration with Deep Denoiser
Prior", IEEE TPAMI 2021 (arXiv 2008.13751), algorithm 1, with the diffusion's network as the
denoiser: half-quadratic splitting along log-spaced noise levels, first the data, then the denoiser.
Nothing is drawn. ``c = lambda sigma_n^2 / s_k^2`` mixes levels of the [0, 1] scale alone; levels
are put on the prior's grid. Flips and rotations (their "x8") are not here.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.samplers.levels import denoised, times_of
from ddpg.samplers.problem import Problem, Step, steps_of
from ddpg.samplers.spectral import noise_level

SMALLEST_SIGMA = 0.001
"""sigma_n, and the last level, of observations without noise, on the [0, 1] scale."""

GREY_LEVELS = 255

LEAST_SEEN = 0.01
"""What a pixel gives to y, of what one in the middle gives, from which it is taken as seen."""


class DPIR(DiffusionSampler):
    """Fit y near the last estimate, denoise, and again with less noise."""

    name: ClassVar[str] = "dpir"
    draws: ClassVar[bool] = False

    @property
    def network_evaluations(self) -> int:
        """At most: one for each level; fewer where levels meet at one time."""
        return self.hyper_parameters["steps"] if self._times is None else len(self._times)

    def grid(self, schedule: Schedule) -> list[int]:
        """The times down to the least level there is; that of an observation may end earlier."""
        return self._times_down_to(SMALLEST_SIGMA, schedule)

    def _times_down_to(self, last: float, schedule: Schedule) -> list[int]:
        count = schedule.check_steps(self.hyper_parameters["steps"])
        first = self.hyper_parameters["sigma_first"]
        ratio = (last / first) ** (1 / max(count - 1, 1))
        return times_of((NOISY_SCALE * first * ratio**k for k in range(count)), schedule)

    def walk(self, problem: Problem) -> list[Step]:
        """As many steps as levels, which end where the noise of y does."""
        schedule = problem.prior.schedule
        times = self.times(schedule)
        if self._times is None:
            grid = problem.operator.sampling_grid
            coarse = grid.scale / GREY_LEVELS if grid else SMALLEST_SIGMA
            given = self.hyper_parameters["sigma_last"]
            last = given or max(coarse, SMALLEST_SIGMA, problem.sigma / NOISY_SCALE)
            times = self._times_down_to(last, schedule)
        return steps_of(self.moves(times), schedule)

    def start(self, problem: Problem, first: Step) -> Tensor:  # noqa: ARG002
        """y; its enlargement ``scale^2 A^T y`` for super-resolution, which is brought to size.

        Where the observation ends before the picture does, ``A^T y`` fades to grey, which no step
        would take for an error: of means (``A 1 = 1``) it is divided by ``A^T 1``, so that it goes
        on as it ends.
        """
        y, operator = problem.y, problem.operator
        if y.shape == problem.shape:
            return y
        back = operator.adjoint(y)
        enlarged = math.prod(problem.shape) / y.numel() * back
        if operator.sampling_grid is not None:
            return enlarged
        means = (operator.forward(torch.ones_like(back)) - 1).abs().max() < LEAST_SEEN
        seen = operator.adjoint(torch.ones_like(y)).clamp_min(LEAST_SEEN)
        return torch.where(means, back / seen, enlarged)

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        s_k = noise_level(step.abar_t) / NOISY_SCALE
        given = self.hyper_parameters["sigma_n"]
        sigma_n = given or max(SMALLEST_SIGMA, problem.sigma / NOISY_SCALE)
        d = problem.proximal(x, self.hyper_parameters["lam"] * sigma_n**2 / s_k**2)
        x = denoised(problem.prior, d, step.t)
        return x, x
