"""The noise schedule and its time grids."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ddpg.priors.schedule import Schedule


def test_linear_schedule_is_the_product_of_its_betas():
    schedule = Schedule.linear()
    expected = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    np.testing.assert_allclose(schedule.alphas_cumprod.numpy(), expected, rtol=1e-13)
    assert schedule.abar(0) == pytest.approx(0.9999, abs=1e-15)
    assert schedule.abar(999) == pytest.approx(4.0358e-5, rel=1e-4)
    assert schedule.abar(-1) == 1.0


def test_cosine_schedule_follows_its_curve():
    schedule = Schedule.cosine()
    offset = 0.008

    def curve(u):
        return math.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2

    for t in (0, 250, 500, 900):
        assert schedule.abar(t) == pytest.approx(curve((t + 1) / 1000) / curve(0), rel=1e-9)
    assert 1 - schedule.abar(999) / schedule.abar(998) == pytest.approx(0.999)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, [0]),
        (2, [500, 0]),
        (10, list(range(900, -1, -100))),
        (100, list(range(990, -1, -10))),
        (3, [999, 500, 0]),
        (7, [999, 832, 666, 500, 333, 166, 0]),
        (1000, list(range(999, -1, -1))),
    ],
)
def test_uniform_times(steps, expected):
    assert Schedule.linear().uniform_times(steps) == expected


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.0, True, None])
def test_impossible_numbers_of_steps(steps):
    with pytest.raises(ValueError, match=r"steps must be an integer in \[1, 1000\]"):
        Schedule.linear().uniform_times(steps)


@pytest.mark.parametrize("t", [-2, 1000])
def test_times_outside(t):
    with pytest.raises(ValueError, match=r"time index must lie in \[-1, 999\]"):
        Schedule.linear().abar(t)


@pytest.mark.parametrize(
    "abar",
    [
        torch.tensor([0.9, 0.8]),
        torch.tensor([0.8, 0.9], dtype=torch.float64),
        torch.tensor([1.0, 0.9], dtype=torch.float64),
        torch.tensor([0.9, 0.0], dtype=torch.float64),
        torch.tensor([[0.9, 0.8]], dtype=torch.float64),
        torch.tensor([], dtype=torch.float64),
    ],
)
def test_impossible_schedules(abar):
    with pytest.raises(ValueError, match="alphas_cumprod must"):
        Schedule(abar)
