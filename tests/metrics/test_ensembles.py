"""Samples of known distributions: what is measured of them is what the closed forms say.

Tolerances are five standard errors of the means over the pixels.
"""

from __future__ import annotations

import math

import pytest
import torch

from ddpg.metrics.ensembles import (
    coverage,
    coverage_of_range,
    crps,
    error_of_mean,
    nominal_of_range,
    pairs_of,
    spread,
)

PIXELS = 60_000
SIGMA = 0.1


def drawn(count: int, width: float = SIGMA, shift: float = 0.0, seed: int = 0):
    """M samples N(shift, width^2) and a truth N(0, SIGMA^2), (M, 3, 100, 200)."""
    generator = torch.Generator().manual_seed(seed)
    shape = (3, 100, PIXELS // 300)
    samples = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
    truth = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return shift + width * samples, SIGMA * truth


def mean_distance(shift: float, deviation: float) -> float:
    """E |N(shift, deviation^2)|."""
    ratio = shift / deviation
    return deviation * math.sqrt(2 / math.pi) * math.exp(-(ratio**2) / 2) + shift * math.erf(
        ratio / math.sqrt(2)
    )


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize(("width", "shift"), [(SIGMA, 0.0), (0.02, 0.0), (0.3, 0.0), (0.1, 0.2)])
def test_crps_is_that_of_the_distribution_whatever_the_number_of_samples(count, width, shift):
    expected = mean_distance(shift, math.hypot(SIGMA, width)) - width / math.sqrt(math.pi)
    error = 5 * (SIGMA + width) / math.sqrt(PIXELS)
    assert crps(*drawn(count, width, shift)) == pytest.approx(expected, abs=error)


def test_crps_is_least_of_the_right_distribution():
    right = SIGMA / math.sqrt(math.pi)
    assert crps(*drawn(3)) == pytest.approx(right, rel=0.02)
    assert crps(*drawn(3, 0.5 * SIGMA)) > 1.03 * right
    assert crps(*drawn(3, 2 * SIGMA)) > 1.1 * right


def test_crps_by_sorting_is_the_sum_over_all_pairs():
    samples, truth = drawn(5)
    pairs = (samples[:, None] - samples[None]).abs().mean(dim=(2, 3, 4)).sum()
    expected = (samples - truth).abs().mean() - pairs / (2 * 5 * 4)
    assert crps(samples, truth) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize("count", [2, 3, 10, 40])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_of_gaussian_samples_cover_as_promised_for_every_number(count, level):
    error = 5 * math.sqrt(level * (1 - level) / PIXELS)
    assert coverage(*drawn(count), level) == pytest.approx(level, abs=error)
    assert coverage(*drawn(count, 0.5 * SIGMA), level) < level - 0.05
    assert coverage(*drawn(count, 2 * SIGMA), level) > level + 0.02


@pytest.mark.parametrize("count", [2, 3, 19])
@pytest.mark.parametrize("shape", ["gaussian", "exponential"])
def test_the_range_covers_as_promised_whatever_the_distribution(count, shape):
    samples, truth = drawn(count)
    if shape == "exponential":
        samples, truth = (x.abs().square().exp() for x in (samples, truth))
    share = nominal_of_range(count)
    error = 5 * math.sqrt(share * (1 - share) / PIXELS)
    assert coverage_of_range(samples, truth) == pytest.approx(share, abs=error)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_spread_of_calibrated_samples_is_the_error_of_their_mean(count):
    samples, truth = drawn(count)
    expected = SIGMA * math.sqrt(1 + 1 / count)
    assert spread(samples) == pytest.approx(expected, rel=0.02)
    assert error_of_mean(samples, truth) == pytest.approx(expected, rel=0.02)
    assert spread(0.5 * samples) < 0.6 * error_of_mean(0.5 * samples, truth)


@pytest.mark.parametrize("measure", [crps, coverage_of_range, lambda s, x: coverage(s, x, 0.5)])
def test_one_sample_is_refused(measure):
    with pytest.raises(ValueError, match="two samples or more, got 1"):
        measure(*drawn(1))


def test_a_level_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="level must lie in"):
        coverage(*drawn(2), 90)


def test_each_sample_counts_as_often_as_another():
    for count in (2, 3, 4, 7):
        places = [place for pair in pairs_of(count) for place in pair]
        assert len({places.count(place) for place in range(count)}) == 1
