"""PnP-DM: plug-and-play diffusion models, a split Gibbs sampler.

Wu, Sun, Chen, Zhang, Yue & Bouman, "Principled Probabilistic Imaging using Diffusion Models as
Plug-and-Play Priors", NeurIPS 2024 (arXiv 2405.18782), algorithm 1, as its authors' code runs it.
In turn an image is drawn near x given y, exactly, and near that image given the prior, by the
reverse diffusion from the coupling level ``rho_k`` down, which falls from iteration to iteration.

Noise levels are those of Karras et al. on the prior's grid; those that meet at one time are one. A
chain starts at the first level strictly below ``rho_k``. Without noise in y there is no such
sampler; then y is taken to have the noise ``sigma_floor``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import STANDARD_SCHEDULE, DiffusionSampler
from ddpg.samplers.levels import denoised, seventh_power, times_of
from ddpg.samplers.problem import CLEAN, Problem, Step
from ddpg.samplers.spectral import spectral

HIGHEST_LEVEL = 80.0


class PnPDM(DiffusionSampler):
    """Draw given y, draw given the prior, and again with a tighter coupling."""

    name: ClassVar[str] = "pnpdm"

    @property
    def network_evaluations(self) -> int:
        """Those of the chains of all iterations, for 1000 training steps."""
        times = self.times(STANDARD_SCHEDULE)
        iterations = range(self.hyper_parameters["iterations"])
        return sum(len(self._chain(k, times, STANDARD_SCHEDULE)) for k in iterations)

    def grid(self, schedule: Schedule) -> list[int]:
        """The times of L noise levels, from 80 down to the least."""
        L = schedule.check_steps(self.hyper_parameters["steps"])
        shares = (j / max(L - 1, 1) for j in range(L))
        least = schedule.levels[0]
        return times_of((seventh_power(HIGHEST_LEVEL, least, u) for u in shares), schedule)

    def walk(self, problem: Problem) -> list[Step]:
        """One step for each iteration, from the first time of its chain to the clean image."""
        schedule = problem.prior.schedule
        times, K = self.times(schedule), self.hyper_parameters["iterations"]
        chains = [self._chain(k, times, schedule) for k in range(K)]
        tops = [chain[0] if chain else CLEAN for chain in chains]
        return [Step(k, K, t, CLEAN, schedule.abar(t), 1.0) for k, t in enumerate(tops)]

    def evaluations(self, problem: Problem, step: Step) -> list[int]:
        """Those of the chain."""
        return [len(self._chain_of(problem, step))] * len(problem.y)

    def _chain_of(self, problem: Problem, step: Step) -> list[int]:
        schedule = problem.prior.schedule
        return self._chain(step.index, self.times(schedule), schedule)

    def rho(self, k: int) -> float:
        """The coupling level of iteration k."""
        rho, decay, least = (
            self.hyper_parameters[name] for name in ("rho", "rho_decay", "rho_min")
        )
        return max(rho * decay**k, least)

    def _chain(self, k: int, times: list[int], schedule: Schedule) -> list[int]:
        """The times of the chain of iteration k: the levels strictly below ``rho_k``."""
        return [t for t in times if schedule.levels[t] < self.rho(k)]

    def start(self, problem: Problem, first: Step) -> Tensor:  # noqa: ARG002
        """0."""
        return torch.zeros(problem.shape, dtype=problem.y.dtype, device=problem.y.device)

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        v = self._given_observation(problem, x, self.rho(step.index))
        x, x0 = self._given_prior(problem, v, step)
        self._average(problem, x, step)
        return x, x0

    def _average(self, problem: Problem, x: Tensor, step: Step) -> None:
        """Keep the mean of the last ``samples`` draws."""
        count = step.index + 1 - max(0, step.count - self.hyper_parameters["samples"])
        if count > 0:
            mean = problem.memory.get("mean", 0.0)
            problem.memory["mean"] = mean + (x - mean) / count

    def _given_observation(self, problem: Problem, x: Tensor, rho: float) -> Tensor:
        """A draw of N(m, C): ``m = prox_c(x)``, ``C = (A^T A/n^2 + I/rho^2)^-1``.

        Of ``C^(1/2) z = f(A^T A) z`` the part that does not see A is ``rho z``; the rest is
        ``A^T [(f(g) - f(0))/g](A A^T) A z``, written so that nothing cancels.
        """
        operator, z = spectral(problem.operator), problem.next_noise()
        n = max(problem.sigma, self.hyper_parameters["sigma_floor"])
        u = (rho / n) ** 2 * operator.eigenvalues
        root = (1 + u).sqrt()
        # f(g) = rho / sqrt(1 + u): (f(g) - f(0))/g = -(rho^3/n^2) / (sqrt(1+u) (1 + sqrt(1+u)))
        shrink = operator.filtered_adjoint(operator.forward(z), (root * (1 + root)).reciprocal())
        return problem.proximal(x, (n / rho) ** 2) + rho * z - rho**3 / n**2 * shrink

    def _given_prior(self, problem: Problem, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """The reverse diffusion from v, and its last estimate."""
        schedule = problem.prior.schedule
        stochastic = self.hyper_parameters["mode"] == "sde"
        x0 = v
        for t, s in pairwise([*self._chain_of(problem, step), CLEAN]):
            L = schedule.levels[t]
            lower = 0.0 if s == CLEAN else schedule.levels[s]
            x0 = denoised(problem.prior, v, t)
            # v + l (L' - L)(v - D)/L + sqrt(2 L (L - L')) z, l = 2 with noise, else 1
            v = v + (2 if stochastic else 1) * (lower - L) / L * (v - x0)
            if stochastic and lower > 0:
                v.add_(problem.next_noise(), alpha=math.sqrt(2 * L * (L - lower)))
        return v, x0

    def result(self, problem: Problem, x: Tensor, x0: Tensor) -> Tensor:  # noqa: ARG002
        """The last draw, or the mean of the last ``samples``: another estimate."""
        return problem.memory["mean"] if self.hyper_parameters["estimate"] == "mean" else x
