"""The tables of the comparison, in the layout of a paper's, before any markup.

Rows are methods, columns are metrics grouped by noise level. Wide tables are cut into panels
below one another, so that each fits the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ddpg.comparison.statistics import DEGRADATION_KEYS, label_styles, summarise
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order, task_name

WIDEST_PANEL = 8
"""Columns of values that fit the width of a page."""


@dataclass(frozen=True)
class Entry:
    """One number of a table, ready to print.

    Attributes:
        text: the mean, or "—" where it could not be computed.
        error: the standard error, or "".
        value: the mean as a number, for sorting.
        rank: 1 for the best of its column, 2 for the second, 0 otherwise.
        mark: the letter of a note, or "".
    """

    text: str
    error: str = ""
    value: float = math.nan
    rank: int = 0
    mark: str = ""


@dataclass(frozen=True)
class Panel:
    """A block of rows under one header.

    Attributes:
        groups: noise level (None where there is none) and its metrics, from left to right.
        rows: the methods' names with one entry per column; None where a method was not run.
    """

    groups: list[tuple[float | None, list[str]]]
    rows: list[tuple[str, list[Entry | None]]]

    @property
    def columns(self) -> list[tuple[float | None, str]]:
        """Noise level and metric of every column of values."""
        return [(sigma, metric) for sigma, metrics in self.groups for metric in metrics]


@dataclass(frozen=True)
class Table:
    """One table: its identity, its panels and its notes (letter or "", text)."""

    dataset: str
    key: str
    title: str
    caption: str
    panels: list[Panel]
    notes: list[tuple[str, str]]


def quality_tables(summary: pd.DataFrame, *, widest: int = WIDEST_PANEL) -> list[Table]:
    """Lay out one table per data set and degradation.

    Args:
        summary: see :func:`ddpg.comparison.statistics.summarise`; metrics of cost are not shown.
        widest: columns of values in a panel, unless one noise level has more.

    Returns:
        the tables, in the order of the summary.
    """
    quality = summary[summary["metric"].map(lambda name: METRIC_STYLES[name].family) != "cost"]
    groups = quality.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    return [_quality_table(key, frame, widest) for key, frame in groups]


def cost_tables(metrics: pd.DataFrame) -> list[Table]:
    """Lay out one table per data set: seconds, network evaluations and memory per image.

    Args:
        metrics: the long table; all cells of a data set are averaged.

    Returns:
        the tables; none for data sets without any metric of cost.
    """
    cost = metrics[metrics["metric"].map(lambda name: METRIC_STYLES[name].family) == "cost"]
    cost = cost.assign(task="", operator="", scale=math.nan, sigma_y=math.nan)
    if cost.empty:
        return []
    summary = summarise(cost).assign(rank=math.nan)
    return [_cost_table(dataset, frame) for dataset, frame in summary.groupby("dataset")]


def _quality_table(key: tuple, frame: pd.DataFrame, widest: int) -> Table:
    """The table of one degradation."""
    dataset, task, operator, scale = key
    name = f"{task_name(task, scale)} ({operator})"
    left_out = _left_out(frame)
    shown = frame[~frame["metric"].isin(metric for metric, _ in left_out)]
    panels, notes = _panels(shown, widest)
    caption = (
        f"{name} on {dataset_name(dataset)}: mean ± standard error over {_images(shown)}. "
        f"{'PSNR in dB. ' * ('psnr' in set(shown['metric']))}Best in bold, second best underlined."
    )
    identity = "-".join(
        part for part in (task, f"x{scale:g}" if scale > 0 else "", operator) if part
    )
    return Table(dataset, identity, name, caption, panels, notes + [("", t) for _, t in left_out])


def _cost_table(dataset: str, frame: pd.DataFrame) -> Table:
    """The table of what the methods cost on one data set."""
    panels, notes = _panels(frame, WIDEST_PANEL)
    caption = (
        f"Cost per image on {dataset_name(dataset)}: mean ± standard error over {_images(frame)}."
    ).replace("images", "restorations")
    return Table(dataset, "cost", "Cost", caption, panels, notes)


def _left_out(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The metrics without any value, each with a sentence that says why."""
    return [
        (metric, f"{METRIC_STYLES[metric].name} is left out: {_because(rows['reason'])}.")
        for metric, rows in frame.groupby("metric", sort=False)
        if not rows["n"].any()
    ]


def _because(reasons: pd.Series) -> str:
    """The different reasons in one line."""
    return "; ".join(sorted({reason.rstrip(".") for reason in reasons if reason})) or "no value"


def _images(frame: pd.DataFrame) -> str:
    """The number of images behind the numbers of a table: "6 images", "5 to 6 images"."""
    counts = frame.loc[frame["n"] > 0, "n"]
    if counts.empty:
        return "no images"
    low, high = int(counts.min()), int(counts.max())
    return f"{low} to {high} images" if low < high else f"{high} image{'s' * (high > 1)}"


def _panels(frame: pd.DataFrame, widest: int) -> tuple[list[Panel], list[tuple[str, str]]]:
    """Cut a table into panels of about equal numbers of noise levels; collect its notes."""
    metrics = metric_order(frame["metric"])
    levels = sorted(frame["sigma_y"].unique())
    if not metrics:
        return [], []
    notes: dict[str, str] = {}
    count = math.ceil(len(levels) * len(metrics) / max(widest, len(metrics)))
    width = math.ceil(len(levels) / count)
    panels = [
        _panel(frame, levels[start : start + width], metrics, notes)
        for start in range(0, len(levels), width)
    ]
    return panels, [(mark, text) for text, mark in notes.items()]


def _panel(
    frame: pd.DataFrame, levels: Sequence[float], metrics: list[str], notes: dict[str, str]
) -> Panel:
    """One panel; ``notes`` (text -> letter) grows by those of its entries."""
    groups = [(_key(level), metrics) for level in levels]
    # The cost has no noise level, and nan is no key that can be found again.
    found = {(row.label, _key(row.sigma_y), row.metric): row for row in frame.itertuples()}
    rows = []
    for label, style in label_styles(frame).items():
        cells = [found.get((label, _key(level), metric)) for level in levels for metric in metrics]
        if any(cells):
            rows.append((style.name, [cell and _entry(cell, notes) for cell in cells]))
    return Panel(groups, rows)


def _key(level: float) -> float | None:
    return None if math.isnan(level) else float(level)


def _entry(row: Any, notes: dict[str, str]) -> Entry:
    """Format one row of the summary."""
    mark = ""
    if row.missing:
        reason = row.reason or "no value"
        text = reason if row.n == 0 else f"{row.n} of {row.n + row.missing} images; {reason}"
        mark = notes.setdefault(text, _letter(len(notes)))
    if row.n == 0:
        return Entry("—", mark=mark)
    decimals = METRIC_STYLES[row.metric].decimals
    error = "" if math.isnan(row.standard_error) else f"{row.standard_error:.{decimals}f}"
    rank = int(row.rank) if row.rank in (1, 2) else 0
    text = "∞" if math.isinf(row.mean) else f"{row.mean:.{decimals}f}"
    return Entry(text, error, float(row.mean), rank, mark)


def _letter(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    first = _letter(number // 26 - 1) if number >= 26 else ""
    return first + "abcdefghijklmnopqrstuvwxyz"[number % 26]
