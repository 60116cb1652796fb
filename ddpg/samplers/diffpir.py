"""DiffPIR: denoising diffusion models for plug-and-play image restoration.

Zhu, Zhang, Liang, Cao, Wen, Timofte & Van Gool, "Denoising Diffusion Models for Plug-and-Play
Image Restoration", CVPR Workshops 2023 (arXiv 2305.08995), algorithm 1 with the analytic data
step, as its authors' code runs it: the last listed time is the end, where the network is not
called any more, and ``rho_t = lambda sigma_n^2 / sigbar_t^2`` mixes sigma_n of the [0, 1] scale
with ``sigbar_t = sqrt((1-abar_t)/abar_t)`` of the [-1, 1] scale. The proximal point is written as
the estimate less a correction, which float32 can do. Unlike there, super-resolution starts from
noise and not from the bicubic enlargement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.methods import NOISY_SCALE
from ddpg.samplers.problem import Move, Problem, Step, check_times

SMALLEST_SIGMA = 0.001
"""sigma_n of observations without noise, on the [0, 1] scale."""


class DiffPIR(DiffusionSampler):
    """Half-quadratic splitting along the diffusion: denoise, fit y, put noise back."""

    name: ClassVar[str] = "diffpir"

    def check_times(self, times: Sequence[int]) -> tuple[int, ...]:
        """There must be a time to go to."""
        return check_times(times, least=2)

    def grid(self, schedule: Schedule) -> list[int]:
        """``T-1 - floor(T sqrt(i/(N-1)))``, or equally spaced, both down to 0."""
        count, last = self.hyper_parameters["steps"], len(schedule) - 1
        if self.hyper_parameters["grid"] == "uniform":
            skip = len(schedule) // count
            times = [*(last - i * skip for i in range(count)), 0]
        else:
            fall = [math.floor(len(schedule) * math.sqrt(i / (count - 1))) for i in range(count)]
            times = [*(last - depth for depth in fall[:-1]), 0]
        # Many steps fall on few times near the end; each is visited once.
        return sorted(set(times), reverse=True)

    def moves(self, times: Sequence[int]) -> list[Move]:
        """From each time to the next: the last one is the end."""
        return [Move(index, t, s) for index, (t, s) in enumerate(pairwise(times))]

    def start(self, problem: Problem, first: Step) -> Tensor:
        """``r y + sqrt(1 - abar_T - r^2 (1 - abar_ty)) x_T``: y as a late image, noised further.

        ``t_y`` is the time whose noise is that of y. Where y has another shape (super-resolution)
        or ``init`` says so, the start is ``x_T``.
        """
        noise = problem.initial_noise()
        if self.hyper_parameters["init"] == "x_T" or problem.y.shape != noise.shape:
            return noise
        abars = problem.prior.schedule.alphas_cumprod
        distance = (((1 - abars) / abars).sqrt() - problem.sigma).abs()
        abar_y = float(abars[int(distance.argmin())])
        r = math.sqrt(first.abar_t / abar_y)
        rest = max(0.0, 1 - first.abar_t - r**2 * (1 - abar_y))
        return r * problem.y + math.sqrt(rest) * noise

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        lam, zeta = self.hyper_parameters["lam"], self.hyper_parameters["zeta"]
        x0 = self.denoise(problem, x, step)
        if self.hyper_parameters["clip_x0"]:
            x0.clamp_(-1, 1)
        # argmin |y - A x|^2 + rho |x - x0|^2 = x0 - A^T (A A^T + rho I)^-1 (A x0 - y)
        sigma_n = max(SMALLEST_SIGMA, problem.sigma / NOISY_SCALE)
        rho = lam * sigma_n**2 * step.abar_t / (1 - step.abar_t)
        weights = problem.operator.inverse_eigenvalues(rho)
        way = problem.operator.guidance(x0, problem.y_spectral, weights)
        xc = x0 - self.hyper_parameters["guidance_scale"] * way
        # e = (x - sqrt(abar_t) xc) / sqrt(1-abar_t)
        e = (x - math.sqrt(step.abar_t) * xc) / math.sqrt(1 - step.abar_t)
        # x_s = sqrt(abar_s) xc + sqrt(1-abar_s) [sqrt(1-zeta) e + sqrt(zeta) z]
        put_back = math.sqrt(1 - zeta) * e + math.sqrt(zeta) * problem.fresh_noise(step.index)
        return math.sqrt(step.abar_s) * xc + math.sqrt(1 - step.abar_s) * put_back, x0
