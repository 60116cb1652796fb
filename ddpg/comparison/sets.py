"""The tables of metrics of sets of pictures, KID and FID, with the number of pictures beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from ddpg.comparison.posterior.tables import write_product
from ddpg.comparison.products import SETS
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    DEGRADATION_KEYS,
    label_styles,
    read_metrics,
)
from ddpg.comparison.style import (
    METRIC_STYLES,
    MethodStyle,
    dataset_name,
    metric_order,
)
from ddpg.comparison.tables.entries import Entry, Panel, Table, letter
from ddpg.comparison.tables.layout import WIDEST_PANEL, identity, said_once
from ddpg.comparison.titles import Titles
from ddpg.jobs.comparison import SetComparison

COUNT = "pictures"
LEAD = (
    "How far the restorations of a method, taken together, are from the truths, taken together: it "
    "says how natural they look, not whether they are right. Such a number has no value for a "
    "picture, no interval and no test, and depends on how many pictures there are."
)


def write_sets(job: SetComparison) -> None:
    """Write the files of :data:`ddpg.comparison.products.SETS`; numbers of sets have no intervals,
    so all forms of the tables have the same."""
    sets = read_metrics(job.sets)
    styles = label_styles(read_metrics(job.metrics))
    write_product(SETS, sets_frame(sets), partial(set_tables, sets, styles), job)


def sets_frame(sets: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell, label and metric: value, number of pictures, reason."""
    keys = [*CELL_KEYS, "method", "label", "prior"]
    counts = sets.loc[sets["metric"] == COUNT, [*keys, "value"]].rename(columns={"value": COUNT})
    counts[COUNT] = counts[COUNT].astype(int)
    values = sets[sets["metric"] != COUNT]
    return values.merge(counts, on=keys)[[*keys, "metric", "value", COUNT, "note"]]


def set_tables(
    sets: pd.DataFrame, styles: Mapping[str, MethodStyle], *, alone: bool = False
) -> list[Table]:
    """Return a table for each data set and degradation, of styles in the order that is shown."""
    groups = sets.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    titles = Titles.of(sets)
    tables = [_table(key, titles.degradation(*key[1:]), rows, styles) for key, rows in groups]
    return tables if alone else said_once(tables)


def _table(key: tuple, name: str, rows: pd.DataFrame, styles: Mapping[str, MethodStyle]) -> Table:
    dataset, task, operator, scale = key
    metrics = [m for m in metric_order(rows["metric"]) if m != COUNT]
    without = {m: r for m in metrics if (r := _left_out(rows[rows["metric"] == m]))}
    shown = [*(m for m in metrics if m not in without), COUNT]
    notes: dict[str, str] = {}
    levels = sorted(rows["sigma_y"].unique())
    width = max(1, WIDEST_PANEL // len(shown))
    panels = [
        _panel(rows, levels[first : first + width], shown, styles, notes)
        for first in range(0, len(levels), width)
    ]
    told = [("", text) for text in _absent(without)]
    caption = (
        f"{name} on {dataset_name(dataset)}: distance of all restorations to all truths, with the "
        "number of pictures. Best underlined."
    )
    marked = [(mark, text) for text, mark in notes.items()]
    title = f"{name} on {dataset_name(dataset)}: sets of pictures"
    return Table(
        dataset, f"{identity(task, scale, operator)}-sets", title, caption, panels, marked + told
    )


def _absent(without: Mapping[str, str]) -> list[str]:
    """A sentence for each reason, with the metrics that have no value for it."""
    names: dict[str, list[str]] = {}
    for metric, why in without.items():
        names.setdefault(why, []).append(METRIC_STYLES[metric].name)
    return [
        f"{' and '.join(of_reason)} {'are' if len(of_reason) > 1 else 'is'} left out: {why}."
        for why, of_reason in names.items()
    ]


def _left_out(rows: pd.DataFrame) -> str:
    """Why a metric has no value at all; "" where it has some."""
    if rows["value"].notna().any():
        return ""
    return "; ".join(sorted({note.rstrip(".") for note in rows["note"]}))


def _panel(
    rows: pd.DataFrame,
    levels: Sequence[float],
    metrics: list[str],
    styles: Mapping[str, MethodStyle],
    notes: dict[str, str],
) -> Panel:
    known = {(row.label, row.sigma_y, row.metric): row for row in rows.itertuples()}
    best = _best(rows)
    lines = []
    for label, style in styles.items():
        cells = [known.get((label, level, metric)) for level in levels for metric in metrics]
        if any(cells):
            entries = [
                None if cell is None else _entry(cell, best.get((cell.sigma_y, cell.metric)), notes)
                for cell in cells
            ]
            lines.append((style.name, entries))
    return Panel([(float(level), metrics) for level in levels], lines)


def _best(rows: pd.DataFrame) -> dict[tuple[float, str], float]:
    """The best value of every column that has several."""
    values = rows[(rows["metric"] != COUNT) & rows["value"].notna()]
    return {
        (level, metric): float(column["value"].min())
        for (level, metric), column in values.groupby(["sigma_y", "metric"])
        if len(column) > 1 and METRIC_STYLES[metric].direction < 0
    }


def _entry(row: object, best: float | None, notes: dict[str, str]) -> Entry:
    value, metric, note = (getattr(row, name) for name in ("value", "metric", "note"))
    if value != value:
        return Entry("—", mark=notes.setdefault(note, letter(len(notes))), title=note)
    text = f"{value:.{METRIC_STYLES[metric].decimals}f}"
    return Entry(text, value=float(value), rank=int(best is not None and value == best))
