"""Percentile bootstrap intervals of means.

Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. The resamples are drawn
as counts, how often each image is taken, so that one matrix product gives the resampled means of
every method and metric at once. All samples of one size meet the same resamples: an interval
depends on its own values and the seed alone, whatever else stands in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 0
_BLOCK = 4_000_000
_COLUMNS = 1000


def mean_intervals(
    samples: Sequence[np.ndarray],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> np.ndarray:
    """Return the interval of the mean of each sample.

    Args:
        samples: K arrays (n_k,), one value per image; no NaN.
        level: coverage, in (0, 1).

    Returns:
        (K, 2): lower and upper end; NaN for fewer than two values or one that is infinite.

    Raises:
        ValueError: ``level`` lies outside (0, 1), or ``resamples`` is below 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples!r}")
    intervals = np.full((len(samples), 2), np.nan)
    by_size: dict[int, list[int]] = {}
    for number, sample in enumerate(samples):
        if len(sample) > 1 and np.isfinite(sample).all():
            by_size.setdefault(len(sample), []).append(number)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for numbers in by_size.values():
        for first in range(0, len(numbers), _COLUMNS):
            chosen = numbers[first : first + _COLUMNS]
            values = np.stack([samples[number] for number in chosen], axis=1)
            means = resampled_means(values, resamples, seed)
            intervals[chosen] = np.quantile(means, tails, axis=0).T
    return intervals


def resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return the means of B bootstrap resamples, (B, K).

    Args:
        values: (n, K); the rows are drawn with replacement, together for all columns.
    """
    blocks = _counts(len(values), resamples, np.random.default_rng(seed))
    return np.concatenate([block @ values for block in blocks]) / len(values)


def _counts(size: int, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each value is drawn, (b, size), in blocks that bound the memory."""
    rows = max(1, _BLOCK // size)
    for first in range(0, resamples, rows):
        count = min(rows, resamples - first)
        drawn = generator.integers(0, size, (count, size))
        drawn += size * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size).astype(float)
