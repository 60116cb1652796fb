"""Bootstrap intervals: known limits, the same resamples for all, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from ddpg.comparison.statistics.intervals import mean_intervals, resampled_means


def test_they_agree_with_scipys():
    values = np.random.default_rng(0).gamma(2, size=25)
    (ours,) = mean_intervals([values], resamples=20_000)
    theirs = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(7)
    ).confidence_interval
    # The quantiles of 20,000 resamples vary by about 2 % of the standard error.
    error = values.std() / 5
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.08 * error)


def test_an_interval_depends_on_its_own_values_and_the_seed_alone():
    rng = np.random.default_rng(0)
    first, second, longer = rng.normal(size=8), rng.normal(size=8), rng.normal(size=30)
    alone = mean_intervals([first])
    among = mean_intervals([second, longer, first])
    assert alone[0].tolist() == pytest.approx(among[2].tolist(), rel=1e-12)
    assert not np.allclose(alone, mean_intervals([first], seed=1))


def test_shifts_and_scales_carry_over():
    values = np.random.default_rng(0).normal(size=12)
    (plain,), (moved,) = mean_intervals([values]), mean_intervals([3 * values - 7])
    assert moved == pytest.approx(3 * plain - 7, rel=1e-9)


def test_resampled_means_have_the_bootstraps_moments():
    values = np.random.default_rng(0).normal(2, 3, size=(15, 1))
    means = resampled_means(values, 50_000, seed=0)
    error = values.std() / np.sqrt(15)
    assert means.mean() == pytest.approx(values.mean(), abs=5 * error / np.sqrt(50_000))
    assert means.std() == pytest.approx(error, rel=0.02)


def test_blocks_do_not_change_a_result(monkeypatch):
    values = [np.random.default_rng(0).normal(size=10)]
    before = mean_intervals(values, resamples=1000)
    monkeypatch.setattr("ddpg.comparison.statistics.intervals._BLOCK", 70)
    assert mean_intervals(values, resamples=1000) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.inf]])
def test_without_two_finite_values_there_is_none(values):
    assert np.isnan(mean_intervals([np.array(values)])).all()


@pytest.mark.parametrize("skewed", [False, True])
def test_coverage(skewed):
    """95 % intervals of 40 images hold the true mean in about 95 % of 2000 simulated studies.

    The percentile bootstrap is known to cover a little less with few values: by about
    (z^2 + 3) / (4 n) of the normal's 5 % plus a term of the skewness. The limits are those of
    94 and 92 %, each three binomial deviations (0.5 %) wide.
    """
    rng = np.random.default_rng(3)
    shape = (2000, 40)
    studies = rng.exponential(1, shape) if skewed else rng.normal(1, 1, shape)
    low, high = mean_intervals(list(studies), resamples=1000).T
    coverage = np.mean((low <= 1) & (high >= 1))
    expected = 0.92 if skewed else 0.94
    assert expected - 0.018 < coverage < expected + 0.018


@pytest.mark.parametrize(
    ("options", "message"),
    [({"level": 1.0}, "level must lie"), ({"resamples": 0}, "resamples must be at least 1")],
)
def test_what_is_not_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        mean_intervals([np.ones(3)], **options)
