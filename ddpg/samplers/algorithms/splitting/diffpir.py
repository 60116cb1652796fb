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

from ddpg.priors.schedule import Schedule, spread_times
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.samplers.problem import Move, Problem, Step, check_times

SMALLEST_SIGMA = 0.001
"""sigma_n of observations without noise, on the [0, 1] scale."""


class DiffPIR(DiffusionSampler):
    """Half-quadratic splitting along the diffusion: denoise, fit y, put noise back."""

    name: ClassVar[str] = "diffpir"
    keeps_known_pixels: ClassVar[bool] = True

    def check_times(self, times: Sequence[int]) -> tuple[int, ...]:
        """There must be a time to go to."""
        return check_times(times, least=2)

    def grid(self, schedule: Schedule) -> list[int]:
        """N times of a square root, or N + 1 equally spaced ones, from T-1 down to 0."""
        count = schedule.check_steps(self.hyper_parameters["steps"])
        uniform = self.hyper_parameters["grid"] == "uniform"
        return (uniform_times if uniform else quad_times)(len(schedule), count)

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
        way = problem.guidance(x0, rho)
        xc = x0 - self.hyper_parameters["guidance_scale"] * way
        # e = (x - sqrt(abar_t) xc) / sqrt(1-abar_t)
        e = (x - math.sqrt(step.abar_t) * xc) / math.sqrt(1 - step.abar_t)
        # x_s = sqrt(abar_s) xc + sqrt(1-abar_s) [sqrt(1-zeta) e + sqrt(zeta) z]
        put_back = math.sqrt(1 - zeta) * e + math.sqrt(zeta) * problem.fresh_noise(step.index)
        return math.sqrt(step.abar_s) * xc + math.sqrt(1 - step.abar_s) * put_back, x0


def quad_times(total: int, count: int) -> list[int]:
    """``T-1 - floor(T sqrt(i/(N-1)))`` for i = 0 ... N-1, the last one 0.

    Args:
        total: T, the number of training steps.
        count: N, from 2 to T.

    Returns:
        exactly N times. Where the formula gives a time twice, near the end of very fine grids,
        those before move up.
    """
    fall = [math.floor(total * math.sqrt(i / (count - 1))) for i in range(count)]
    times = [0]
    for depth in fall[-2::-1]:
        times.append(max(total - 1 - depth, times[-1] + 1))
    return times[::-1]


def uniform_times(total: int, count: int) -> list[int]:
    """``T-1 - i floor(T/N)`` for i = 0 ... N-1, then 0, where N divides T; else spread evenly.

    The formula alone would end with a jump where N does not divide T: from 499 to 0 for 501 of
    1000.

    Args:
        total: T, the number of training steps.
        count: N, from 1 to T.

    Returns:
        N + 1 times, one more than there are moves; T where N is T.
    """
    if count == total:
        return list(range(total))[::-1]
    if total % count == 0:
        return [*range(total - 1, 0, -(total // count)), 0]
    return spread_times(total - 1, count + 1)
