"""DDRM: denoising diffusion restoration models.

Kawar, Elad, Ermon & Song, "Denoising Diffusion Restoration Models", NeurIPS 2022 (arXiv
2201.11793), section 3, as its authors' code runs it. Noise levels are those of the
variance-exploding diffusion, ``sig_t = sqrt((1-abar_t)/abar_t)``. ``x0``, ``e`` and ``w`` are
coordinates in the basis of the singular vectors, ``w`` those of pixel noise ``z``; the operator
gives them without a big SVD (:meth:`ddpg.operators.SpectralOperator.image_coordinates`), so that
motion deblurring and super-resolution by Fourier transforms work like the rest.

The last step returns the network's estimate: it has no data term. The times are equally spaced;
those of the authors' code, ``range(0, 1000, 1000 // N)``, are the same where N divides 1000, and
more than N where it does not.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import Problem, Step
from ddpg.samplers.spectral import can_divide, noise_level, spectral


class DDRM(DiffusionSampler):
    """Each singular direction takes from y what y knows better than ``x_t`` does."""

    name: ClassVar[str] = "ddrm"

    def start(self, problem: Problem, first: Step) -> Tensor:
        """``Y/S + sqrt(sig_T^2 - s^2/S^2) x_T^`` where y knows more, else noise; over ``sig_T``."""
        operator, s = spectral(problem.operator), problem.sigma
        noise, sig = problem.initial_noise(), noise_level(first.abar_t)
        S = operator.singular_values
        known = (S * sig > s) & can_divide(operator, s)
        x_T = operator.image_coordinates(noise)
        spread = (sig**2 - (s / S) ** 2).clamp_(min=0).sqrt_()
        change = problem.y_spectral / S + (spread - sig) * x_T
        return noise + operator.from_image_coordinates(torch.where(known, change, 0)) / sig

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """What unobserved directions do, and the corrections of the observed ones."""
        x0, e = self.predict(problem, x, step)
        sig = noise_level(step.abar_s)
        if sig == 0:
            return x0, x0
        eta, z = self.hyper_parameters["eta"], problem.fresh_noise(step.index)
        # (c) unobserved: x0 + sqrt(1-eta^2) sig e + eta sig z
        put_back = math.sqrt(1 - eta**2) * sig * e + eta * sig * z
        correction = self._correction(problem, sig, x0, e, z)
        x_s = x0 + put_back + spectral(problem.operator).from_image_coordinates(correction)
        return math.sqrt(step.abar_s) * x_s, x0

    def _correction(self, problem: Problem, sig: float, x0: Tensor, e: Tensor, z: Tensor) -> Tensor:
        """Coordinates of branches (a) and (b) less those of branch (c)."""
        operator, Y, s = spectral(problem.operator), problem.y_spectral, problem.sigma
        eta, etaB = self.hyper_parameters["eta"], self.hyper_parameters["etaB"]
        keep = math.sqrt(1 - eta**2)
        S = operator.singular_values
        known = (S * sig > s) & can_divide(operator, s)
        vague = operator.observed & (S * sig < s) & ~known
        x0, e, w = (operator.image_coordinates(image) for image in (x0, e, z))
        # (a) etaB Y/S + (1-etaB) x0 + sqrt(sig^2 - etaB^2 s^2/S^2) w
        spread = (sig**2 - (etaB * s / S) ** 2).clamp_(min=0).sqrt_()
        a = etaB * (Y / S - x0) + (spread - eta * sig) * w - keep * sig * e
        # (b) x0 + sqrt(1-eta^2) sig (Y - S x0)/s + eta sig w
        b = keep * sig * ((Y - S * x0) / s - e) if s > 0 else torch.zeros_like(a)
        return torch.where(known, a, torch.where(vague, b, 0))
