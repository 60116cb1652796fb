"""The figure of the gaps to the exact posterior: a line of panels for each cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import drawn, interval_bars, line_look
from ddpg.comparison.statistics.measurements import CELL_KEYS
from ddpg.comparison.style import METRIC_STYLES, MethodStyle
from ddpg.comparison.titles import Titles

MOST_CELLS = 12
"""Cells that are drawn; of more, the others are in the tables alone."""
PANELS = ("gap_psnr", "gap_crps", "gap_spread")
EXACT_DRAW = 10 * np.log10(2)
"""By how much the PSNR of a draw lies below that of the mean, in dB."""


@drawn
def draw_exact(means: pd.DataFrame, *, styles: dict[str, MethodStyle]) -> Figure | str:
    """Draw what the caption ``exact`` says.

    Args:
        means: a row per cell, label and gap, in the units of the tables.
        styles: of every label, in the order in which they are shown.
    """
    valued = means[np.isfinite(means["mean"])]
    if valued.empty:
        return "No method has a finite gap."
    titles = Titles.of(valued)
    groups = list(valued.groupby(CELL_KEYS, dropna=False, sort=False))[:MOST_CELLS]
    counts = [group["label"].nunique() for _, group in groups]
    heights = [0.6 + 0.14 * count for count in counts]
    figure = new_figure(PAGE, sum(heights))
    parts = figure.subfigures(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, (cell, group) in zip(parts, groups, strict=True):
        labels = [label for label in styles if label in set(group["label"])]
        axes = part.subplots(1, len(PANELS), sharey=True)
        for panel, metric in zip(axes, PANELS, strict=True):
            _draw_gaps(panel, group[group["metric"] == metric], metric, labels, styles)
        axes[0].set_yticks(range(len(labels)), [styles[label].name for label in labels])
        axes[0].set_ylim(len(labels) - 0.5, -0.5)
        part.suptitle(titles.cell(*cell), fontsize=7.5)
    return figure


def _draw_gaps(
    axes: Axes,
    rows: pd.DataFrame,
    metric: str,
    labels: list[str],
    styles: dict[str, MethodStyle],
) -> None:
    """One panel: a point with its interval for each method; 0 is the exact posterior."""
    for place, label in enumerate(labels):
        row = rows[rows["label"] == label]
        if len(row):
            axes.errorbar(
                row["mean"], [place], xerr=interval_bars(row), capsize=1.5, elinewidth=0.7,
                **line_look(styles[label]) | {"linestyle": ""},
            )  # fmt: skip
    axes.axvline(0, color="#999999", linewidth=0.6, zorder=0)
    if metric == "gap_psnr":
        axes.axvline(EXACT_DRAW, color="#999999", linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    axes.set_xlabel(METRIC_STYLES[metric].label)
    axes.grid()
    seaborn.despine(ax=axes)
