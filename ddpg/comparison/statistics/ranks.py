"""Ranks of the methods over the cells: Friedman's test and Nemenyi's critical difference.

Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7 (2006), section
3.2. A cell (data set x task x noise level) stands where a data set stands there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, of_methods
from ddpg.comparison.statistics.pairs import ALPHA, count
from ddpg.comparison.style import METRIC_STYLES


@dataclass(frozen=True)
class Ranking:
    """The methods' average ranks in one metric.

    Attributes:
        cells: number of cells, N.
        ranks: label -> average rank over the cells, the best (lowest) first.
        critical_difference: average ranks that differ by less are not significantly different.
        groups: sets of labels, neighbours in rank, that do not differ significantly; only those
            of two and more, none inside another.
        statistic, p: Friedman's chi-square and its p; NaN for fewer than three methods.
        left_out: label -> why it has no rank.
        reason: why there are no ranks, or "".
    """

    metric: str
    cells: int
    ranks: dict[str, float] = field(default_factory=dict)
    critical_difference: float = math.nan
    groups: list[list[str]] = field(default_factory=list)
    statistic: float = math.nan
    p: float = math.nan
    left_out: dict[str, str] = field(default_factory=dict)
    reason: str = ""


def nemenyi_critical_difference(methods: int, cells: int, alpha: float = ALPHA) -> float:
    """Return ``q_alpha sqrt(k (k + 1) / (6 N))``, q the studentized range over sqrt(2).

    Args:
        methods: k >= 2.
        cells: N >= 1.
    """
    q = studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * cells)))


def rank_methods(summary: pd.DataFrame, metric: str) -> Ranking:
    """Rank the methods by their mean in every cell and average the ranks.

    Args:
        metric: by which; methods that lack a cell of it, or images in one, are left out.

    Returns:
        the ranking; without ranks, and with the reason, for fewer than two methods or cells.
    """
    means, left_out = _complete(of_methods(summary[summary["metric"] == metric]))
    cells, methods = means.shape
    if cells < 2 or methods < 2:
        reason = (
            f"ranks need two methods that have all cells, and two cells; "
            f"there are {count(methods, 'such method')} in {count(cells, 'cell')}"
        )
        return Ranking(metric, cells, left_out=left_out, reason=reason)
    style = METRIC_STYLES[metric]
    scores = -style.direction * style.compared(means.to_numpy())
    average = dict(zip(means.columns, rankdata(scores, axis=1).mean(axis=0), strict=True))
    ranks = {label: float(average[label]) for label in sorted(average, key=lambda k: average[k])}
    width = nemenyi_critical_difference(methods, cells)
    statistic, p = friedmanchisquare(*scores.T) if methods > 2 else (math.nan, math.nan)
    return Ranking(
        metric, cells, ranks, width, groups_within(ranks, width), float(statistic), float(p),
        left_out,
    )  # fmt: skip


def _complete(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The means, cells x labels, of the labels that have every image of every cell that any has."""
    computed = rows[rows["n"] > 0]
    cells = len(computed[CELL_KEYS].drop_duplicates())
    whole = computed[computed["lacking"] == 0]
    present = whole["label"].value_counts()
    left_out, kept = {}, []
    for label in label_styles(rows):
        absent = cells - int(present.get(label, 0))
        if absent:
            left_out[label] = f"lacks {absent} of {count(cells, 'cell')}"
        elif cells:
            kept.append(label)
    table = whole[whole["label"].isin(kept)].fillna({"scale": 0.0})
    return table.pivot_table(index=CELL_KEYS, columns="label", values="mean")[kept], left_out


def groups_within(ranks: dict[str, float], width: float) -> list[list[str]]:
    """Return the longest runs of labels whose ranks span less than the critical difference.

    Args:
        ranks: label -> average rank, ascending.
    """
    labels, reached = list(ranks), 0
    groups: list[list[str]] = []
    for first, label in enumerate(labels):
        last = max(i for i, other in enumerate(labels) if ranks[other] - ranks[label] < width)
        if last > first and last >= reached + (len(groups) > 0):
            groups.append(labels[first : last + 1])
            reached = last
    return groups
