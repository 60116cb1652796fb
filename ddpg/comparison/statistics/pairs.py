"""Two methods on the same images: paired differences, Wilcoxon's test, Holm's correction.

Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945); Holm, "A
simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from ddpg.comparison.statistics.intervals import mean_intervals
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    label_styles,
    of_methods,
    per_image,
    quality_metrics,
)
from ddpg.comparison.style import METRIC_STYLES

ALPHA = 0.05
_ALL_SIGNS = 13
"""Images up to which SciPy's p of tied differences is exact, too."""
PAIR_COLUMNS = [
    *(*CELL_KEYS, "metric", "label_a", "label_b", "n", "difference", "low", "high"),
    *("win_rate", "p", "p_holm", "better", "decidable", "note"),
]

_NUMBERS = ["scale", "sigma_y", "difference", "win_rate", "p", "p_holm"]


def compare_pairs(metrics: pd.DataFrame) -> pd.DataFrame:
    """Compare every two methods of each cell, over the images that both have.

    Args:
        metrics: a long table; metrics of cost are not compared, nor is what was observed.

    Returns:
        one row per cell, metric and pair, :data:`PAIR_COLUMNS`: ``difference`` is the mean of
        a - b with its interval (of a metric with a target, of the distances to it), ``win_rate``
        the share of images on which a is better (ties count half), ``p`` two-sided, ``p_holm``
        corrected over the pairs of the cell and metric, ``better`` the label that is significantly
        better or "", ``decidable`` whether so many images could show anything, ``note`` why not.
    """
    images = per_image(of_methods(metrics))
    images = images[images["metric"].isin(quality_metrics(metrics)) & images["value"].notna()]
    order = list(label_styles(metrics))
    rows, samples = [], []
    for key, group in images.groupby([*CELL_KEYS, "metric"], dropna=False, sort=False):
        family = list(_family(group, order))
        cell = dict(zip([*CELL_KEYS, "metric"], key, strict=True))
        rows += [cell | row for row in decide([row for row, _ in family], cell["metric"], ALPHA)]
        samples += [differences for _, differences in family]
    intervals = mean_intervals(samples)
    pairs = pd.DataFrame(rows, columns=[c for c in PAIR_COLUMNS if c not in ("low", "high")])
    pairs = pairs.astype(dict.fromkeys(_NUMBERS, float))  # also where there is no row
    return pairs.assign(low=intervals[:, 0], high=intervals[:, 1])[PAIR_COLUMNS]


def _family(group: pd.DataFrame, order: list[str]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """The pairs of one cell and metric that share an image, with their differences."""
    table = group.pivot_table(index="image", columns="label", values="value")
    labels = [label for label in order if label in table]
    metric = group["metric"].iloc[0]
    for a, b in combinations(labels, 2):
        both = METRIC_STYLES[metric].compared(table[[a, b]].dropna())
        if len(both):
            differences = subtract(both[a].to_numpy(), both[b].to_numpy())
            yield {"label_a": a, "label_b": b} | paired_test(differences, metric), differences


def subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a - b, 0 where both are the same infinity (the PSNR of a perfect restoration)."""
    same = a == b
    return np.where(same, 0.0, a) - np.where(same, 0.0, b)


def paired_test(differences: np.ndarray, metric: str) -> dict[str, Any]:
    """Describe paired differences.

    Args:
        differences: (n,), n >= 1, in the metric's unit.
        metric: decides whether higher or lower is better.

    Returns:
        ``n``, ``difference`` (mean), ``win_rate``, ``p`` (Wilcoxon's signed-rank test, two-sided)
        and ``lean`` (1 if the signed ranks favour a, -1 if b, 0 if neither).
    """
    gains = METRIC_STYLES[metric].direction * differences
    ranks = rankdata(np.abs(gains))
    return {
        "n": len(gains),
        "difference": float(differences.mean()),
        "win_rate": float(np.mean(gains > 0) + np.mean(gains == 0) / 2),
        "p": signed_rank_p(differences),
        "lean": int(np.sign((ranks * np.sign(gains)).sum())),
    }


def signed_rank_p(differences: np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's test; 1 where all differences are 0."""
    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return 1.0
    tied = len(np.unique(sizes)) < len(differences)
    if not tied or len(differences) > _ALL_SIGNS or not np.isfinite(sizes).all():
        return float(wilcoxon(differences).pvalue)
    # Under every choice of signs, which SciPy goes through one by one: seconds for twelve images.
    ranks = rankdata(sizes)
    signs = np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks)) & 1
    sums, found = signs @ ranks, ranks[differences[differences != 0] > 0].sum()
    return min(1.0, 2 * float(min(np.mean(sums <= found), np.mean(sums >= found))))


def holm(p: np.ndarray) -> np.ndarray:
    """Correct a family of p-values by Holm's step-down method.

    Args:
        p: (m,).

    Returns:
        (m,): corrected values, at most 1; comparing them with alpha bounds the probability of any
        false claim in the family by alpha.
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def decide(family: list[dict[str, Any]], metric: str, alpha: float) -> list[dict[str, Any]]:
    """Correct the p-values of a family of pairs and say which method is better.

    Args:
        family: rows of :func:`paired_test` with ``label_a`` and ``label_b``.

    Returns:
        the rows with ``p_holm``, ``better``, ``decidable`` and ``note``, without ``lean``.
    """
    corrected = holm(np.array([row["p"] for row in family]))
    return [
        _decided(row, float(p), len(family), METRIC_STYLES[metric].direction, alpha)
        for row, p in zip(family, corrected, strict=True)
    ]


def _decided(
    row: dict[str, Any], p_holm: float, size: int, direction: int, alpha: float
) -> dict[str, Any]:
    row = dict(row)
    lean = row.pop("lean")
    floor = min(1.0, size * smallest_p(row["n"]))
    better, note = "", ""
    if p_holm < alpha:
        # A skewed sample can have a mean on one side and ranks on the other: no claim then.
        if lean * direction * row["difference"] > 0:
            better = row["label_a"] if lean > 0 else row["label_b"]
        else:
            note = "mean and signed ranks point to different methods"
    elif floor >= alpha:
        number = f"{count(row['n'], 'image')} and {count(size, 'test')}"
        note = f"too few images: with {number} p is at least {floor:.2g}"
    return row | {
        "p_holm": p_holm, "better": better, "decidable": floor < alpha, "note": note,
    }  # fmt: skip


def smallest_p(n: int) -> float:
    """Return the smallest two-sided p that n signed ranks can give: all of one sign."""
    return 2.0 ** (1 - n)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 pair", "6 images"."""
    return f"{number} {noun}{'s' * (number != 1)}"
