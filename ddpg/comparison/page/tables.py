"""The tables of the page: one per data set, degradation and metric, a column per noise level.

The numbers are those of :func:`ddpg.comparison.statistics.summary.summarise`, as in the other
tables; this module only chooses how they stand on the page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ddpg.comparison.statistics.measurements import DEGRADATION_KEYS, label_styles
from ddpg.comparison.style import METRIC_STYLES, dataset_name, degradation_title, metric_order
from ddpg.comparison.tables.entries import letter, remark, small_cost
from ddpg.comparison.tables.layout import COST_COLUMNS, because
from ddpg.study.names import number_name


@dataclass(frozen=True)
class Cell:
    """One number, ready to print.

    Attributes:
        text: the mean, "—" where it could not be computed, "" where the method was not run.
        value: the mean as a number, for sorting.
        spread: the interval of the mean, or "".
        best: no other method is significantly better; printed bold.
        first: the best mean of its column; underlined.
        title: more about it, shown when pointed at: deviations, why values are missing.
        mark: the letter of the note that tells the reason, or "".
    """

    text: str = ""
    value: float = math.nan
    spread: str = ""
    best: bool = False
    first: bool = False
    title: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Head:
    """A column's heading and the direction (1 or -1) of what is better."""

    text: str
    direction: int
    title: str = ""


@dataclass(frozen=True)
class Block:
    """The table of one metric: headings and, by method, cells."""

    metric: str
    heads: list[Head]
    rows: list[tuple[str, str, list[Cell]]]
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """The tables of one data set and degradation, of which one is shown at a time."""

    dataset: str
    title: str
    subtitle: str
    blocks: list[Block]


def metrics_with_values(summary: pd.DataFrame) -> list[str]:
    """Return the metrics of quality that have a value, in the order of the tables."""
    computed = metric_order(summary.loc[summary["n"] > 0, "metric"])
    return [name for name in computed if METRIC_STYLES[name].family != "cost"]


def left_out(summary: pd.DataFrame) -> list[str]:
    """Return a sentence for every metric of quality without any value: its name and why."""
    sentences = []
    for metric, frame in summary.groupby("metric", sort=False):
        if METRIC_STYLES[str(metric)].family != "cost" and not frame["n"].any():
            name = METRIC_STYLES[str(metric)].name
            sentences.append(f"{name} is left out: {because(frame['reason'])}.")
    return sentences


def undecided(summary: pd.DataFrame) -> str:
    """Return a sentence on the columns in which nothing can be bold, or ""."""
    values = summary[summary["metric"].isin(metrics_with_values(summary)) & (summary["n"] > 0)]
    if values["decidable"].all():
        return ""
    where = "some columns" if values["decidable"].any() else "these tables"
    return (
        f"Nothing is bold in {where}: with so few images or methods no difference could be "
        "significant."
    )


def table_views(summary: pd.DataFrame) -> list[View]:
    """Lay out the tables."""
    groups = summary.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    return [_view(key, frame) for key, frame in groups]


def _view(key: tuple, frame: pd.DataFrame) -> View:
    dataset, task, operator, scale = key
    costs = [name for name in COST_COLUMNS if (frame.loc[frame["metric"] == name, "n"] > 0).any()]
    title = degradation_title(task, operator, scale)
    blocks = [_block(frame, metric, costs) for metric in metrics_with_values(frame)]
    return View(dataset, title, dataset_name(dataset), blocks)


def _block(frame: pd.DataFrame, metric: str, costs: list[str]) -> Block:
    """The table of one metric, with the costs in the last columns."""
    levels = sorted(frame["sigma_y"].unique())
    shown = frame[frame["metric"] == metric]
    found = {(row.label, row.sigma_y): row for row in shown.itertuples()}
    notes: dict[str, str] = {}
    rows = []
    for label, style in label_styles(frame).items():
        cells = [_cell(found.get((label, level)), notes) for level in levels]
        if any(cell.text for cell in cells):
            rows.append((label, style.name, cells + [_cost(frame, label, cost) for cost in costs]))
    direction = METRIC_STYLES[metric].direction
    heads = [Head(f"σ = {number_name(level)}", direction) for level in levels]
    return Block(metric, heads + [_cost_head(cost) for cost in costs], rows, notes)


def _cost_head(metric: str) -> Head:
    style = METRIC_STYLES[metric]
    return Head(style.label, style.direction, f"{style.description}, mean over the noise levels")


def _cost(frame: pd.DataFrame, label: str, metric: str) -> Cell:
    """What a method costs per image, over the noise levels."""
    rows = frame[(frame["label"] == label) & (frame["metric"] == metric) & (frame["n"] > 0)]
    if rows.empty:
        return Cell()
    value = float(rows["mean"].mean())
    return Cell(small_cost(value, metric), value)


def _cell(row: Any, notes: dict[str, str]) -> Cell:
    """One number of the summary; ``notes`` (letter -> reason) grows by those of its values."""
    if row is None:
        return Cell()
    reason, mark = remark(row), ""
    if reason:
        mark = next((known for known, text in notes.items() if text == reason), "")
        mark = mark or letter(len(notes))
        notes[mark] = reason
    if row.n == 0:
        return Cell("—", title=reason, mark=mark)
    return Cell(
        _printed(row.mean, row.metric), float(row.mean), _interval(row), bool(row.best),
        row.rank == 1, _title(row, reason), mark,
    )  # fmt: skip


def _interval(row: Any) -> str:
    """The bootstrap interval of the mean, where there is one."""
    if not (math.isfinite(row.low) and math.isfinite(row.high)):
        return ""
    return f"[{_printed(row.low, row.metric)}, {_printed(row.high, row.metric)}]"


def _title(row: Any, reason: str) -> str:
    """What a number does not say by itself."""
    parts = [f"{row.n} image{'s' * (row.n != 1)}"]
    if math.isfinite(row.std):
        parts.append(f"standard deviation {_printed(row.std, row.metric)}")
    if math.isfinite(row.std_repeats):
        parts.append(f"over the seeds of an image {_printed(row.std_repeats, row.metric)}")
    return reason or ", ".join(parts)


def _printed(value: float, metric: str) -> str:
    decimals = METRIC_STYLES[metric].decimals
    return "∞" if math.isinf(value) else f"{value:.{decimals}f}"
