"""Several restorations of one observation, taken for samples of the posterior: how good they are.

Samples are (M, C, H, W), the truth (C, H, W), both in [0, 1] and of one dtype; what comes out is a
number, a mean over pixels and channels. docs/posterior.md derives every formula.

A sampler is *calibrated* if truth and samples cannot be told apart: given the observation they are
exchangeable. That is what coverage, spread and CRPS are held against, whatever M is.
"""

from __future__ import annotations

import torch
from scipy.stats import t as student
from torch import Tensor


def crps(samples: Tensor, truth: Tensor) -> float:
    """Return the continuous ranked probability score per pixel, by the fair estimator; 0 is best.

        mean_i |x_i - x| - 1 / (2 M (M - 1)) sum_ij |x_i - x_j|

    Its expectation does not depend on M: it is the score of the distribution that the samples come
    from (Ferro, "Fair scores for ensemble forecasts", QJRMS 140, 2014, equation 4). With one sample
    it would be the mean absolute error. It may be below 0 for one picture.

    Raises:
        ValueError: there are fewer than two samples.

    Example:
        >>> two = torch.tensor([0.25, 0.75]).reshape(2, 1, 1, 1)
        >>> crps(two, torch.tensor([0.5]).reshape(1, 1, 1))
        0.0
    """
    count = _several(samples)
    distance = (samples - truth).abs().mean()
    ordered = samples.sort(dim=0).values
    # sum_ij |x_i - x_j| = 2 sum_k (2 k - M - 1) x_(k) with k from 1
    weights = 2 * torch.arange(1, count + 1, dtype=samples.dtype, device=samples.device) - count - 1
    pairs = 2 * torch.tensordot(weights, ordered, dims=1).mean()
    return float(distance - pairs / (2 * count * (count - 1)))


def spread(samples: Tensor) -> float:
    """Return what the error of the mean should be by the samples themselves.

        sqrt((1 + 1/M) mean s^2)

    with the unbiased variance ``s^2`` of the samples of each pixel: for a calibrated sampler its
    square is the expected squared error of the mean of M samples (Fortin et al., "Why should
    ensemble spread match the RMSE of the ensemble mean?", Journal of Hydrometeorology 15, 2014).

    Raises:
        ValueError: there are fewer than two samples.
    """
    count = _several(samples)
    return float(((1 + 1 / count) * samples.var(dim=0).mean()).sqrt())


def error_of_mean(samples: Tensor, truth: Tensor) -> float:
    """Return the root of the mean squared error of the samples' mean."""
    return float((samples.mean(dim=0) - truth).square().mean().sqrt())


def coverage(samples: Tensor, truth: Tensor, level: float) -> float:
    """Return the share of pixels whose truth lies in the interval that the samples predict.

        mean +- t s sqrt(1 + 1/M)

    with the ``(1 + level) / 2`` quantile of Student's distribution of M - 1 degrees of freedom. Of
    a calibrated sampler whose pixels are Gaussian it covers with probability ``level`` exactly, for
    every M from 2: ``(x - mean) / (s sqrt(1 + 1/M))`` then has that distribution.

    Raises:
        ValueError: there are fewer than two samples, or ``level`` lies outside (0, 1).
    """
    count = _several(samples)
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")
    reach = float(student.ppf((1 + level) / 2, count - 1)) * (1 + 1 / count) ** 0.5
    inside = (truth - samples.mean(dim=0)).abs() <= reach * samples.std(dim=0)
    return float(inside.double().mean())


def coverage_of_range(samples: Tensor, truth: Tensor) -> float:
    """Return the share of pixels whose truth lies between the smallest and the largest sample.

    Of a calibrated sampler that is :func:`nominal_of_range`, whatever the distribution.

    Raises:
        ValueError: there are fewer than two samples.
    """
    _several(samples)
    inside = (samples.amin(dim=0) <= truth) & (truth <= samples.amax(dim=0))
    return float(inside.double().mean())


def nominal_of_range(count: int) -> float:
    """Return the probability that the truth lies within the range of M exchangeable samples.

    The truth takes each of the M + 1 places in their order with equal probability, and two of them
    lie outside: ``(M - 1) / (M + 1)``.

    Example:
        >>> nominal_of_range(3), nominal_of_range(19)
        (0.5, 0.9)
    """
    return (count - 1) / (count + 1)


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return the pairs of samples whose likeness stands for all: each with the next, in a ring.

    Every sample counts twice, so that their mean is one over all pairs in expectation, at the cost
    of M instead of M (M - 1) / 2.

    >>> pairs_of(2), pairs_of(3)
    ([(0, 1)], [(0, 1), (1, 2), (2, 0)])
    """
    return [(i, (i + 1) % count) for i in range(count)] if count > 2 else [(0, 1)]


def _several(samples: Tensor) -> int:
    if len(samples) < 2:
        raise ValueError(f"needs two samples or more, got {len(samples)}")
    return len(samples)
