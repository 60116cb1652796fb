"""Paired differences against a reference method: a data step (frame to frame) and a draw step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import (
    LEGEND,
    Styles,
    add_absent,
    drawn,
    drawn_rows,
    interval_bars,
    keep_in_view,
    label_below,
    leading,
    make_room_above,
    of_panel,
    perceptual_metric,
    set_title,
    several,
)
from ddpg.comparison.statistics.measurements import CELL_KEYS, of_methods, quality_metrics
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import (
    METRIC_STYLES,
    MethodStyle,
    dataset_name,
    difference_axis,
)
from ddpg.comparison.titles import Titles
from ddpg.errors import UserError
from ddpg.study.names import number_name

REFERENCE = "ddpg"


def choose_reference(summary: pd.DataFrame) -> str | None:
    """Return the label that others are compared with: DDPG, or the one of the best ranks.

    Returns:
        of the labels that have most cells in the first metric that is shown "ddpg", if it is among
        them, else the one whose mean rank is lowest; None without values.
    """
    shown = shown_metrics(summary)
    computed = of_methods(summary[(summary["n"] > 0) & summary["metric"].isin(shown)])
    if computed.empty:
        return None
    groups = computed[computed["metric"] == shown[0]].groupby("label", sort=False)["rank"]
    sizes = groups.size()
    if sizes.get(REFERENCE) == sizes.max():
        return REFERENCE
    order = pd.DataFrame({"cells": -groups.size(), "rank": groups.mean()})
    return str(order.sort_values(["cells", "rank"], kind="stable").index[0])


def shown_metrics(summary: pd.DataFrame) -> list[str]:
    """Return PSNR and the metric that stands for perception, as far as they have values; without
    a PSNR what there is."""
    computed = set(summary.loc[summary["n"] > 0, "metric"])
    chosen = ["psnr", perceptual_metric(summary) or "psnr"]
    shown = [metric for metric in dict.fromkeys(chosen) if metric in computed]
    if "psnr" not in shown:
        shown = [name for name in quality_metrics(summary) if name in computed][:2]
    return shown


def against(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the pairs with one label, turned so that a difference is other - reference.

    Returns:
        columns of the cell, ``metric``, ``label`` (the other), ``difference``, ``low``, ``high``
        and ``significant``.
    """
    mine = pairs[(pairs["label_a"] == reference) | (pairs["label_b"] == reference)]
    first = (mine["label_a"] == reference).to_numpy()
    sign = np.where(first, -1, 1)
    low, high = sign * mine["low"], sign * mine["high"]
    return mine[[*CELL_KEYS, "metric"]].assign(
        label=np.where(first, mine["label_b"], mine["label_a"]),
        difference=sign * mine["difference"],
        low=np.fmin(low, high),
        high=np.fmax(low, high),
        significant=mine["better"] != "",
    )


def scores_of(points: pd.DataFrame) -> pd.Series:
    """Return the means of one metric so turned that higher is better."""
    style = METRIC_STYLES[points["metric"].iloc[0]]
    return style.direction * style.compared(points["mean"])


def with_paired_ends(points: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the points with intervals that compare them with the best of their cell and metric.

    Returns:
        also ``best``, whether it is the point with the best mean, and ``below`` and ``above``:
        distances to the ends of the interval of the paired difference from that one; NaN for it,
        and where there is no interval.
    """
    keys = [*CELL_KEYS, "metric"]
    parts = []
    for _, rows in points.groupby(keys, dropna=False, sort=False):
        best = rows.loc[scores_of(rows).idxmax(), "label"]
        here = pairs.merge(rows[keys].iloc[:1], on=keys)
        paired = against(here, best).set_index("label").reindex(rows["label"])
        below = (paired["difference"] - paired["low"]).to_numpy()
        above = (paired["high"] - paired["difference"]).to_numpy()
        parts.append(rows.assign(best=rows["label"] == best, below=below, above=above))
    return pd.concat(parts, ignore_index=True) if parts else points


@drawn
def draw_paired_differences(summary: Summary, *, reference: str | None = None) -> Figure | str:
    """Draw every method minus the reference, per cell.

    Args:
        reference: a label; None for :func:`choose_reference`.
    """
    means, styles = summary.means, summary.styles
    reference = reference or choose_reference(means)
    rows = against(summary.pairs, reference or "")
    rows = drawn_rows(rows, means, shown_metrics(means))
    rows = rows[np.isfinite(rows["difference"])]
    if reference is not None and reference not in styles:
        raise UserError(f"no label {reference!r} in {summary.source}, only {', '.join(styles)}")
    methods = means.drop_duplicates("label").set_index("label")["method"]
    rows = leading(rows.assign(method=rows["label"].map(methods)))
    if rows.empty or reference is None:
        return "No two methods have values for the same images: nothing to compare."
    figure = _forest(rows, styles, styles[reference])
    add_absent(figure, means, rows["metric"].unique())
    make_room_above(figure)
    return figure


def _forest(rows: pd.DataFrame, styles: Styles, reference: MethodStyle) -> Figure:
    """A row of panels per data set and metric, a column per degradation."""
    metrics = [m for m in METRIC_STYLES if m in set(rows["metric"])]
    datasets = rows["dataset"].unique()
    columns = rows[["task", "operator", "scale"]].drop_duplicates()
    titles = Titles.of(rows)
    present = set(zip(rows["dataset"], rows["metric"], strict=True))
    lines = [(d, metric) for d in datasets for metric in metrics if (d, metric) in present]
    levels = sorted(rows["sigma_y"].unique())
    others = {label: styles[label] for label in styles if label in set(rows["label"])}
    height = len(others) * max(0.11, 0.045 * len(levels)) + 0.42
    figure = new_figure(PAGE, height * len(lines) + LEGEND)
    axes = figure.subplots(len(lines), len(columns), squeeze=False, sharey=True)
    for i, (dataset, metric) in enumerate(lines):
        for j, column in enumerate(columns.itertuples(index=False)):
            _draw_forest(axes[i, j], of_panel(rows, dataset, metric, column), others, levels)
            if i == 0:
                set_title(axes[i, j], titles.degradation(*column), (PAGE - 0.6) / len(columns))
        axes[i, 0].set_ylabel(dataset_name(dataset) if several(rows["dataset"]) else "")
        label_below(figure, axes[i], difference_axis(metric, reference.name))
    figure.legend(handles=_handles(levels), loc="outside lower center", ncols=len(levels) + 2)
    return figure


def _draw_forest(axes: Axes, rows: pd.DataFrame, styles: Styles, levels: list[float]) -> None:
    """One panel: a method per line, its noise levels below one another, the lowest on top."""
    axes.axvline(0, color="#555555", linewidth=0.6, zorder=1)
    greys = _shades(len(levels))
    for place, label in enumerate(styles):
        for number, level in enumerate(levels):
            here = rows[(rows["label"] == label) & (rows["sigma_y"] == level)]
            shift = 0.7 * ((number + 0.5) / len(levels) - 0.5)
            for row in (here.iloc[[i]] for i in range(len(here))):
                filled = bool(row["significant"].iloc[0])
                axes.errorbar(
                    row["difference"], [place + shift], xerr=interval_bars(row, "difference"),
                    color=greys[number], marker="o", markersize=2.6, elinewidth=0.8,
                    markerfacecolor=greys[number] if filled else "white", markeredgewidth=0.6,
                    linestyle="",
                )  # fmt: skip
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", zorder=0)
    if len(rows):
        places = [
            list(styles).index(label) + 0.7 * ((levels.index(level) + 0.5) / len(levels) - 0.5)
            for label, level in zip(rows["label"], rows["sigma_y"], strict=True)
        ]
        colours = [to_hex(greys[levels.index(level)]) for level in rows["sigma_y"]]
        keep_in_view(axes, rows, places, colours, axis="x", centre="difference", keep=[0.0])
    axes.set_yticks(range(len(styles)), [style.name for style in styles.values()])
    axes.set_ylim(len(styles) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    seaborn.despine(ax=axes, left=True)


def _shades(number: int) -> list[tuple[float, float, float]]:
    """From light to dark with the noise level: one hue, which everybody can order."""
    return list(seaborn.color_palette("crest", number))


def _handles(levels: list[float]) -> list[Line2D]:
    """The legend: shades of the noise levels, and what a filled symbol means."""
    looks: list[dict[str, Any]] = [
        {"color": shade, "label": rf"$\sigma_y$ = {number_name(level)}"}
        for shade, level in zip(_shades(len(levels)), levels, strict=True)
    ]
    grey = {"color": "#555555"}
    looks += [grey | {"label": "significant"}, grey | {"label": "not", "markerfacecolor": "white"}]
    return [Line2D([], [], marker="o", linestyle="", markersize=3.5, **look) for look in looks]
