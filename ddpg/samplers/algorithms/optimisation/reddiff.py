"""RED-diff: regularisation by denoising diffusion.

Mardani, Song, Kautz & Vahdat, "A Variational Perspective on Solving Inverse Problems with Diffusion
Models", ICLR 2024 (arXiv 2305.04391), algorithm 1, as its authors' code runs it: the mean of a
variational posterior goes down the misfit to y and the network's error on its noised self, by Adam.
Means are taken over one image: theirs are over the batch.

Returned is the point at which the network was last called, the mean *before* the last step of Adam.
Nothing knows the noise of y, which more steps fit better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.operators.tasks import offers
from ddpg.samplers.algorithms.optimisation.adam import Adam
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import CLEAN, Problem, Step
from ddpg.samplers.spectral import noise_level

BETAS = (0.9, 0.99)

WEIGHTS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda q: q,
    "sqrt": math.sqrt,
    "square": lambda q: q**2,
    "log": math.log1p,
    "trunc_linear": lambda q: min(q, 1.0),
    "const": lambda _: 1.0,
}
"""``w(q)``, the weight of the network at noise level q."""


class REDdiff(DiffusionSampler):
    """One step of Adam at every time, on the mean mu of the posterior."""

    name: ClassVar[str] = "reddiff"

    def start(self, problem: Problem, first: Step) -> Tensor:  # noqa: ARG002
        """``mu = A^+ y``, or 0; 0 as well where an operator has no more than ``A`` and ``A^T``."""
        solvable = offers(problem.operator.grade, "resolvent")
        if self.hyper_parameters["init"] == "pinv" and solvable:
            return problem.operator.pinv(problem.y, self.hyper_parameters["reg"])
        return torch.zeros(problem.shape, dtype=problem.y.dtype, device=problem.y.device)

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1; the last leaves mu where it is."""
        mu, z = x, problem.fresh_noise(step.index)
        x_t = math.sqrt(step.abar_t) * mu + math.sqrt(1 - step.abar_t) * z
        x0, e = self.predict(problem, x_t, step)
        if step.s == CLEAN:
            return mu, x0
        # G = (lam w(sig_t)/N_x) (e - z) + (v/N_y) A^T (A mu - y)
        w = WEIGHTS[self.hyper_parameters["weight"]](noise_level(step.abar_t))
        N_x, N_y = (math.prod(tensor.shape[1:]) for tensor in (mu, problem.y))
        G = self.hyper_parameters["lam"] * w / N_x * (e - z)
        G = G + self.hyper_parameters["v"] / N_y * problem.misfit_gradient(mu)
        if "adam" not in problem.memory:
            problem.memory["adam"] = Adam(mu, self.hyper_parameters["lr"], BETAS)
        return problem.memory["adam"].step(mu, G), x0
