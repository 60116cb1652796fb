"""The tables of the page: one per data set, degradation and metric, a column per noise level.

The numbers are those of :func:`ddpg.comparison.statistics.summary.summarise`, as in the other
tables; this module only chooses how they stand on the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from ddpg.comparison.statistics.measurements import DEGRADATION_KEYS, label_styles
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.comparison.tables.entries import Entry, format_entry
from ddpg.comparison.tables.layout import (
    COST_COLUMNS,
    COUNTED,
    left_out,
    mean_costs,
    not_known,
    unknown_costs,
)
from ddpg.comparison.titles import Titles
from ddpg.study.names import number_name

_NARROW = 5
"""Columns that half of the page's width has room for."""


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
    rows: list[tuple[str, str, list[Entry]]]
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """The tables of one data set and degradation, of which one is shown at a time."""

    dataset: str
    title: str
    subtitle: str
    blocks: list[Block]
    left_out: list[str] = field(default_factory=list)
    """Which metrics have no value here, of those that have some elsewhere, and why."""
    alone: bool = False
    """Whether nothing stands beside it, because a wide one follows."""

    @property
    def is_wide(self) -> bool:
        """Whether it takes the page's whole width."""
        return self.alone or max((len(block.heads) for block in self.blocks), default=0) > _NARROW


def metrics_with_values(summary: pd.DataFrame) -> list[str]:
    """Return the metrics of quality that have a value, in the order of the tables."""
    computed = metric_order(summary.loc[summary["n"] > 0, "metric"])
    return [name for name in computed if METRIC_STYLES[name].family != "cost"]


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
    """Lay out the tables, in the order of the sheet."""
    groups = summary.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    nowhere, titles = set(left_out(summary)), Titles.of(summary)
    views = [_view(key, titles.degradation(*key[1:]), frame, nowhere) for key, frame in groups]
    return _in_rows(views)


def _in_rows(views: list[View]) -> list[View]:
    """Widen each that a wide one leaves without a neighbour: so no row has a gap in it."""
    placed: list[View] = []
    beside = False
    for view, following in zip(views, [*views[1:], None], strict=False):
        before_wide = following is not None and following.is_wide
        left_alone = not view.is_wide and not beside and before_wide
        placed.append(replace(view, alone=left_alone))
        beside = not placed[-1].is_wide and not beside
    return placed


def _view(key: tuple, title: str, frame: pd.DataFrame, nowhere: set[str]) -> View:
    costs = [name for name in COST_COLUMNS if (frame.loc[frame["metric"] == name, "n"] > 0).any()]
    blocks = [_block(frame, metric, costs) for metric in metrics_with_values(frame)]
    here = left_out(frame[~frame["metric"].isin(nowhere)])
    return View(key[0], title, dataset_name(key[0]), blocks, list(dict.fromkeys(here.values())))


def _block(frame: pd.DataFrame, metric: str, costs: list[str]) -> Block:
    """The table of one metric, with the costs, means over the noise levels, in the last columns."""
    levels = sorted(frame["sigma_y"].unique())
    by_label = {
        (row.label, row.sigma_y): row for row in frame[frame["metric"] == metric].itertuples()
    }
    spent, unknown = mean_costs(frame, levels), unknown_costs(frame, levels)
    notes: dict[str, str] = {}
    rows = []
    for label, style in label_styles(frame).items():
        present = [by_label.get((label, level)) for level in levels]
        if any(present):
            cells = [format_entry(row, notes) if row else Entry() for row in present]
            for key in ((label, cost) for cost in costs):
                cells.append(spent.get(key) or not_known(unknown.get(key), notes) or Entry())
            rows.append((label, style.name, cells))
    direction = METRIC_STYLES[metric].direction
    heads = [Head(f"σ = {number_name(level)}", direction) for level in levels]
    heads += [_cost_head(cost) for cost in costs]
    return Block(metric, heads, rows, {mark: text for text, mark in notes.items()})


def _cost_head(metric: str) -> Head:
    style = METRIC_STYLES[metric]
    over = "least to most of" if metric == COUNTED else "mean over"
    return Head(style.label, style.direction, f"{style.description}, {over} the noise levels")
