"""Regularised pseudo-inverse: what the observation alone says, the floor of every comparison.

The back-projection of Garber & Tirer, CVPR 2024, section 4, applied to y itself.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ddpg.operators.base import LinearOperator
from ddpg.samplers.direct import DirectSampler
from ddpg.samplers.problem import SMALLEST_ETA


class PseudoInverse(DirectSampler):
    """``A^T (A A^T + eta I)^-1 y`` with ``eta = max(1e-4, sigma^2 eta_tilde)``."""

    name: ClassVar[str] = "pinv"

    def estimate(self, y: Tensor, operator: LinearOperator, sigma: float) -> Tensor:
        """The formula of the class."""
        return operator.pinv(y, max(SMALLEST_ETA, sigma**2 * self.hyper_parameters["eta_tilde"]))
