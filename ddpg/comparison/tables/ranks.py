"""The ranks over the cells as a tidy table and as a section of the Markdown page."""

from __future__ import annotations

import math

import pandas as pd

from ddpg.comparison.statistics.ranks import Ranking
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import METRIC_STYLES
from ddpg.comparison.tables.markup import escape_markdown

RANK_COLUMNS = [
    *("metric", "label", "average_rank", "cells", "critical_difference", "friedman_statistic"),
    *("friedman_p", "note"),
]


def ranks_frame(summary: Summary) -> pd.DataFrame:
    """Return one row per metric and label, :data:`RANK_COLUMNS`.

    Labels without a rank follow those that have one; their note says why.
    """
    rows = []
    for ranking in summary.rankings:
        test = (ranking.critical_difference, ranking.statistic, ranking.p)
        for label, rank in ranking.ranks.items():
            rows.append((ranking.metric, label, rank, ranking.cells, *test, ""))
        for label, why in ranking.left_out.items():
            rows.append((ranking.metric, label, math.nan, ranking.cells, *test, why))
    return pd.DataFrame(rows, columns=RANK_COLUMNS)


def ranks_markdown(summary: Summary) -> str:
    """Return a section that lists the average ranks in every metric."""
    names = {label: style.name for label, style in summary.styles.items()}
    lines = [_line(ranking, names) for ranking in summary.rankings]
    return "\n".join(["## Average ranks over the cells\n", *lines]) + "\n"


def _line(ranking: Ranking, names: dict[str, str]) -> str:
    """One metric: the ranks, the critical difference, Friedman's p, and who is left out."""
    parts = [f"- {METRIC_STYLES[ranking.metric].name}: "]
    if ranking.reason:
        parts.append(f"none; {ranking.reason}.")
    else:
        ranks = [f"{names[label]} {rank:.2f}" for label, rank in ranking.ranks.items()]
        parts.append(f"{', '.join(ranks)} over {ranking.cells} cells; ")
        parts.append(f"critical difference {ranking.critical_difference:.2f} (Nemenyi, 5 %)")
        friedman = "" if math.isnan(ranking.p) else f", Friedman p = {ranking.p:.2g}"
        parts.append(f"{friedman}.")
    out = [f"{names[label]} ({why})" for label, why in ranking.left_out.items()]
    parts.append(f" Left out: {', '.join(out)}." if out else "")
    return escape_markdown("".join(parts)).replace("\\|", "|")
