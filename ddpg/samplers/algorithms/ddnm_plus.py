"""DDNM+: the null-space model for noisy observations.

Wang, Yu & Zhang, "Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model", ICLR
2023 (arXiv 2212.00490), section 3.3 and algorithm 2: in each singular direction the correction is
scaled by lambda so that the noise of y does not exceed that of ``x_s``, and fresh noise fills what
is missing.

Unlike the authors' code, thresholds use the operator's own singular values (theirs compares with
those before truncation), and noise works for every operator, through the spectrum of ``A A^T``.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import Problem, Step
from ddpg.samplers.spectral import can_divide, spectral


class DDNMPlus(DiffusionSampler):
    """DDNM with the noise of y counted, direction by direction."""

    name: ClassVar[str] = "ddnm_plus"
    keeps_known_pixels: ClassVar[bool] = True

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration."""
        x0, e = self.predict(problem, x, step)
        operator, eta = spectral(problem.operator), self.hyper_parameters["eta"]
        keep = math.sqrt(1 - eta**2)
        a, sg = math.sqrt(step.abar_s), math.sqrt(1 - step.abar_s)
        usable = can_divide(operator, problem.sigma)
        Q = operator.singular_values
        # tau = a s/Q, the noise that the correction brings into x_s
        tau = a * problem.sigma / Q
        # lambda = 1 where sg >= tau, else Q sg sqrt(1-eta^2) / (a s)
        weights = torch.where(sg >= tau, 1.0, sg * keep / tau) / Q**2
        weights = torch.where(usable, weights, 0.0)
        # xc = x0 - V (lambda o V^T A^+ (A x0 - y))
        x_s = a * (x0 - operator.guidance(x0, problem.y_spectral, weights))
        if sg > 0:
            # d1, d2 are (eta sg, sqrt(1-eta^2) sg) where Q = 0 ...
            z = problem.fresh_noise(step.index)
            x_s.add_(z, alpha=eta * sg).add_(e, alpha=keep * sg)
            # ... and (sqrt(sg^2 - tau^2), 0) or, where tau > sg, (eta sg, 0) elsewhere
            d1 = torch.where(sg >= tau, (sg**2 - tau**2).clamp_(min=0).sqrt_(), eta * sg)
            z, e = operator.image_coordinates(z), operator.image_coordinates(e)
            change = torch.where(usable, (d1 - eta * sg) * z - keep * sg * e, 0)
            x_s += operator.from_image_coordinates(change)
        return x_s, x0
