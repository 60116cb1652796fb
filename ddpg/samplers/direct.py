"""What the methods without a network share: one formula, no steps."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ddpg.operators.base import LinearOperator
from ddpg.samplers.base import Given, Sampler


class DirectSampler(Sampler):
    """A restoration in closed form: prior, noise and callback are taken and not used."""

    @property
    def network_evaluations(self) -> int:
        """None are made."""
        return 0

    @abstractmethod
    def estimate(self, y: Tensor, operator: LinearOperator, sigma: float) -> Tensor:
        """Images from observations with noise level ``sigma`` on the [-1, 1] scale."""

    def restored(self, given: Given) -> Tensor:
        """The estimate."""
        return self.estimate(given.y, given.operator, given.sigma)
