"""What the figures of the metrics have in common: titles, labels, looks of lines, legends."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ddpg.comparison.figures.canvas import (
    COLUMN,
    PAGE,
    fitted,
    most_letters,
    new_figure,
    paper,
    save,
)
from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, quality_metrics
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.statistics.working import working
from ddpg.comparison.style import METRIC_STYLES, MethodStyle, dataset_name, metric_axis
from ddpg.study.names import number_name, shortened

Styles = dict[str, MethodStyle]
LEGEND = 0.35
"""Height of a legend of one line, in inches."""

MOST_LABELS = 12
"""Labels that can be told apart in one panel."""
BEYOND = "beyond"
"""What symbols are called, for programs, that stand at an edge for a value beyond it."""
_LEGEND_COLUMNS = 7
_HANDLE, _LETTER = 0.45, 0.058
"""Widths in a legend, in inches: of a symbol with the space around it, and of a letter."""
_TITLE, _SMALL = 0.12, 0.09
"""Heights of a line of a title, and of what is said above all, in inches."""
_INSTEAD = 3
"""Metrics that are drawn of a data set that has none of the usual ones."""
_PERCEPTUAL = ("lpips_alex", "lpips_vgg", "lpips_squeeze", "haarpsi", "ssim")


def perceptual_metric(summary: pd.DataFrame) -> str | None:
    """Return the metric that stands for perception: LPIPS if it has values, else what has."""
    computed = set(summary.loc[summary["n"] > 0, "metric"])
    others = [name for name, style in METRIC_STYLES.items() if style.family == "perception"]
    return next((metric for metric in (*_PERCEPTUAL, *others) if metric in computed), None)


def drawn_rows(frame: pd.DataFrame, summary: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of some metrics; of a data set that has none of them, of those that it has.

    Observations of others may have no truth, and then no PSNR: what can be computed of them is
    drawn in its place.

    Args:
        frame: with the columns ``dataset`` and ``metric``.
        summary: tells which metrics have values.
    """
    valued = summary.loc[summary["n"] > 0, ["dataset", "metric"]].drop_duplicates()
    wanted: set[tuple[str, str]] = set()
    for dataset, names in valued.groupby("dataset")["metric"]:
        own = [name for name in metrics if name in set(names)] or quality_metrics(names.to_frame())[
            :_INSTEAD
        ]
        wanted |= {(str(dataset), name) for name in own}
    pairs = zip(frame["dataset"], frame["metric"], strict=True)
    return frame[np.array([pair in wanted for pair in pairs], dtype=bool)]


def line_look(style: MethodStyle) -> dict[str, Any]:
    """The style in matplotlib's keywords."""
    rimmed = has_white_rim(style)
    return {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": (0, style.dashes) if style.dashes else "-",
        "markerfacecolor": style.colour if style.filled else "white",
        "markeredgecolor": "white" if rimmed else style.colour,
        "markeredgewidth": 0.9 if not style.filled else 0.4,
    }


def has_white_rim(style: MethodStyle) -> bool:
    """Whether a white rim sets a symbol apart: one of filled shapes; signs are too thin for it."""
    return style.filled and not style.marker.startswith("$")


def add_legend(figure: Figure, styles: Styles, sizes: dict[float, float] | None = None) -> None:
    """Name the methods, and in lines of their own the sizes, below the panels."""
    looks = [line_look(style) | {"label": style.name} for style in styles.values()]
    dots = [_dot_look(area, level) for level, area in (sizes or {}).items()]
    columns = max(_legend_columns(styles, figure.get_figwidth()), len(dots))
    blank = {"linestyle": "", "label": " "}
    lines = [
        list(line)
        for group in (looks, dots)
        for line in zip_longest(*[iter(group)] * columns, fillvalue=blank)
    ]
    # A legend is filled column by column.
    handles = [Line2D([], [], **line[column]) for column in range(columns) for line in lines]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _legend_columns(styles: Styles, width: float) -> int:
    """Columns that fill the lines of a legend about evenly, and a figure's width at most."""
    names = [style.name for style in styles.values()]
    for most in range(_LEGEND_COLUMNS, 1, -1):
        lines = -(-len(names) // most)
        columns = -(-len(names) // lines)
        letters = [max(map(len, names[column::columns])) for column in range(columns)]
        if sum(_HANDLE + _LETTER * count for count in letters) <= width:
            return columns
    return 1


def legend_height(
    styles: Styles, sizes: dict[float, float] | None = None, *, width: float = PAGE
) -> float:
    """Return the height of the legend of :func:`add_legend`, in inches, in a figure of a width."""
    lines = -(-len(styles) // max(_legend_columns(styles, width), len(sizes or {})))
    return LEGEND + 0.14 * (lines - 1 + bool(sizes))


def leading(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one label for each method, where all labels would be too many to show.

    A sweep belongs into the figures of cost; elsewhere a study with more than
    :data:`MOST_LABELS` labels shows each method once: the label named after it, or else its first.

    Args:
        rows: with the columns ``method`` and ``label``.
    """
    if rows["label"].nunique() <= MOST_LABELS:
        return rows
    labels = rows[["method", "label"]].drop_duplicates()
    first = labels.groupby("method", sort=False)["label"].first()
    named = labels.loc[labels["label"] == labels["method"], "label"]
    shown = {**first.to_dict(), **{name: name for name in named}}
    return rows[rows["label"].isin(shown.values())]


def _dot_look(area: float, level: float) -> dict[str, Any]:
    """A symbol of the legend that stands for a noise level."""
    return {
        "linestyle": "", "marker": "o", "color": "#b5b5b5", "markeredgewidth": 0,
        "markersize": area**0.5, "label": rf"$\sigma_y$ = {number_name(level)}",
    }  # fmt: skip


def interval_bars(rows: pd.DataFrame, centre: str = "mean") -> np.ndarray:
    """Return the distances to both ends of the intervals, (2, n), as error bars; 0 without any."""
    ends = (rows[centre] - rows["low"], rows["high"] - rows[centre])
    return np.clip(np.stack([end.fillna(0).to_numpy() for end in ends]), 0, None)


def choose_range(
    axes: Axes,
    points: pd.DataFrame,
    *,
    axis: str = "y",
    centre: str = "mean",
    keep: Sequence[float] = (),
) -> tuple[float, float, bool] | None:
    """Choose the range of an axis by the methods that work.

    The arguments are those of :func:`keep_in_view`.

    Returns:
        the least and the largest value, and whether the axis runs from the latter to the former;
        None where all methods work, and the range is as it was.
    """
    works = working(points, centre)
    if works.all():
        return None
    ends = [points[name].fillna(points[centre]) for name in ("low", "high") if name in points]
    shown = pd.concat([points[centre], *ends], axis=1)[works]
    low, high = min(shown.min().min(), *keep, np.inf), max(shown.max().max(), *keep, -np.inf)
    rim = 0.1 * ((high - low) or 1.0)
    low, high = low - rim, high + rim
    turned = getattr(axes, f"get_{axis}lim")()[0] > getattr(axes, f"get_{axis}lim")()[1]
    getattr(axes, f"set_{axis}lim")((high, low) if turned else (low, high))
    return low, high, turned


def keep_in_view(
    axes: Axes,
    points: pd.DataFrame,
    places: Sequence[float] | np.ndarray,
    colours: Sequence[str],
    *,
    axis: str = "y",
    centre: str = "mean",
    keep: Sequence[float] = (),
) -> None:
    """Choose the range of an axis by the methods that work, and mark the others at its edge.

    Args:
        axes: a panel in which the points have been drawn.
        points: of one metric, with ``sigma_y``, ``metric``, the column ``centre``, and ``low`` and
            ``high`` where it has intervals.
        places: of each point on the other axis; NaN for one that gets no mark.
        colours: of each point.
        axis: "x" or "y".
        keep: values that stay in view, such as 0 of differences.
    """
    chosen = choose_range(axes, points, axis=axis, centre=centre, keep=keep)
    if chosen is None:
        return
    low, high, turned = chosen
    across = axes.get_xaxis_transform() if axis == "y" else axes.get_yaxis_transform()
    for value, place, colour in zip(points[centre], places, colours, strict=True):
        if low <= value <= high or np.isnan(place):
            continue
        end = int((value > high) != turned)
        marker = {("x", 0): "<", ("x", 1): ">", ("y", 0): "v", ("y", 1): "^"}[axis, end]
        where = (end, place) if axis == "x" else (place, end)
        axes.plot(
            *where, marker=marker, color=colour, markersize=4.5, markeredgecolor="white",
            markeredgewidth=0.4, linestyle="", transform=across, clip_on=False, zorder=5,
            gid=BEYOND,
        )  # fmt: skip


def set_title(axes: Axes, title: str, width: float, more: str = "") -> None:
    """Head a panel that has a width in inches; what does not fit stands in two lines.

    Args:
        more: behind the title, in a line of its own where there is no room; it may hold formulas.
    """
    size = 7.5
    room = most_letters(width, size) - 2
    if more and len(title) + 12 <= room:
        axes.set_title(f"{title}, {more}", fontsize=size)
        return
    text, smaller = fitted(title, width - 0.1, size)
    axes.set_title(f"{text}\n{more}" if more else text, fontsize=smaller)


def label_below(figure: Figure, line: Sequence[Axes], text: str) -> None:
    """Label the horizontal axis of a line of panels once, in the middle below all of them.

    Args:
        line: the panels of one line of a grid, from left to right.
    """
    first, last = (panel.get_subplotspec() for panel in (line[0], line[-1]))
    if first is None or last is None:
        raise ValueError("the panels must be those of a grid")
    place = first.get_gridspec()[first.num1 : last.num2 + 1]
    across = figure.add_subplot(place, frameon=False, zorder=-1)
    # Blank numbers keep the place of those of the panels.
    across.set_xticks([0.5], [" "])
    across.tick_params(axis="x", color="none")
    across.set_yticks([])
    across.set_xlabel(text)


def panel_grid(rows: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    """Return the lines of a grid of panels, a data set and a metric each, and its columns, a
    degradation each."""
    lines = rows[["dataset", "metric"]].drop_duplicates()
    datasets = list(lines["dataset"].unique())
    lines = lines.sort_values("dataset", key=lambda names: names.map(datasets.index), kind="stable")
    columns = rows[["task", "operator", "scale"]].drop_duplicates()
    return list(lines.itertuples(index=False)), list(columns.itertuples(index=False))


def of_panel(frame: pd.DataFrame, dataset: str, metric: str, column: Any) -> pd.DataFrame:
    """Return the rows of a panel of :func:`panel_grid`; an empty scale equals an empty scale."""
    here = (frame["dataset"] == dataset) & (frame["metric"] == metric)
    here &= (frame["task"] == column.task) & (frame["operator"] == column.operator)
    return frame[here & (frame["scale"].fillna(0) == (column.scale if column.scale > 0 else 0))]


def line_label(rows: pd.DataFrame, line: Any) -> str:
    """The label of a line of panels: its metric, and the data set where there are several."""
    prefix = f"{dataset_name(line.dataset)}\n" if several(rows["dataset"]) else ""
    return prefix + metric_axis(line.metric)


def several(values: pd.Series) -> bool:
    """Return whether the values differ."""
    return len(set(values)) > 1


def add_absent(figure: Figure, summary: pd.DataFrame, metrics: Iterable[str]) -> None:
    """Say above the panels which methods have nothing to draw, or something infinite, and where.

    Args:
        figure: without a title of its own.
    """
    shown = drawn_rows(summary, summary, list(metrics))
    styles = label_styles(summary)
    parts = []
    for what, rows in (
        ("no value", shown[shown["n"] == 0]),
        ("an infinite mean", shown[np.isinf(shown["mean"])]),
    ):
        cells = rows.drop_duplicates([*CELL_KEYS, "label"])["label"].value_counts(sort=False)
        names = [f"{styles[label].name} in {count(n, 'cell')}" for label, n in cells.items()]
        if names:
            parts.append(f"{what}: {shortened(names)}")
    if parts:
        text = textwrap.fill(f"Not drawn: {'; '.join(parts)}.", int(22 * figure.get_figwidth()))
        figure.suptitle(text, fontsize=5.5, color="#555555", parse_math=False)


def drawn(make: Callable[..., Figure | str]) -> Callable[..., str]:
    """Return a function that writes what another one makes of a subject: a figure, or why there is
    nothing to draw.

    Its arguments are the subject, the path of the ``.pdf`` and ``.png``, see
    :func:`ddpg.comparison.figures.canvas.stem_of`, and the keywords of ``make``. It returns why
    there is nothing to draw, "" where there is; files that say so are written unless it is called
    with ``note=False``.
    """

    @wraps(make)
    def draw(
        subject: Any, path: str | os.PathLike[str], *, note: bool = True, **options: Any
    ) -> str:
        with paper():
            made = make(subject, **options)
            if isinstance(made, Figure):
                save(made, path)
                return ""
            if note:
                # The page says so in words instead of showing it.
                save(note_figure(textwrap.fill(made, 60)), path, instead=made)
            return made

    return draw


def make_room_above(figure: Figure) -> None:
    """Make a figure higher by what stands above its panels: their titles, and which methods are
    absent; else the panels give the room, which those of few methods do not have."""
    heads: dict[int, int] = {}
    for panel in figure.axes:
        place = panel.get_subplotspec()
        if panel.get_title() and place is not None:
            line = place.rowspan.start
            heads[line] = max(heads.get(line, 0), 1 + panel.get_title().count("\n"))
    absent = figure.get_suptitle()
    small = 2 + absent.count("\n") if absent else 0
    more = _TITLE * sum(heads.values()) + _SMALL * small
    figure.set_figheight(figure.get_figheight() + more)


def note_figure(text: str) -> Figure:
    """Return a figure that says why there is nothing to draw, so that no other product waits."""
    figure = new_figure(COLUMN, 0.6)
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure
