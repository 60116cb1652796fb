"""What the methods without a network share: one formula, no steps."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ddpg.noise import Noise
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ImagePrior
from ddpg.samplers.base import Callback, Sampler
from ddpg.samplers.problem import check_grade, check_observations


class DirectSampler(Sampler):
    """A restoration in closed form: prior, noise and callback are taken and not used."""

    @property
    def network_evaluations(self) -> int:
        return 0

    @abstractmethod
    def estimate(self, y: Tensor, operator: LinearOperator, sigma: float) -> Tensor:
        """Images from observations with noise level ``sigma`` on the [-1, 1] scale."""

    @torch.no_grad()
    def restore(
        self,
        y: Tensor,
        operator: LinearOperator,
        prior: ImagePrior | None,  # noqa: ARG002
        *,
        sigma_y: float,
        noise: Noise | None,  # noqa: ARG002
        callback: Callback | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Check the arguments and estimate, see :meth:`ddpg.samplers.base.Sampler.restore`."""
        check_grade(self.name, operator)
        return self.estimate(y, operator, check_observations(y, operator, sigma_y))
