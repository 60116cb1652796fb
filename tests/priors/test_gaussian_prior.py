"""The closed-form prior."""

from __future__ import annotations

import math

import pytest
import torch

from ddpg.priors import GaussianPrior
from ddpg.priors.schedule import Schedule

MEAN, VARIANCE = 0.1, 0.16


def test_eps_is_the_regression_of_the_noise_on_x_t():
    """E[eps | x_t] minimises the error, so residual and x_t are uncorrelated."""
    prior, t, draws = GaussianPrior(MEAN, VARIANCE), 300, 200_000
    abar = prior.schedule.abar(t)
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn((2, draws, 1, 1, 1), generator=generator, dtype=torch.float64)
    x_t = math.sqrt(abar) * (MEAN + math.sqrt(VARIANCE) * x) + math.sqrt(1 - abar) * noise
    residual = noise - prior.eps(x_t, t)
    spread = float(residual.std()) / math.sqrt(draws)
    assert abs(float(residual.mean())) < 5 * spread
    assert abs(float((residual * (x_t - x_t.mean())).mean())) < 5 * spread * float(x_t.std())


def test_times_of_each_image():
    prior = GaussianPrior(torch.tensor([0.1, 0.2, 0.3]).reshape(3, 1, 1), VARIANCE)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    both = prior.eps(x, torch.tensor([0, 999]))
    torch.testing.assert_close(both[:1], prior.eps(x[:1], 0))
    torch.testing.assert_close(both[1:], prior.eps(x[1:], 999))
    assert both.dtype == torch.float32


def test_impossible_arguments():
    with pytest.raises(ValueError, match="variance must be finite and above 0, got 0"):
        GaussianPrior(0, 0)
    with pytest.raises(ValueError, match="mean must be finite"):
        GaussianPrior(math.nan, 1)
    with pytest.raises(ValueError, match=r"\[0, 999\], got -1"):
        GaussianPrior(0, 1).eps(torch.zeros(1, 3, 2, 2), -1)
    short = GaussianPrior(0, 1, schedule=Schedule.linear(steps=10))
    with pytest.raises(ValueError, match="time index"):
        short.eps(torch.zeros(1, 3, 2, 2), 10)
