"""IDBP: iterative denoising and back-projections, the ancestor of IDPG.

Tirer & Giryes, "Image Restoration by Iterative Denoising and Backward Projections", IEEE
Transactions on Image Processing, 2019. Here it is what Garber & Tirer, CVPR 2024, generalise: their
algorithm 1 with delta = 0 at every step, on a diffusion's noise levels and with its network.
"""

from __future__ import annotations

from typing import ClassVar

from ddpg.samplers.algorithms.idpg import IDPG
from ddpg.samplers.problem import Problem, Step


class IDBP(IDPG):
    """IDPG with back-projection guidance alone."""

    name: ClassVar[str] = "idbp"

    def delta(self, problem: Problem, step: Step) -> float:  # noqa: ARG002
        """No share of least squares."""
        return 0.0
