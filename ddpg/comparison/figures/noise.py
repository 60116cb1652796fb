"""Metrics against the noise level: a data step (frame to frame) and a draw step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import (
    LEGEND,
    Styles,
    add_absent,
    add_legend,
    drawn,
    drawn_rows,
    interval_bars,
    keep_in_view,
    label_below,
    leading,
    legend_height,
    line_label,
    line_look,
    make_room_above,
    of_panel,
    panel_grid,
    perceptual_metric,
    set_title,
    several,
)
from ddpg.comparison.statistics.measurements import DEGRADATION_KEYS
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import NOISE_AXIS, dataset_name, metric_axis, metric_style
from ddpg.comparison.titles import Titles
from ddpg.study.names import number_name

_ROW = 1.35
_METHOD = 0.14
"""Height of the line of a method, in inches."""


def curves(summary: pd.DataFrame, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the rows of the summary that the curves show.

    Args:
        metrics: which; None for PSNR, SSIM and a perceptual one, or what there is without a truth.

    Raises:
        UserError: a metric is unknown.
    """
    perception = perceptual_metric(summary)
    chosen = metrics or ["psnr", "ssim", *([perception] if perception else [])]
    for metric in chosen:
        metric_style(metric)
    if metrics is None:
        rows = drawn_rows(summary, summary, chosen)
    else:
        rows = summary[summary["metric"].isin(chosen)]
    rows = rows[rows["n"] > 0]
    return leading(rows).reset_index(drop=True)


@drawn
def draw_metric_vs_noise(summary: Summary, *, metrics: Sequence[str] | None = None) -> Figure | str:
    """Draw mean and bootstrap interval against the noise level: one row of panels per data set and
    metric, one column per degradation.

    Where every degradation has but one noise level there is nothing to draw against: a panel has a
    line for each method then, and its heading the level.

    Args:
        metrics: which; None for PSNR, SSIM and a perceptual one.
    """
    rows = curves(summary.means, metrics)
    rows = rows[np.isfinite(rows["mean"])]
    if rows.empty:
        return "No metric has a value to draw against the noise level."
    styles = summary.styles_in(rows)
    titles = Titles.of(rows)
    lines, columns = panel_grid(rows)
    width = max(PAGE, 1.3 * len(columns)) if len(columns) > 2 else 0.35 * PAGE * len(columns) + 0.8
    degradations = rows.groupby(DEGRADATION_KEYS, dropna=False)["sigma_y"]
    if (degradations.min() == degradations.max()).all():
        figure = _at_one_level(rows, styles, width)
        add_absent(figure, summary.means, rows["metric"].unique())
        make_room_above(figure)
        return figure
    figure = new_figure(width, _ROW * len(lines) + legend_height(styles, width=width))
    axes = figure.subplots(len(lines), len(columns), squeeze=False)
    for i, line in enumerate(lines):
        for j, column in enumerate(columns):
            _draw_curves(axes[i, j], of_panel(rows, line.dataset, line.metric, column), styles)
            if i == 0:
                set_title(axes[i, j], titles.degradation(*column), width / len(columns))
        axes[i, 0].set_ylabel(line_label(rows, line))
    label_below(figure, axes[-1], NOISE_AXIS)
    add_legend(figure, styles)
    add_absent(figure, summary.means, rows["metric"].unique())
    return figure


def _draw_curves(axes: Axes, rows: pd.DataFrame, styles: Styles) -> None:
    """One panel: a line with bars of the intervals per method, set apart a little."""
    if rows.empty:
        axes.spines[:].set_visible(False)
        axes.set(xticks=[], yticks=[])
        return
    # Roots of the levels: on a linear scale the lowest ones would touch.
    levels = sorted(rows["sigma_y"].unique())
    span = np.ptp(np.sqrt(levels)) or 0.5
    dodge = 0.08 / max(len(styles), 7) * span
    width = 1.2 if len(styles) < 7 else 0.8
    places: dict[str, float] = {}
    for number, (label, style) in enumerate(styles.items()):
        line = rows[rows["label"] == label].sort_values("sigma_y")
        shift = dodge * (number - (len(styles) - 1) / 2)
        places[label] = shift
        axes.errorbar(
            np.sqrt(line["sigma_y"]) + shift, line["mean"], interval_bars(line), capsize=1,
            elinewidth=0.5, capthick=0.5, linewidth=width, **line_look(style),
        )  # fmt: skip
    axes.set_xticks(np.sqrt(levels), [number_name(level) for level in levels])
    axes.set_xlim(np.sqrt(levels[0]) - 0.1 * span, np.sqrt(levels[-1]) + 0.1 * span)
    axes.margins(y=0.1)
    shifted = np.sqrt(rows["sigma_y"]) + rows["label"].map(places)
    keep_in_view(axes, rows, shifted.to_numpy(), [styles[label].colour for label in rows["label"]])
    axes.grid(axis="y")
    seaborn.despine(ax=axes)


def _at_one_level(rows: pd.DataFrame, styles: Styles, width: float) -> Figure:
    """The figure of one noise level for each degradation: a line for each method."""
    titles = Titles.of(rows)
    lines, columns = panel_grid(rows)
    height = _METHOD * len(styles) + 0.42
    figure = new_figure(width, height * len(lines) + LEGEND)
    axes = figure.subplots(len(lines), len(columns), squeeze=False, sharey=True)
    for j, column in enumerate(columns):
        above = None
        for i, line in enumerate(lines):
            here = of_panel(rows, line.dataset, line.metric, column)
            _draw_dots(axes[i, j], here, styles, few=width / len(columns) < 2)
            level = here["sigma_y"].iloc[0] if len(here) else above
            if i == 0 or level != above:
                more = "" if level is None else rf"$\sigma_y$ = {number_name(level)}"
                set_title(axes[i, j], titles.degradation(*column), width / len(columns), more)
            above = level
    for i, line in enumerate(lines):
        axes[i, 0].set_ylabel(dataset_name(line.dataset) if several(rows["dataset"]) else "")
        label_below(figure, axes[i], metric_axis(line.metric))
    bar = Line2D([], [], color="#555555", marker="o", markersize=3.5, linewidth=0.6)
    bar.set_label("mean with its 95 % interval over the images")
    figure.legend(handles=[bar], loc="outside lower center")
    return figure


def _draw_dots(axes: Axes, rows: pd.DataFrame, styles: Styles, *, few: bool) -> None:
    """One panel: a method per line, its mean with the bar of the interval.

    Args:
        few: whether there is room for few numbers on the axis.
    """
    axes.set_yticks(range(len(styles)), [style.name for style in styles.values()])
    axes.set_ylim(len(styles) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    seaborn.despine(ax=axes, left=True)
    if rows.empty:
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        return
    places = rows["label"].map(list(styles).index).to_numpy()
    for place, (label, style) in enumerate(styles.items()):
        row = rows[rows["label"] == label]
        axes.errorbar(
            row["mean"], [place] * len(row), xerr=interval_bars(row), capsize=1, elinewidth=0.6,
            capthick=0.6, **line_look(style) | {"linestyle": ""},
        )  # fmt: skip
    axes.margins(x=0.1)
    colours = [styles[label].colour for label in rows["label"]]
    keep_in_view(axes, rows, places, colours, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(4 if few else 5, steps=(1, 2, 5, 10), min_n_ticks=3))
    axes.grid()
    axes.set_axisbelow(True)
