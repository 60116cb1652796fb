"""The figure of posterior quality: a line of panels for each cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import (
    Styles,
    add_legend,
    drawn,
    interval_bars,
    legend_height,
    line_look,
)
from ddpg.comparison.posterior.summary import PERCENT, Posterior, nominal
from ddpg.comparison.titles import Titles

MOST_CELLS = 12
"""Cells that are drawn; of more, the others are in the tables alone."""
_ROW = 1.65
_TITLES = (
    "PSNR (dB): sample, mean",
    "error of the mean ×1000",
    "coverage less nominal (%)",
    "CRPS ×1000",
)


def drawn_cells(posterior: Posterior) -> list[str]:
    """Return the cells that are drawn: those in which a method has samples that differ."""
    shown = posterior.shown
    valued = shown[(shown["metric"] == "crps") & (shown["n"] > 0)]
    return list(dict.fromkeys(valued["cell"]))[:MOST_CELLS]


@drawn
def draw_posterior(posterior: Posterior) -> Figure | str:
    """Draw what the caption ``posterior`` says."""
    cells = drawn_cells(posterior)
    if not cells:
        return "No method has samples that differ."
    shown = posterior.shown[posterior.shown["cell"].isin(cells) & (posterior.shown["n"] > 0)]
    valued = set(shown.loc[shown["metric"] == "crps", "label"])
    styles = {label: style for label, style in posterior.styles.items() if label in valued}
    figure = new_figure(PAGE, (_ROW + 0.15) * len(cells) + legend_height(styles))
    lines = figure.subfigures(len(cells), 1, squeeze=False)[:, 0]
    titles = Titles.of(shown)
    for part, cell in zip(lines, cells, strict=True):
        rows = shown[shown["cell"] == cell]
        axes = part.subplots(1, 4)
        here = {label: style for label, style in styles.items() if label in set(rows["label"])}
        values = {metric: group.set_index("label") for metric, group in rows.groupby("metric")}
        _draw_gain(axes[0], values, here)
        _draw_calibration(axes[1], values, here)
        _draw_coverage(axes[2], values, here, posterior.counts(cell))
        _draw_crps(axes[3], values, here)
        row = rows.iloc[0]
        title = titles.cell(*row[["dataset", "task", "operator", "scale", "sigma_y"]])
        part.suptitle(title, fontsize=7.5)
        for panel, name in zip(axes, _TITLES, strict=True):
            panel.set_title(name, fontsize=7)
            seaborn.despine(ax=panel)
    add_legend(figure, styles)
    return figure


Values = Mapping[str, pd.DataFrame]


def _draw_gain(axes: Axes, values: Values, styles: Styles) -> None:
    """PSNR of one sample, hollow, and of the mean, filled, joined by a line."""
    for place, (label, style) in enumerate(styles.items()):
        one, mean = (_value(values, name, label) for name in ("psnr_sample", "psnr_mean"))
        axes.plot([one, mean], [place, place], color=style.colour, linewidth=1)
        look: dict[str, Any] = {"marker": style.marker, "linestyle": "", "color": style.colour}
        axes.plot([one], [place], markerfacecolor="white", **look)
        axes.plot([mean], [place], **look)
    _methods_below(axes, len(styles))


def _draw_calibration(axes: Axes, values: Values, styles: Styles) -> None:
    """The error of the mean against the error that the spread predicts."""
    ends = [0.0]
    for label, style in styles.items():
        point = [_value(values, name, label) for name in ("spread", "error_of_mean")]
        look = line_look(style) | {"linestyle": "", "clip_on": False}
        axes.plot(*[[part] for part in point], **look)
        ends += [part for part in point if np.isfinite(part)]
    most = 1.12 * max(ends) or 1.0
    axes.plot([0, most], [0, most], color="#999999", linewidth=0.6, zorder=0)
    axes.set(xlim=(0, most), ylim=(0, most), xlabel="by the spread ×1000")
    axes.grid()


def _draw_coverage(axes: Axes, values: Values, styles: Styles, counts: list[int]) -> None:
    """The share of pixels inside each interval less its nominal share, in percent."""
    several = [count for count in counts if count > 1]
    names = [name for name in PERCENT if name != "coverage_range" or len(several) == 1]
    for number, (label, style) in enumerate(styles.items()):
        shift = 0.5 * (number - (len(styles) - 1) / 2) / max(len(styles), 3)
        off = [
            _value(values, name, label) - 100 * nominal(name, several[0] if several else 2)
            for name in names
        ]
        axes.plot(np.arange(len(names)) + shift, off, **line_look(style) | {"linestyle": ""})
    axes.axhline(0, color="#999999", linewidth=0.6, zorder=0)
    ticks = [f"{name.removeprefix('coverage_')} %" for name in names if name in PERCENT[:2]]
    ticks += ["range"] * (len(names) > len(ticks))
    axes.set_xticks(range(len(names)), ticks)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="y")


def _draw_crps(axes: Axes, values: Values, styles: Styles) -> None:
    """CRPS with its interval."""
    for place, (label, style) in enumerate(styles.items()):
        row = values["crps"][values["crps"].index == label] if "crps" in values else None
        if row is None or row.empty:
            continue
        bars = interval_bars(row)
        axes.errorbar(
            row["mean"], [place], xerr=bars, capsize=1.5, elinewidth=0.7,
            **line_look(style) | {"linestyle": ""},
        )  # fmt: skip
    _methods_below(axes, len(styles))


def _methods_below(axes: Axes, count: int) -> None:
    """The methods from above to below in the order of the legend."""
    axes.set_yticks([])
    axes.set_ylim(count - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.grid(axis="x")


def _value(values: Values, metric: str, label: str) -> float:
    if metric not in values or label not in values[metric].index:
        return float("nan")
    return float(values[metric].loc[label, "mean"])
