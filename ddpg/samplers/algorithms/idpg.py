"""IDPG: iterative denoising with preconditioned guidance, DDPG without noise put back.

Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned
Guidance", CVPR 2024 (arXiv 2312.16519), algorithm 1.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from ddpg.samplers.guidance import GuidedSampler
from ddpg.samplers.problem import Problem, Step


class IDPG(GuidedSampler):
    """Guided estimate, scaled to the signal of the next noise level; random only in its start."""

    name: ClassVar[str] = "idpg"

    def advance(
        self,
        problem: Problem,  # noqa: ARG002
        x: Tensor,  # noqa: ARG002
        xt: Tensor,
        step: Step,
    ) -> Tensor:
        """``x_s = sqrt(abar_s) xt``."""
        return math.sqrt(step.abar_s) * xt
