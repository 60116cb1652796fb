"""The exact posterior of a prior that has one in closed form: its mean, or draws of it.

No method can have a better expected PSNR than the mean, nor a better expected CRPS than the draws.
See :mod:`ddpg.samplers.algorithms.exact.posterior`.
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor

from ddpg.noise import Noise
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ClosedFormPrior
from ddpg.samplers.algorithms.exact.posterior import Posterior, conditioned
from ddpg.samplers.base import Given, Sampler
from ddpg.samplers.problem import check_prior


class Exact(Sampler):
    """``E[x | y]``, or a draw from ``p(x | y)``."""

    name: ClassVar[str] = "exact"

    @property
    def network_evaluations(self) -> int:
        """None are made: the posterior is computed from the prior's parameters."""
        return 0

    def restored(self, given: Given) -> Tensor:
        """Estimate or draw.

        Raises:
            UserError: the closed form of the operator is dense and the pictures are too large.
        """
        y, operator = given.y, given.operator
        asked = cast(ClosedFormPrior, check_prior(self.name, given.prior, operator))
        posteriors = conditioned(asked, operator, given.sigma, y)
        if self.hyper_parameters["estimate"] == "mean":
            return torch.cat([posterior.mean for posterior in posteriors]).to(y)
        if given.noise is None:
            raise ValueError(f"{self.name} draws random numbers: noise must not be None")
        return self._drawn(posteriors, y, operator, given.noise)

    def _drawn(
        self, posteriors: list[Posterior], y: Tensor, operator: LinearOperator, noise: Noise
    ) -> Tensor:
        shape = (len(y), *operator.image_shape)
        white = noise.initial(shape).double().cpu()
        observed = noise.step(0, y.shape).double().cpu()
        normal = noise.step(1, (len(y), 1)).double().cpu().flatten()
        share = len(y) // len(posteriors)  # all observations, or one each
        parts = zip(*(numbers.split(share) for numbers in (white, observed, normal)), strict=True)
        drawn = [one.draw(*part) for one, part in zip(posteriors, parts, strict=True)]
        return torch.cat(drawn).to(y)
