"""What was measured: pictures, degradations and methods, as the long table has them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ddpg.study.names import OBSERVED


def measured_record(metrics: Path) -> dict[str, Any]:
    """Return what a long table tells of a study.

    Returns:
        ``pictures``: their number, by data set; ``degradations``: data set, task, operator, scale
        (None where there is none) and noise levels, in the order of the table; ``methods``: label
        -> method; ``repeats``: restorations of a picture.
    """
    pictures: dict[str, set[str]] = {}
    levels: dict[tuple[str, ...], dict[float, None]] = {}
    methods: dict[str, str] = {}
    repeats = 0
    with metrics.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["method"] == OBSERVED:
                continue
            pictures.setdefault(row["dataset"], set()).add(row["image"])
            key = tuple(row[name] for name in ("dataset", "task", "operator", "scale"))
            levels.setdefault(key, {})[float(row["sigma_y"])] = None
            methods.setdefault(row["label"], row["method"])
            repeats = max(repeats, 1 + int(row["repeat"] or 0))
    degradations = [
        {
            "dataset": dataset,
            "task": task,
            "operator": operator,
            "scale": float(scale) if scale else None,
            "sigma_y": list(sigmas),
        }
        for (dataset, task, operator, scale), sigmas in levels.items()
    ]
    return {
        "pictures": {dataset: len(images) for dataset, images in pictures.items()},
        "degradations": degradations,
        "methods": methods,
        "repeats": repeats,
    }
