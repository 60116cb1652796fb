"""What the methods that look at single singular values share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ddpg.operators.base import LinearOperator
from ddpg.operators.spectral import SpectralOperator


def spectral(operator: LinearOperator) -> SpectralOperator:
    """The operator of a method that was checked to have a spectrum (:func:`check_grade`)."""
    if not isinstance(operator, SpectralOperator):
        raise TypeError(f"{type(operator).__name__} has no spectrum")
    return operator


def can_divide(operator: SpectralOperator, sigma: float) -> Tensor:
    """Where observations may be divided by the singular values.

    Noise of more than a hundred rounding errors drowns the rounding of y, whatever it is divided
    by: then every direction will do. With less, rounding would be amplified to what can be seen
    where singular values are small, see :attr:`ddpg.operators.SpectralOperator.invertible`.

    Args:
        operator: A.
        sigma: noise of y, on the [-1, 1] scale.
    """
    drowned = sigma > 100 * torch.finfo(operator.dtype).eps
    return operator.singular_values > 0 if drowned else operator.invertible


def noise_level(abar: float) -> float:
    """``sqrt((1 - abar) / abar)``, of the variance-exploding diffusion ``x_t / sqrt(abar_t)``."""
    return math.sqrt((1 - abar) / abar)
