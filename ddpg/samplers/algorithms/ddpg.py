"""DDPG: denoising diffusion with iteratively preconditioned guidance.

Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned
Guidance", CVPR 2024 (arXiv 2312.16519), algorithm 2.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.samplers.guidance import GuidedSampler
from ddpg.samplers.problem import Problem, Step


class DDPG(GuidedSampler):
    """Guided estimate, then noise put back: fresh and effective, in the proportion ``zeta``."""

    name: ClassVar[str] = "ddpg"

    def advance(self, problem: Problem, x: Tensor, xt: Tensor, step: Step) -> Tensor:
        """``x_s = sqrt(abar_s) xt + sqrt(1-abar_s) [sqrt(zeta) z + sqrt(1-zeta) w e_eff]``."""
        zeta = self.hyper_parameters["zeta"]
        x_s = math.sqrt(step.abar_s) * xt
        noise_level = math.sqrt(1 - step.abar_s)
        # The last step has no noise to put back.
        if noise_level > 0 and zeta < 1:
            # e_eff = (x_t - sqrt(abar_t) xt) / sqrt(1-abar_t), the noise that explains x_t by xt
            effective = torch.sub(x, xt, alpha=math.sqrt(step.abar_t))
            w = self.delta(problem, step) if problem.sigma > 0 else 1.0
            share = math.sqrt(1 - zeta) * w / math.sqrt(1 - step.abar_t)
            x_s.add_(effective, alpha=noise_level * share)
        if noise_level > 0 and zeta > 0:
            x_s.add_(problem.fresh_noise(step.index), alpha=noise_level * math.sqrt(zeta))
        return x_s
