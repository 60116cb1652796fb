"""Figures of the metrics: each has a data step (frame to frame) and a draw step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ddpg.comparison.canvas import PAGE, new_figure, paper, save
from ddpg.comparison.statistics import CELL_KEYS, DEGRADATION_KEYS
from ddpg.comparison.statistics import label_styles, read_metrics, summarise
from ddpg.comparison.style import METRIC_STYLES, MethodStyle, dataset_name, metric_style, task_name
from ddpg.errors import UserError

Styles = dict[str, MethodStyle]
_PERCEPTUAL = ("lpips_alex", "lpips_vgg", "lpips_squeeze", "haarpsi", "ssim")
_ROW, _LEGEND = 1.35, 0.35


def perceptual_metric(summary: pd.DataFrame) -> str | None:
    """Return the metric that stands for perception: LPIPS if it has values, else what has."""
    computed = set(summary.loc[summary["n"] > 0, "metric"])
    return next((metric for metric in _PERCEPTUAL if metric in computed), None)


def curves(summary: pd.DataFrame, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the rows of the summary that the curves show.

    Args:
        summary: see :func:`ddpg.comparison.statistics.summarise`.
        metrics: which; None for PSNR, SSIM and a perceptual one.

    Raises:
        UserError: a metric is unknown, or none of them has a value.
    """
    chosen = metrics or ["psnr", "ssim", perceptual_metric(summary)]
    for metric in metrics or ():
        metric_style(metric)
    rows = summary[summary["metric"].isin(chosen) & (summary["n"] > 0)]
    if rows.empty:
        raise UserError("there is no value to draw against the noise level")
    return rows.reset_index(drop=True)


def draw_metric_vs_noise(
    metrics_csv: str | os.PathLike[str],
    output_stem: str | os.PathLike[str],
    *,
    metrics: Sequence[str] | None = None,
) -> None:
    """Write ``output_stem.pdf`` and ``.png``: mean and standard error against the noise level.

    Args:
        metrics_csv: the long table of metrics.
        output_stem: the files' name without suffix.
        metrics: one row of panels each; None for PSNR, SSIM and a perceptual one.

    Raises:
        UserError: the table is unusable, or holds no value of these metrics.
    """
    rows = curves(summarise(read_metrics(metrics_csv)), metrics)
    with paper():
        save(_curves_figure(rows), output_stem)


def _curves_figure(rows: pd.DataFrame) -> Figure:
    """One row of panels per data set and metric, one column per degradation."""
    styles = label_styles(rows)
    lines = rows[["dataset", "metric"]].drop_duplicates().sort_values("dataset", kind="stable")
    columns = rows[["task", "operator", "scale"]].drop_duplicates()
    width = max(PAGE, 1.3 * len(columns)) if len(columns) > 2 else 0.35 * PAGE * len(columns) + 0.8
    figure = new_figure(width, _ROW * len(lines) + _LEGEND)
    axes = figure.subplots(len(lines), len(columns), squeeze=False)
    for i, line in enumerate(lines.itertuples(index=False)):
        for j, column in enumerate(columns.itertuples(index=False)):
            here = _where(rows, **line._asdict(), **column._asdict())
            _draw_curves(axes[i, j], here, styles)
            if i == 0:
                axes[i, j].set_title(_degradation(column))
            if i == len(lines) - 1:
                axes[i, j].set_xlabel(r"noise level $\sigma_y$")
        several = rows["dataset"].nunique() > 1
        prefix = f"{dataset_name(line.dataset)}\n" if several else ""
        axes[i, 0].set_ylabel(prefix + _axis_label(line.metric))
    _legend(figure, styles)
    return figure


def _draw_curves(axes: Axes, rows: pd.DataFrame, styles: Styles) -> None:
    """One panel: a line with bars of the standard error per method, set apart a little."""
    if rows.empty:
        axes.set_axis_off()
        return
    dodge = 0.012 * np.ptp(rows["sigma_y"])
    for number, (label, style) in enumerate(styles.items()):
        line = rows[rows["label"] == label].sort_values("sigma_y")
        shift = dodge * (number - (len(styles) - 1) / 2)
        axes.errorbar(
            line["sigma_y"] + shift, line["mean"], line["standard_error"].fillna(0), capsize=1.5,
            elinewidth=0.6, capthick=0.6, **_line_look(style),
        )  # fmt: skip
    levels = sorted(rows["sigma_y"].unique())
    axes.set_xticks(levels, [f"{level:g}" for level in levels])
    axes.margins(x=0.08, y=0.1)
    axes.grid(axis="y")
    seaborn.despine(ax=axes)


def _line_look(style: MethodStyle) -> dict:
    """The style in matplotlib's keywords."""
    return {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": (0, style.dashes) if style.dashes else "-",
        "markerfacecolor": style.colour if style.filled else "white",
        "markeredgecolor": style.colour if not style.filled else "white",
        "markeredgewidth": 0.9 if not style.filled else 0.4,
    }


def plane(summary: pd.DataFrame) -> pd.DataFrame:
    """Return one point per cell and label: its PSNR and its perceptual metric.

    Returns:
        columns of the cell, ``method``, ``label``, ``psnr``, ``perception`` and ``metric`` (which
        one perception is).

    Raises:
        UserError: there is no PSNR or no other metric.
    """
    metric = perceptual_metric(summary)
    keys = [*CELL_KEYS, "method", "label"]
    computed = summary[summary["n"] > 0]
    first, second = (
        computed.loc[computed["metric"] == name, [*keys, "mean"]] for name in ("psnr", metric)
    )
    points = first.rename(columns={"mean": "psnr"}).merge(
        second.rename(columns={"mean": "perception"}), on=keys
    )
    if points.empty:
        raise UserError("the perception-distortion plane needs PSNR and a second metric")
    return points.assign(metric=metric)


def draw_perception_distortion(
    metrics_csv: str | os.PathLike[str], output_stem: str | os.PathLike[str]
) -> None:
    """Write ``output_stem.pdf`` and ``.png``: PSNR against LPIPS, or the metric that has values.

    Better is always up and to the right; a larger symbol is a higher noise level.

    Args:
        metrics_csv: the long table of metrics.
        output_stem: the files' name without suffix.

    Raises:
        UserError: the table is unusable, or lacks PSNR or a second metric.
    """
    summary = summarise(read_metrics(metrics_csv))
    points = plane(summary)
    with paper():
        save(_plane_figure(points), output_stem)


def _plane_figure(points: pd.DataFrame) -> Figure:
    """One panel per data set and degradation, at most three beside one another."""
    styles = label_styles(points)
    sizes = _sizes(points["sigma_y"])
    groups = list(points.groupby(DEGRADATION_KEYS, dropna=False, sort=False))
    columns = min(3, len(groups))
    lines = -(-len(groups) // columns)
    figure = new_figure(PAGE * max(columns, 1.4) / 3, 2.0 * lines + 2 * _LEGEND)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, ((dataset, *degradation), group) in zip(axes, groups, strict=False):
        _draw_plane(panel, group, styles, sizes)
        prefix = f"{dataset_name(dataset)}: " if points["dataset"].nunique() > 1 else ""
        row = group[["task", "operator", "scale"]].iloc[0]
        panel.set_title(prefix + _degradation(row))
    for panel in axes[len(groups) :]:
        panel.set_axis_off()
    _legend(figure, styles, sizes)
    return figure


def _draw_plane(
    axes: Axes, points: pd.DataFrame, styles: Styles, sizes: dict[float, float]
) -> None:
    """One panel: a thin line joins a method's noise levels."""
    metric = points["metric"].iloc[0]
    for label, style in styles.items():
        line = points[points["label"] == label].sort_values("sigma_y")
        axes.plot(line["perception"], line["psnr"], color=style.colour, linewidth=0.5, alpha=0.6)
        axes.scatter(
            line["perception"], line["psnr"], s=[sizes[level] for level in line["sigma_y"]],
            marker=style.marker, facecolor=style.colour if style.filled else "white",
            edgecolor="white" if style.filled else style.colour, linewidth=0.5, zorder=3,
        )  # fmt: skip
    if METRIC_STYLES[metric].direction < 0:
        axes.invert_xaxis()
    axes.set_xlabel(_axis_label(metric) + (", reversed" * (METRIC_STYLES[metric].direction < 0)))
    axes.set_ylabel(_axis_label("psnr"))
    axes.margins(0.1)
    axes.grid()
    seaborn.despine(ax=axes)


def _sizes(levels: pd.Series) -> dict[float, float]:
    """The area of a symbol for every noise level, in points squared."""
    present = sorted(levels.unique())
    return dict(zip(present, np.linspace(14, 48, len(present)), strict=True))


def _legend(figure: Figure, styles: Styles, sizes: dict[float, float] | None = None) -> None:
    """Name the methods, and in a second line the sizes, below the panels."""
    looks = [_line_look(style) | {"label": style.name} for style in styles.values()]
    dots = [_dot_look(area, level) for level, area in (sizes or {}).items()]
    blank = {"linestyle": "", "label": " "}
    pairs = zip_longest(looks, dots, fillvalue=blank) if dots else ((look,) for look in looks)
    handles = [Line2D([], [], **look) for pair in pairs for look in pair]
    columns = len(handles) // 2 if dots else min(len(handles), 6)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _dot_look(area: float, level: float) -> dict:
    """A symbol of the legend that stands for a noise level."""
    return {
        "linestyle": "", "marker": "o", "color": "#b5b5b5", "markeredgewidth": 0,
        "markersize": area**0.5, "label": rf"$\sigma_y$ = {level:g}",
    }  # fmt: skip


def _axis_label(metric: str) -> str:
    """The metric with its unit and direction."""
    style = METRIC_STYLES[metric]
    return f"{style.label} {style.arrow}"


def _degradation(row: object) -> str:
    """A degradation's title; the backend belongs to it."""
    return f"{task_name(row.task, row.scale)} ({row.operator})"


def _where(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values; an empty number equals an empty number."""
    for column, value in values.items():
        frame = frame[frame[column].isna() if value != value else frame[column] == value]
    return frame
