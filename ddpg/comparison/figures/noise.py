"""Metrics against the noise level: a data step (frame to frame) and a draw step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import (
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
    of_panel,
    panel_grid,
    perceptual_metric,
    set_title,
)
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import NOISE_AXIS, metric_style
from ddpg.comparison.titles import Titles
from ddpg.study.names import number_name

_ROW = 1.35


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
