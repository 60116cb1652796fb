"""What the figures of the metrics have in common: titles, labels, looks of lines, legends."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ddpg.comparison.canvas import COLUMN, new_figure
from ddpg.comparison.style import METRIC_STYLES, MethodStyle, task_name

Styles = dict[str, MethodStyle]
LEGEND = 0.35
"""Height of a legend of one line, in inches."""

_PERCEPTUAL = ("lpips_alex", "lpips_vgg", "lpips_squeeze", "haarpsi", "ssim")


def perceptual_metric(summary: pd.DataFrame) -> str | None:
    """Return the metric that stands for perception: LPIPS if it has values, else what has."""
    computed = set(summary.loc[summary["n"] > 0, "metric"])
    return next((metric for metric in _PERCEPTUAL if metric in computed), None)


def line_look(style: MethodStyle) -> dict[str, Any]:
    """The style in matplotlib's keywords."""
    return {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": (0, style.dashes) if style.dashes else "-",
        "markerfacecolor": style.colour if style.filled else "white",
        "markeredgecolor": style.colour if not style.filled else "white",
        "markeredgewidth": 0.9 if not style.filled else 0.4,
    }


def add_legend(figure: Figure, styles: Styles, sizes: dict[float, float] | None = None) -> None:
    """Name the methods, and in a second line the sizes, below the panels."""
    looks = [line_look(style) | {"label": style.name} for style in styles.values()]
    dots = [_dot_look(area, level) for level, area in (sizes or {}).items()]
    blank = {"linestyle": "", "label": " "}
    pairs = zip_longest(looks, dots, fillvalue=blank) if dots else ((look,) for look in looks)
    handles = [Line2D([], [], **look) for pair in pairs for look in pair]
    columns = len(handles) // 2 if dots else min(len(handles), 6)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _dot_look(area: float, level: float) -> dict[str, Any]:
    """A symbol of the legend that stands for a noise level."""
    return {
        "linestyle": "", "marker": "o", "color": "#b5b5b5", "markeredgewidth": 0,
        "markersize": area**0.5, "label": rf"$\sigma_y$ = {level:g}",
    }  # fmt: skip


def axis_label(metric: str) -> str:
    """The metric with its unit and direction."""
    style = METRIC_STYLES[metric]
    return f"{style.label} {style.arrow}"


def degradation_title(row: Any) -> str:
    """A degradation's title; the backend belongs to it."""
    return f"{task_name(row.task, row.scale)} ({row.operator})"


def several(values: pd.Series) -> bool:
    """Return whether the values differ."""
    return len(set(values)) > 1


def note_figure(text: str) -> Figure:
    """Return a figure that says why there is nothing to draw, so that no other product waits."""
    figure = new_figure(COLUMN, 0.6)
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure
