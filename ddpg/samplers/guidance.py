"""The iteratively preconditioned guidance that DDPG and IDPG share.

Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned
Guidance", CVPR 2024 (arXiv 2312.16519), section 4: back-projection guidance at the beginning,
least-squares guidance towards the end. Both filter the same residual by a function of A A^T,

    g = A^T [ a (A A^T + eta I)^-1 + b I ] (A x0 - y),

with a = 1 - delta and b = delta c, scaled by mu = (1-abar_s)/(1-abar_t) according to the mode.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import SMALLEST_ETA, Problem, Step

GREY_LEVELS = 255


class GuidedSampler(DiffusionSampler):
    """Estimate, guide, and go on to the next noise level in the method's own way.

    Args:
        times: see :class:`DiffusionSampler`.
        hyper_parameters: ``steps``, ``gamma``, ``eta_tilde``, ``xi``, ``scale_ls``,
            ``step_size_mode`` and ``zeta``, see :data:`ddpg.samplers.catalogue.METHODS`.
    """

    keeps_known_pixels: ClassVar[bool] = True

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of the algorithm."""
        x0 = self.denoise(problem, x, step)
        # xt = x0 - A^T [a (A A^T + eta I)^-1 + b I] (A x0 - y)
        a, b = self.shares(problem, step)
        xt = x0 - problem.guidance(x0, self.eta(problem.sigma), a, b)
        return self.advance(problem, x, xt, step), x0

    @abstractmethod
    def advance(self, problem: Problem, x: Tensor, xt: Tensor, step: Step) -> Tensor:
        """``x_s`` from ``x_t`` and the guided estimate ``xt``."""

    def result(self, problem: Problem, x: Tensor, x0: Tensor) -> Tensor:
        """With noise the network has the last word, without noise the observation has."""
        return x0 if problem.sigma > 0 else x

    def delta(self, problem: Problem, step: Step) -> float:
        """``abar_s ** gamma``, the share of least squares; 0 without noise."""
        return step.abar_s ** self.hyper_parameters["gamma"] if problem.sigma > 0 else 0.0

    def eta(self, sigma: float) -> float:
        """The regularisation of the back-projection for noise level ``sigma``."""
        eta_tilde = self.hyper_parameters["eta_tilde"]
        if eta_tilde < 0:
            return SMALLEST_ETA + self.hyper_parameters["xi"] * (GREY_LEVELS * sigma) ** 2
        return max(SMALLEST_ETA, sigma**2 * eta_tilde)

    def shares(self, problem: Problem, step: Step) -> tuple[float, float]:
        """``a`` and ``b``, the weights of back-projection and of least squares."""
        delta = self.delta(problem, step)
        mu = (1 - step.abar_s) / (1 - step.abar_t)
        mode = self.hyper_parameters["step_size_mode"]
        a = (1 - delta) * (mu if mode == 1 else 1)
        if delta == 0:
            return a, 0.0
        return a, delta * self.hyper_parameters["scale_ls"] * (1 if mode == 0 else mu)
