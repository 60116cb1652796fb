"""Consistency models driven by a network of EDM's form."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.priors.base import ConsistencyPrior
from ddpg.priors.network_runner import NetworkRunner

TIMES_PER_LOG = 250.0
"""``1000 / 4``: a quarter of the logarithm (Karras et al.), in thousandths, as published."""


class NetworkConsistency(NetworkRunner, ConsistencyPrior):
    """``F(x, sigma) = c_skip x + c_out N(c_in x, 250 log sigma)``, in the precision asked for.

    Song et al., "Consistency models", ICML 2023, appendix C, as their code has it: with
    ``d = sigma_data`` and ``l = sigma - sigma_min``

        c_in = 1 / sqrt(sigma^2 + d^2),   c_skip = d^2 / (l^2 + d^2),   c_out = l d c_in,

    so that F is the identity at ``sigma_min``.

    Args:
        network: ``network(x, t)`` with real times t (B,); taken over: moved, converted, frozen.
        sigma_data: d, the deviation of the training's images.
        sigma_min: the least level of the training.
        running: the other arguments of :class:`NetworkRunner`, by name.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        sigma_data: float = 0.5,
        sigma_min: float = 0.002,
        **running: Any,
    ) -> None:
        super().__init__(network, **running)
        self._sigma_data, self._sigma_min = sigma_data, sigma_min

    def consistency(self, x: Tensor, sigma: float) -> Tensor:
        """``F(x, sigma)``, see :class:`NetworkConsistency`."""
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"sigma must be finite and above 0, got {sigma!r}")
        self._check(x)
        d, beyond = self._sigma_data, sigma - self._sigma_min
        c_skip = d**2 / (beyond**2 + d**2)
        c_in = 1 / math.hypot(sigma, d)
        c_out = beyond * d * c_in
        times = torch.full((len(x),), TIMES_PER_LOG * math.log(sigma), device=self._device)
        with torch.no_grad():
            answer = self._run(self.network, c_in * x, times)[:, :3]
        return (c_skip * x + c_out * answer.to(x.dtype)).contiguous()
