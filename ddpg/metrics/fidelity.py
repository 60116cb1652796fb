"""How well a restoration explains what was observed: no truth is needed.

The truth explains it up to the noise, so that the root mean square of ``A x - y`` is that of the
noise. A restoration with less has fitted the noise, one with more has invented something.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ddpg.errors import MetricUndefined
from ddpg.operators.base import LinearOperator


@dataclass(frozen=True)
class Observed:
    """What was observed of a batch.

    Attributes:
        y: observations (B, c, h, w), float64 on [-1, 1].
        operator: what they were observed with, in float64.
        sigma_y: noise level on the [0, 1] scale.
        known: which values of y were observed, (B, h, w) or None for all.
    """

    y: Tensor
    operator: LinearOperator
    sigma_y: float
    known: Tensor | None = None

    def __getitem__(self, part: slice) -> Observed:
        """Some pictures of the batch, as of a sequence."""
        numbers = range(len(self.y))[part]
        known = None if self.known is None else self.known[part]
        operator = self.operator.select(list(numbers))
        return replace(self, y=self.y[part], operator=operator, known=known)

    def misfit(self, restored: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``|A x - y|^2``, ``|y|^2`` and n of each picture, over what is known, on [-1, 1].

        Args:
            restored: (B, 3, H, W), black 0 and white 1.
        """
        difference = self.operator.forward(2 * restored.to(self.y) - 1) - self.y
        known = torch.ones_like(self.y)
        if self.known is not None:
            known = self.known.to(self.y)[:, None].expand_as(self.y)
        return tuple(  # type: ignore[return-value]
            part.flatten(1).sum(1)
            for part in (known * difference.square(), known * self.y.square(), known)
        )


def consistency(restored: Tensor, observed: Observed, *, data_range: float) -> Tensor:
    """``|A x - y| / (sigma sqrt(n))``; 1 where a picture differs by as much as the noise.

    Args:
        restored: (B, 3, H, W), not clamped.
        observed: what was observed of each.
        data_range: white minus black.

    Returns:
        (B,) float64; NaN for a picture that is not finite.

    Raises:
        MetricUndefined: there is no noise.
    """
    if not observed.sigma_y > 0:
        raise MetricUndefined("without noise there is no consistency, but a relative residual")
    square, _, count = observed.misfit(restored / data_range)
    return (square / count).sqrt() / (2 * observed.sigma_y)


def residual(restored: Tensor, observed: Observed, *, data_range: float) -> Tensor:
    """``|A x - y| / |y|``, pictures on [-1, 1]; 0 where a picture explains all.

    Arguments and values are those of :func:`consistency`.
    """
    square, norm, _ = observed.misfit(restored / data_range)
    return (square / norm).sqrt().masked_fill(square == 0, 0.0)
