"""Metrics against a swept hyper-parameter: a data step (frame to frame) and a draw step."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.pairs import shown_metrics, with_paired_ends
from ddpg.comparison.figures.panels import (
    Styles,
    add_absent,
    add_legend,
    drawn,
    legend_height,
    line_look,
)
from ddpg.comparison.statistics.measurements import CELL_KEYS
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import (
    METRIC_STYLES,
    OBSERVATION,
    method_styles,
    metric_axis,
    variants,
)
from ddpg.comparison.titles import Titles
from ddpg.files.long_table import COLUMNS, ORIGINS, setting_columns, unpacked_origins
from ddpg.study.assumptions import PRIOR as ASSUMED_PRIOR
from ddpg.study.names import OBSERVED
from ddpg.study.settings.sweeps import Run, Sweep, find_sweeps, swept_parameters

MOST_SERIES = 8
"""Lines of one method in a panel that can be told apart."""
_ACROSS = 4
_ROW = 1.5
_MOST_TICKS = 6
_MEASURED = ("label", "repeat", "image", "metric", "value", "note")


@dataclass(frozen=True)
class Axis:
    """Where the values of a hyper-parameter stand.

    Attributes:
        places: value, in the spelling of a sheet -> place on the axis.
        scale: "linear", "log" where the values are geometric, "symlog" where they are but for 0,
            or "words" where they are no numbers.
        threshold: of a symlog axis, the least value above 0.
    """

    places: dict[str, float]
    scale: str
    threshold: float = 0.0


def runs_of(summary: Summary) -> list[Run]:
    """Return the rows of the sheet behind a long table that has columns of hyper-parameters."""
    columns = setting_columns(list(summary.metrics))
    if not columns or "cell" not in summary.metrics:
        return []
    told = summary.metrics[summary.metrics[ORIGINS] != ""]
    identity = ["cell", *(c for c in COLUMNS if c not in (*CELL_KEYS, *_MEASURED) and c in told)]
    runs = []
    for row in told.drop_duplicates([*identity, "label"]).to_dict("records"):
        own = unpacked_origins(row[ORIGINS])
        # Which prior a row calls is a setting, and no place, where rows are told of several.
        place = "\n".join(
            str(row[name]) for name in identity if name != "prior" or ASSUMED_PRIOR not in own
        )
        settings = {name: row[name] for name in columns if name in own}
        runs.append(Run(place, row["method"], row["label"], settings))
    return runs


def sweep_points(summary: Summary, parameter: str) -> pd.DataFrame:
    """Return the means of every sweep of a hyper-parameter, with paired intervals.

    Returns:
        the rows of the summary of PSNR and a perceptual metric, with ``value`` (as in a sheet),
        ``series`` (the number of the sweep among those of its method in the cell, from 0),
        ``name`` (what tells the series apart, such as "steps = 20", or ""), ``below`` and
        ``above`` (distances to the ends of the interval of the paired difference from the best of
        the series; NaN for that one) and ``best``.
    """
    sweeps = [sweep for sweep in find_sweeps(runs_of(summary)) if sweep.parameter == parameter]
    parts = []
    groups: dict[tuple[str, str], list[Sweep]] = {}
    for sweep in sweeps:
        groups.setdefault((sweep.place, sweep.method), []).append(sweep)
    for together in groups.values():
        names = _names(together)
        for number, (sweep, name) in enumerate(zip(together, names, strict=True)):
            parts += _series(summary, sweep, number, name)
    if not parts:
        return summary.means.iloc[:0].assign(value="", series=0, name="", best=False)
    return pd.concat(parts, ignore_index=True)


def _names(sweeps: Sequence[Sweep]) -> list[str]:
    """What tells the sweeps of a method in a cell apart: other settings that they do not share."""
    fixed = [dict(sweep.fixed) for sweep in sweeps]
    differing = [k for k in fixed[0] if len({settings[k] for settings in fixed}) > 1]
    return [", ".join(f"{k} = {settings[k]}" for k in differing) for settings in fixed]


def _series(summary: Summary, sweep: Sweep, number: int, name: str) -> list[pd.DataFrame]:
    """The points of one sweep, a frame for each metric."""
    cell = summary.metrics.loc[
        summary.metrics["cell"] == sweep.place.split("\n")[0], CELL_KEYS
    ].iloc[:1]
    values = {label: value for value, label in sweep.labels.items()}
    means = summary.means.merge(cell, on=CELL_KEYS)
    means = means[means["label"].isin(values) & (means["n"] > 0) & np.isfinite(means["mean"])]
    found = means.assign(value=means["label"].map(values), series=number, name=name)
    return [
        with_paired_ends(found[found["metric"] == metric], summary.pairs)
        for metric in shown_metrics(summary.means)
        if metric in set(found["metric"])
    ]


def axis_of(values: Sequence[str]) -> Axis:
    """Place values on an axis: numbers as numbers, anything else side by side as it comes.

    >>> axis_of(["1", "10", "100"]).scale, axis_of(["0", "0.5", "1"]).scale
    ('log', 'linear')
    """
    texts = list(dict.fromkeys(values))
    try:
        places = {text: float(text) for text in texts}
    except ValueError:
        return Axis({text: float(number) for number, text in enumerate(texts)}, "words")
    numbers = sorted(set(places.values()))
    above = [number for number in numbers if number > 0]
    if numbers[0] < 0 or len(above) < 3 or not _geometric(above):
        return Axis(places, "linear")
    return Axis(places, "log") if above == numbers else Axis(places, "symlog", above[0])


def _geometric(numbers: Sequence[float]) -> bool:
    """Whether ascending numbers above 0 are spaced more evenly by their logarithms."""
    uneven = [np.std(gaps) / np.mean(gaps) for gaps in (np.diff(numbers), np.diff(np.log(numbers)))]
    return bool(uneven[1] < uneven[0])


def draw_sweeps(
    summary: Summary, folder: str | os.PathLike[str], planned: Iterable[str] = ()
) -> None:
    """Draw a figure of every hyper-parameter that is swept, named after it.

    Args:
        planned: hyper-parameters that have a figure even if the table holds no sweep of them.
    """
    for parameter in dict.fromkeys([*planned, *swept_parameters(runs_of(summary))]):
        draw_sweep(summary, Path(folder) / parameter, parameter=parameter)


@drawn
def draw_sweep(summary: Summary, *, parameter: str) -> Figure | str:
    """Draw metrics against a hyper-parameter: cells side by side, at most four; below each other
    its metrics.
    """
    points = sweep_points(summary, parameter)
    if points.empty:
        return f"No method takes three values of {parameter} in a cell, all else the same."
    crowded = points["series"] >= MOST_SERIES
    left_out = points[crowded].drop_duplicates([*CELL_KEYS, "method", "series"])
    points = points[~crowded]
    styles = _styles(points)
    cells = list(points.groupby(CELL_KEYS, dropna=False, sort=False).groups)
    titles = Titles.of(points)
    metrics = list(points["metric"].unique())
    across = min(_ACROSS, len(cells))
    lines = -(-len(cells) // across) * len(metrics)
    axis = axis_of(
        [value for _, value in sorted(zip(points["label"], points["value"], strict=True))]
    )
    width = PAGE if across > 2 or len(styles) > 2 else 0.35 * PAGE * across + 0.8
    figure = new_figure(width, _ROW * lines + legend_height(styles, width=width) + 0.1)
    axes = figure.subplots(lines, across, squeeze=False)
    numbered = points.groupby(CELL_KEYS, dropna=False, sort=False).ngroup()
    for number, cell in enumerate(cells):
        line, column = divmod(number, across)
        for place, metric in enumerate(metrics):
            panel = axes[line * len(metrics) + place, column]
            _draw(panel, points[(numbered == number) & (points["metric"] == metric)], axis, styles)
            _draw_observation(panel, summary, cell, metric)
            if place == 0:
                panel.set_title(textwrap.fill(titles.cell(*cell), int(18 * width / across)))
            if place == len(metrics) - 1:
                panel.set_xlabel(parameter)
            if column == 0:
                panel.set_ylabel(metric_axis(metric))
    for number in range(len(cells), lines // len(metrics) * across):
        line, column = divmod(number, across)
        for place in range(len(metrics)):
            axes[line * len(metrics) + place, column].set_axis_off()
    add_legend(figure, styles)
    shown = summary.means[summary.means["label"].isin(points["label"])]
    add_absent(figure, shown.merge(points[CELL_KEYS].drop_duplicates(), on=CELL_KEYS), metrics)
    if len(left_out):
        text = f"Not drawn: {len(left_out)} more lines than can be told apart."
        figure.text(0.5, 0, text, ha="center", va="bottom", fontsize=5.5, color="#555555")
    return figure


def _draw_observation(axes: Axes, summary: Summary, cell: tuple, metric: str) -> None:
    """A grey line at what was observed, or where it lies beyond the panel, a word at its edge."""
    rows = summary.means[
        (summary.means["method"] == OBSERVED) & (summary.means["metric"] == metric)
    ].merge(pd.DataFrame([cell], columns=CELL_KEYS), on=CELL_KEYS)
    rows = rows[np.isfinite(rows["mean"])]
    if rows.empty:
        return
    value, (low, high) = float(rows["mean"].iloc[0]), axes.get_ylim()
    if low <= value <= high:
        axes.axhline(value, color=OBSERVATION.colour, linewidth=0.8, linestyle="-.")
    axes.set_ylim(low, high)
    place = min(max((value - low) / (high - low), 0.0), 1.0)
    where = " ↓" if value < low else " ↑" if value > high else ""
    text = f"observation {value:.{METRIC_STYLES[metric].decimals}f}{where}"
    axes.text(
        0.99, place, text, transform=axes.transAxes, ha="right", fontsize=5.5,
        va="top" if place > 0.5 else "bottom", color=OBSERVATION.colour,
    )  # fmt: skip


def _styles(points: pd.DataFrame) -> Styles:
    """Series -> look: the method's own where it has one series, else variants of it."""
    styles: Styles = {}
    for method, rows in points.groupby("method", sort=False):
        base = method_styles({str(method): str(method)})[str(method)]
        names = list(dict.fromkeys(rows["name"]))
        looks = [base] if names == [""] else variants(base, names)
        styles |= {f"{method}\n{name}": look for name, look in zip(names, looks, strict=True)}
    return styles


def _draw(axes: Axes, points: pd.DataFrame, axis: Axis, styles: Styles) -> None:
    """One panel: a line per series, its best value ringed and carried on as a dotted line."""
    if points.empty:
        axes.set_axis_off()
        return
    for key, style in styles.items():
        rows = points[points["method"] + "\n" + points["name"] == key]
        rows = rows.assign(x=rows["value"].map(axis.places)).sort_values("x")
        if rows.empty:
            continue
        bars = np.nan_to_num(np.stack([rows["below"], rows["above"]]))
        axes.errorbar(
            rows["x"], rows["mean"], np.clip(bars, 0, None), capsize=1.5, elinewidth=0.6,
            capthick=0.6, **line_look(style),
        )  # fmt: skip
        best = rows[rows["best"]]
        axes.axhline(best["mean"].iloc[0], color=style.colour, linewidth=0.5, linestyle=":")
        axes.plot(
            best["x"], best["mean"], marker="o", markersize=8, color=style.colour,
            markerfacecolor="none", linestyle="",
        )  # fmt: skip
    if axis.scale == "symlog":
        axes.set_xscale("symlog", linthresh=axis.threshold, linscale=0.5)
    elif axis.scale == "log":
        axes.set_xscale("log")
    if axis.scale == "words" or len(axis.places) <= _MOST_TICKS:
        axes.set_xticks(list(axis.places.values()), list(axis.places))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(0.1)
    axes.grid(axis="y")
    seaborn.despine(ax=axes)
