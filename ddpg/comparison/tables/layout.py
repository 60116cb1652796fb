"""The tables of the comparison, in the layout of a paper's, before any markup.

Rows are methods, columns are metrics grouped by noise level. Wide tables are cut into panels
below one another, so that each fits the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from ddpg.comparison.statistics.measurements import DEGRADATION_KEYS, label_styles
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.statistics.reasons import joined
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.comparison.tables.entries import (
    BOLD,
    INTERVAL,
    Entry,
    Panel,
    Table,
    cost_range,
    format_entry,
    letter,
    small_cost,
)
from ddpg.comparison.titles import Titles
from ddpg.study.names import number_name

WIDEST_PANEL = 8
"""Columns of values that fit the width of a page."""
ONE_PANEL = 10**6
"""The same of tables that are cut later, by the width of their text."""
COUNTED = "network_evaluations"
COST_COLUMNS = [COUNTED, "seconds"]
"""Metrics of cost that stand beside those of quality."""
RANGES = "NFE is from the least to the most where cells differ in it."


def quality_tables(
    summary: pd.DataFrame,
    *,
    widest: int = WIDEST_PANEL,
    with_cost: bool = False,
    alone: bool = False,
) -> list[Table]:
    """Return one table per data set and degradation, in the order of the summary.

    Args:
        summary: see :func:`ddpg.comparison.statistics.summary.summarise`; what
            :func:`ddpg.comparison.statistics.summary.mark_best` added decides what is bold.
        widest: columns of values in a panel, unless one noise level has more.
        with_cost: end each panel with network evaluations and seconds per image.
        alone: whether each table stands for itself, and says what another has said already.
    """
    cost = summary["metric"].map(lambda name: METRIC_STYLES[name].family) == "cost"
    groups = summary[~cost].groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    costs = dict(list(summary[cost].groupby("dataset"))) if with_cost else {}
    titles = Titles.of(summary[~cost])
    tables = [
        _quality_table(key, titles.degradation(*key[1:]), frame, costs.get(key[0]), widest)
        for key, frame in groups
    ]
    return tables if alone else said_once(tables)


def said_once(tables: Iterable[Table]) -> list[Table]:
    """Return tables of which a sentence without a mark stands under the first that has it."""
    said: set[str] = set()
    once = []
    for table in tables:
        notes = [note for note in table.notes if note[0] or note[1] not in said]
        said |= {text for mark, text in notes if not mark}
        once.append(replace(table, notes=notes))
    return once


def cost_tables(costs: pd.DataFrame) -> list[Table]:
    """Lay out one table per data set: seconds, network evaluations and memory per image.

    Args:
        costs: see ``Summary.costs``.

    Returns:
        the tables; none for data sets without any metric of cost.
    """
    if costs.empty:
        return []
    return [_cost_table(dataset, frame) for dataset, frame in costs.groupby("dataset", sort=False)]


def _quality_table(
    key: tuple, name: str, frame: pd.DataFrame, cost: pd.DataFrame | None, widest: int
) -> Table:
    """The table of one degradation."""
    dataset, task, operator, scale = key
    without = left_out(frame)
    shown = frame[~frame["metric"].isin(without)]
    if cost is not None:
        here = (cost["task"] == task) & (cost["operator"] == operator)
        cost = cost[here & ((cost["scale"] == scale) | (math.isnan(scale) & cost["scale"].isna()))]
    panels, notes = _panels(shown, widest, cost)
    caption = (
        f"{name} on {dataset_name(dataset)}: {INTERVAL} over "
        f"{_images(shown)}. {'PSNR in dB. ' * ('psnr' in set(shown['metric']))}"
        f"{_marks(shown)}"
    )
    notes += [("", text) for text in (*dict.fromkeys(without.values()), *_of_ranges(panels))]
    return Table(dataset, identity(task, scale, operator), name, caption, panels, notes)


def identity(task: str, scale: float | None, operator: str) -> str:
    """What tells the table of a degradation from others of its data set."""
    factor = f"x{number_name(scale)}" if scale and scale > 0 else ""
    return "-".join(part for part in (task, factor, operator) if part)


def _marks(shown: pd.DataFrame) -> str:
    """What bold and underlining mean in this table."""
    text = "Best mean underlined. "
    if "best" not in shown:
        return text.strip()
    if not shown["decidable"].any():
        return text + (
            "Nothing is bold: with so few images no difference between so many methods could be "
            "significant."
        )
    text += f"Bold: {BOLD}."
    undecided = shown[~shown["decidable"] & (shown["n"] > 0)]
    levels = ", ".join(map(number_name, sorted(undecided["sigma_y"].unique())))
    few = f" Too few images or methods for any bold in a column of σ = {levels}."
    return text + few * bool(levels)


def _cost_table(dataset: str, frame: pd.DataFrame) -> Table:
    """The table of what the methods cost on one data set."""
    panels, notes = _panels(frame, WIDEST_PANEL, None)
    notes += [("", text) for text in _of_ranges(panels)]
    caption = (
        f"Cost per image on {dataset_name(dataset)}: {INTERVAL} over "
        f"{_images(frame, 'restoration')}."
    )
    return Table(dataset, "cost", "Cost", caption, panels, notes)


def repeat_tables(summary: pd.DataFrame, *, widest: int = WIDEST_PANEL) -> list[Table]:
    """Lay out the spread over the repeats of an image, for the degradations that have repeats.

    Args:
        widest: as of :func:`quality_tables`.

    Returns:
        tables like those of :func:`quality_tables` whose numbers are ``std_repeats``.
    """
    spread = summary[summary["std_repeats"].notna()]
    if spread.empty:
        return []
    unmarked = {"low": math.nan, "high": math.nan, "rank": math.nan}
    unmarked |= {"missing": 0, "lost": 0, "infinite": 0}
    unmarked |= {"best": False, "decidable": False, "mean": spread["std_repeats"]}
    tables = quality_tables(spread.assign(**unmarked), widest=widest)
    return [_renamed(table, int(spread["repeats"].max())) for table in tables]


def _renamed(table: Table, repeats: int) -> Table:
    title = f"{table.title}: spread over the seeds"
    caption = (
        f"{table.title} on {dataset_name(table.dataset)}: standard deviation over up to {repeats} "
        "restorations of an image with other seeds, pooled over the images."
    )
    return Table(table.dataset, f"{table.key}-seeds", title, caption, table.panels, [])


def left_out(summary: pd.DataFrame) -> dict[str, str]:
    """Return a sentence for every metric of quality without any value: its name and why.

    Metrics with one reason have one sentence, which names all of them.
    """
    reasons: dict[str, list[str]] = {}
    for metric, rows in summary.groupby("metric", sort=False):
        if METRIC_STYLES[str(metric)].family != "cost" and not rows["n"].any():
            told = {reason.rstrip(".") for reason in rows["reason"] if reason}
            # Beside the reason of all, that of an image tells nothing of the metric.
            told = {text for text in told if not any(one in text for one in told - {text})}
            reasons.setdefault("; ".join(sorted(told)) or "no value", []).append(str(metric))
    return {
        metric: f"{names} {'is' if len(metrics) == 1 else 'are'} left out: {why}."
        for why, metrics in reasons.items()
        for names in [joined([METRIC_STYLES[name].name for name in metrics])]
        for metric in metrics
    }


def _images(frame: pd.DataFrame, noun: str = "image") -> str:
    """The number of images behind the numbers of a table: "6 images", "5 to 6 images"."""
    return counted(frame.loc[frame["n"] > 0, "n"].astype(int).tolist(), noun)


def counted(counts: Sequence[int], noun: str = "image") -> str:
    """The numbers of images behind the numbers of a table in words: "5 to 6 images"."""
    if not counts:
        return f"no {noun}s"
    low, high = min(counts), max(counts)
    return f"{low} to {high} {noun}s" if low < high else count(high, noun)


def _panels(
    frame: pd.DataFrame, widest: int, cost: pd.DataFrame | None
) -> tuple[list[Panel], list[tuple[str, str]]]:
    """Cut a table into panels of about equal numbers of noise levels; collect its notes."""
    metrics = metric_order(frame["metric"])
    levels = sorted(frame["sigma_y"].unique())
    if not metrics:
        return [], []
    notes: dict[str, str] = {}
    number = math.ceil(len(levels) * len(metrics) / max(widest, len(metrics)))
    width = math.ceil(len(levels) / number)
    panels = [
        _panel(frame, levels[start : start + width], metrics, notes, cost)
        for start in range(0, len(levels), width)
    ]
    return panels, [(mark, text) for text, mark in notes.items()]


def _panel(
    frame: pd.DataFrame,
    levels: Sequence[float],
    metrics: list[str],
    notes: dict[str, str],
    cost: pd.DataFrame | None,
) -> Panel:
    """One panel; ``notes`` (text -> letter) grows by those of its entries."""
    # The cost has no noise level, and nan is no key that can be found again.
    by_column = {(row.label, _key(row.sigma_y), row.metric): row for row in frame.itertuples()}
    # Not all noise levels have the same metrics: without noise the consistency is another one.
    present = {(level, metric) for _, level, metric in by_column}
    groups: list[tuple[float | None, list[str]]] = [
        (level, [metric for metric in metrics if (level, metric) in present])
        for level in map(_key, levels)
    ]
    measured = list(groups)
    costs = {} if cost is None else mean_costs(cost, levels)
    unknown = {} if cost is None else unknown_costs(cost, levels)
    if costs:
        groups.append((None, COST_COLUMNS))
    rows = []
    for label, style in label_styles(frame).items():
        cells = [by_column.get((label, level, metric)) for level, own in measured for metric in own]
        if any(cells):
            entries = [cell and format_entry(cell, notes) for cell in cells]
            if costs:
                keys = [(label, metric) for metric in COST_COLUMNS]
                entries += [costs.get(key) or not_known(unknown.get(key), notes) for key in keys]
            rows.append((style.name, entries))
    return Panel(groups, rows)


def _of_ranges(panels: Sequence[Panel]) -> list[str]:
    """What two numbers of evaluations in one place are, where there are any."""
    entries = (entry for panel in panels for _, row in panel.rows for entry in row if entry)
    return [RANGES] if any("–" in entry.text for entry in entries) else []


def mean_costs(frame: pd.DataFrame, levels: Sequence[float]) -> dict[tuple[str, str], Entry]:
    """Return label and metric of cost -> its mean over some noise levels; evaluations that differ
    between them from the least to the most."""
    kept = frame["sigma_y"].isin(levels) & frame["metric"].isin(COST_COLUMNS) & (frame["n"] > 0)
    groups = frame[kept].groupby(["label", "metric"])["mean"]
    return {key: Entry(_cost(cells, key[1]), value=float(cells.mean())) for key, cells in groups}


def _cost(cells: pd.Series, metric: str) -> str:
    """A cost of several cells. No run had the mean of numbers of evaluations; seconds vary."""
    if metric != COUNTED:
        return small_cost(cells.mean(), metric)
    return cost_range(cells.min(), cells.max(), metric)


def unknown_costs(frame: pd.DataFrame, levels: Sequence[float]) -> dict[tuple[str, str], str]:
    """Return label and metric of cost -> why nobody knows it, where that is so."""
    kept = frame["sigma_y"].isin(levels) & frame["metric"].isin(COST_COLUMNS)
    rows = frame[kept & (frame["n"] == 0) & (frame["reason"] != "")]
    return {(row.label, row.metric): row.reason for row in rows.itertuples()}


def not_known(reason: str | None, notes: dict[str, str]) -> Entry | None:
    """A dash with its reason, with which ``notes`` (text -> letter) grows; None without one."""
    if reason is None:
        return None
    return Entry("—", mark=notes.setdefault(reason, letter(len(notes))), title=reason)


def _key(level: float) -> float | None:
    return None if math.isnan(level) else float(level)
