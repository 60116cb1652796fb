"""From the long table of metrics to means, standard errors and ranks.

Every figure and table of the comparison starts from :func:`summarise`, so that a number is the
same wherever it is shown.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from ddpg.comparison.style import (
    METRIC_STYLES,
    MethodStyle,
    method_styles,
    metric_order,
    task_order,
)
from ddpg.errors import UserError

DEGRADATION_KEYS = ["dataset", "task", "operator", "scale"]
CELL_KEYS = [*DEGRADATION_KEYS, "sigma_y"]
SUMMARY_KEYS = [*CELL_KEYS, "method", "label", "metric"]
COLUMNS = [*CELL_KEYS, "method", "label", "image", "metric", "value", "note"]
_TEXT = ["dataset", "task", "operator", "method", "label", "image", "metric", "note"]


def read_metrics(*paths: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the long table of metrics, or the parts of one.

    Args:
        paths: CSV files with the columns :data:`COLUMNS`.

    Returns:
        the table; ``scale``, ``sigma_y`` and ``value`` are floats, the rest text.

    Raises:
        UserError: a column is missing, a number is none, or an image appears twice.
    """
    frame = pd.concat([_read_part(Path(path)) for path in paths], ignore_index=True)
    return check_metrics(frame, ", ".join(os.fspath(path) for path in paths))


def _read_part(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise UserError(f"{path}: missing column {', '.join(missing)}")
    for column in ("scale", "sigma_y", "value"):
        try:
            numbers = frame[column].mask(frame[column].str.lower().isin(["", "nan"]))
            frame[column] = pd.to_numeric(numbers).astype(float)
        except ValueError as error:
            raise UserError(f"{path}: column {column}: {error}") from error
    return frame


def check_metrics(frame: pd.DataFrame, source: object = "metrics") -> pd.DataFrame:
    """Return the table if no measurement appears twice and all its names are known.

    Raises:
        UserError: an image has two values of one metric, or a method or metric is unknown.
    """
    identity = [*CELL_KEYS, "label", "image", "metric"]
    repeated = frame[frame.duplicated(identity)]
    if len(repeated):
        row = ", ".join(f"{value}" for value in repeated.iloc[0][identity])
        raise UserError(f"{source}: two rows for {row}")
    metric_order(frame["metric"])
    label_styles(frame)
    return frame


def label_styles(frame: pd.DataFrame) -> dict[str, MethodStyle]:
    """Return label -> style for the labels of a table, in the order in which they are shown.

    Raises:
        UserError: a label stands for two methods, or a method has no style.
    """
    pairs = frame[["label", "method"]].drop_duplicates()
    twice = pairs[pairs["label"].duplicated()]
    if len(twice):
        raise UserError(f"label {twice.iloc[0]['label']!r} stands for more than one method")
    return method_styles(dict(zip(pairs["label"], pairs["method"], strict=True)))


def summarise(metrics: pd.DataFrame) -> pd.DataFrame:
    """Aggregate over the images.

    Args:
        metrics: a long table, see :func:`read_metrics`.

    Returns:
        one row per cell, label and metric: :data:`SUMMARY_KEYS`, then ``mean``,
        ``standard_error`` (sample deviation over sqrt(n); empty for n < 2), ``n`` (values that
        were computed), ``missing`` (values that were not), ``reason`` (why not), ``rank`` (1 for
        the best of the cell's methods, 2 for the second; ties share it; empty without a value or
        without a rival).
    """
    grouped = metrics.groupby(SUMMARY_KEYS, dropna=False, sort=False)
    summary = grouped["value"].agg(
        mean="mean", standard_error=_standard_error, n="count", size="size"
    )
    summary["missing"] = summary.pop("size") - summary["n"]
    absent = metrics[metrics["value"].isna()]
    reasons = absent.groupby(SUMMARY_KEYS, dropna=False)["note"].agg(_join_reasons)
    summary["reason"] = reasons.reindex(summary.index).fillna("")
    return _sort(_rank(summary.reset_index()))


def _standard_error(values: pd.Series) -> float:
    """The standard error of the mean of the values that are there."""
    values = values.dropna()
    if len(values) < 2 or not np.isfinite(values).all():
        return np.nan
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _join_reasons(notes: pd.Series) -> str:
    """The different reasons, once each."""
    return "; ".join(sorted({note.strip() for note in notes if note.strip()}))


def _rank(summary: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of every cell by the mean as it is printed, so that equal prints tie."""
    direction = summary["metric"].map(lambda metric: METRIC_STYLES[metric].direction)
    decimals = summary["metric"].map(lambda metric: METRIC_STYLES[metric].decimals)
    printed = [round(mean, digits) for mean, digits in zip(summary["mean"], decimals, strict=True)]
    keys = [*CELL_KEYS, "metric"]
    score = summary[keys].assign(score=pd.Series(printed, index=summary.index) * direction)
    groups = score.groupby(keys, dropna=False)["score"]
    rank = groups.rank(method="dense", ascending=False)
    return summary.assign(rank=rank.where(groups.transform("count") > 1))


def _sort(summary: pd.DataFrame) -> pd.DataFrame:
    """Cells in their natural order; within a cell, metrics and labels as they are shown."""
    order = {
        "label": list(label_styles(summary)),
        "metric": list(METRIC_STYLES),
        "task": task_order(summary["task"]),
    }

    def position(column: pd.Series) -> pd.Series:
        return column.map(order[column.name].index) if column.name in order else column

    keys = [*CELL_KEYS, "metric", "label"]
    return summary.sort_values(
        keys, key=position, na_position="first", kind="stable", ignore_index=True
    )
