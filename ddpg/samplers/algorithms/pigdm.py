"""PiGDM: pseudo-inverse guided diffusion models.

Song, Vahdat, Mardani & Kautz, "Pseudoinverse-Guided Diffusion Models for Inverse Problems", ICLR
2023, algorithm 1. Its authors published no code, and public implementations do not agree. The
``form`` says which one is meant:

``inversebench_noisy`` (the default): that of InverseBench. It regularises the inverse by the noise
of y and the uncertainty of the estimate, ``s^2 (1+sig_t^2)/sig_t^2``, adds the guidance with weight
one in the variance-exploding scale ``X = x / sqrt(abar_t)``, and takes noisy observations. Its own
noise levels are replaced by those of the prior at our times.

``reddiff``: that of RED-diff's authors, for observations without noise: the pseudo-inverse alone,
a start from ``A^+ y``, and a weight that depends on both times (``awd``, adaptive weight decay, or
the form that also removes the guidance's part in the predicted noise). Given noise, it fits it.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from ddpg.samplers.gradients import DirectedSampler
from ddpg.samplers.problem import Problem, Step
from ddpg.samplers.spectral import noise_level


class PiGDM(DirectedSampler):
    """An estimate guided through the network's Jacobian, and noise put back."""

    name: ClassVar[str] = "pigdm"

    @property
    def _noisy(self) -> bool:
        return self.hyper_parameters["form"] == "inversebench_noisy"

    def start(self, problem: Problem, first: Step) -> Tensor:
        """``sqrt(1-abar_T) x_T``, for ``reddiff`` with ``sqrt(abar_T) A^+ y`` added."""
        x = math.sqrt(1 - first.abar_t) * problem.initial_noise()
        if self._noisy:
            return x
        inverse = problem.operator.pinv(problem.y, self.hyper_parameters["reg"])
        return x.add_(inverse, alpha=math.sqrt(first.abar_t))

    def direction(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:
        """``r = A^T (A A^T + c I)^-1 (y - A x0)`` with the form's c."""
        c = self.hyper_parameters["reg"]
        if self._noisy:
            s = max(problem.sigma, self.hyper_parameters["sigma_floor"])
            # s^2 (1 + sig^2)/sig^2, where sig^2/(1 + sig^2) = 1 - abar
            c = s**2 / (1 - step.abar_t)
        return problem.guidance(x0, c).neg_()

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration, of the form asked for."""
        x0, e, gradient = self.differentiate(problem, x, step)
        if self._noisy:
            return self._exploding(problem, x, x0, gradient, step), x0
        return self._preserving(problem, x0, e, gradient, step), x0

    def _exploding(
        self, problem: Problem, x: Tensor, x0: Tensor, gradient: Tensor, step: Step
    ) -> Tensor:
        """``X_s = x0 + sqrt(1-eta^2) (sig_s/sig_t)(X - x0) + eta sig_s z + g``."""
        eta = self.hyper_parameters["eta"]
        root, sig_s = math.sqrt(step.abar_t), noise_level(step.abar_s)
        shrink = math.sqrt(1 - eta**2) * sig_s / noise_level(step.abar_t)
        # g = (d x0/d X)^T r, and X = x / sqrt(abar_t)
        X = x0 + shrink * (x / root - x0) + root * gradient
        if eta * sig_s > 0:
            X.add_(problem.fresh_noise(step.index), alpha=eta * sig_s)
        return math.sqrt(step.abar_s) * X

    def _preserving(
        self, problem: Problem, x0: Tensor, e: Tensor, gradient: Tensor, step: Step
    ) -> Tensor:
        """``x_s = sqrt(abar_s) x0 + c1 z + c2 e + w g``."""
        abar_t, abar_s = step.abar_t, step.abar_s
        fresh = (1 - abar_t / abar_s) * (1 - abar_s) / (1 - abar_t)
        c1 = self.hyper_parameters["eta"] * math.sqrt(fresh)
        c2 = math.sqrt(1 - abar_s - c1**2)
        decay = 0.0 if self.hyper_parameters["awd"] else c2 * math.sqrt(abar_t / (1 - abar_t))
        w = self.hyper_parameters["weight"] * math.sqrt(abar_t) * (math.sqrt(abar_s) - decay)
        x_s = math.sqrt(abar_s) * x0 + c2 * e + w * gradient
        if c1 > 0:
            x_s.add_(problem.fresh_noise(step.index), alpha=c1)
        return x_s
