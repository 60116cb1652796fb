"""The scores of every picture, as the page's gallery reads them: one block of JSON per cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ddpg.comparison.grids import OBSERVATION
from ddpg.comparison.statistics.measurements import by_cell, label_styles, of_methods
from ddpg.comparison.statistics.reasons import merged
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.comparison.titles import Titles
from ddpg.study.names import OBSERVED

MOST_LISTED = 2000
"""Images of a data set whose scores the page lists one by one; its tables are of all."""


def image_lists(metrics: pd.DataFrame) -> dict[str, list[str]]:
    """Return data set -> its images in the order of the table, at most :data:`MOST_LISTED`."""
    return {
        str(dataset): [str(image) for image in frame["image"].unique()[:MOST_LISTED]]
        for dataset, frame in metrics.groupby("dataset", sort=False)
    }


def shown_metrics(metrics: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return what the gallery needs to know of each metric that has a value."""
    computed = metric_order(metrics.loc[metrics["value"].notna(), "metric"])
    styles = {name: METRIC_STYLES[name] for name in computed}
    return {
        name: {
            "label": style.label,
            "unit": style.unit,
            "arrow": style.arrow,
            "direction": style.direction,
            "target": style.target,
            "decimals": style.decimals,
            "quality": style.family != "cost",
        }
        for name, style in styles.items()
    }


def cells(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the cells in the order of the sheet: names for programs and for people, and labels."""
    listed = []
    ordered = by_cell(metrics.drop_duplicates("cell"), {})
    groups, titles = dict(list(metrics.groupby("cell", sort=False))), Titles.of(metrics)
    for cell in ordered["cell"]:
        frame = groups[cell]
        first = frame.iloc[0]
        dataset, degradation, sigma = str(cell).split("/")
        listed.append({
            "dataset": dataset,
            "dataset_name": dataset_name(dataset),
            "degradation": degradation,
            "title": titles.degradation(first.task, first.operator, first.scale),
            "sigma": sigma,
            "labels": list(label_styles(of_methods(frame))),
        })  # fmt: skip
    return listed


def scores(metrics: pd.DataFrame, images: Mapping[str, Sequence[str]]) -> dict[tuple, dict]:
    """Return the scores of every cell.

    Args:
        metrics: the long table; of several repeats the first is taken, which is the one shown.

    Returns:
        (data set, degradation, noise level) -> "values": metric -> label -> one number per image,
        or None, or "Infinity"; and "reasons": metric -> label -> why numbers are missing.
    """
    if "repeat" in metrics:
        metrics = metrics[metrics["repeat"] == metrics["repeat"].min()]
    return {
        tuple(str(cell).split("/")): _scores_of(frame, images[frame["dataset"].iloc[0]])
        for cell, frame in metrics.groupby("cell", sort=False)
    }


def _scores_of(frame: pd.DataFrame, images: Sequence[str]) -> dict[str, Any]:
    values: dict[str, dict[str, list]] = {}
    reasons: dict[str, dict[str, str]] = {}
    shown = frame.assign(label=frame["label"].replace(OBSERVED, OBSERVATION))
    for (metric, label), part in shown.groupby(["metric", "label"], sort=False):
        by_image = part.drop_duplicates("image").set_index("image")["value"].reindex(images)
        if part["value"].notna().any():
            decimals = METRIC_STYLES[str(metric)].decimals
            numbers = [_number(value, decimals) for value in by_image.tolist()]
            values.setdefault(str(metric), {})[str(label)] = numbers
        absent = part[part["value"].isna()]
        notes = zip(absent["image"], absent["note"], strict=True)
        if reason := merged(notes, part["image"].nunique()):
            reasons.setdefault(str(metric), {})[str(label)] = reason
    return {"values": values, "reasons": reasons}


def _number(value: float, decimals: int) -> float | int | str | None:
    """A number as JSON can hold it, rounded as it is printed."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return round(value, decimals) if decimals else round(value)
