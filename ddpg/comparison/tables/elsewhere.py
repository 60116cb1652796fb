"""What the tables say of rows that another program has restored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ddpg.comparison.style import MethodStyle
from ddpg.comparison.tables.entries import Table
from ddpg.comparison.tables.layout import identity
from ddpg.study.names import number_name


def read_surveys(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read what ``ddpg job survey-given`` wrote of each row."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def with_given(
    tables: Sequence[Table],
    surveys: Sequence[Mapping[str, Any]],
    styles: Mapping[str, MethodStyle],
) -> list[Table]:
    """Return the tables, each with a sentence on every row of it that was restored elsewhere.

    Noise levels of which the same is to be said share one.

    Args:
        surveys: of :func:`read_surveys`.
        styles: label -> style.
    """
    said: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for survey in surveys:
        row = survey["experiment"]
        scale = float(row["scale"]) if row["scale"] else None
        table = row["dataset"], identity(row["task"], scale, row["operator"])
        of_row = said.setdefault(table, {}).setdefault((row["label"], survey["said"]), [])
        of_row.append(float(row["sigma_y"]))
    notes = {key: _notes(of_table, styles) for key, of_table in said.items()}
    return [
        replace(table, notes=[*table.notes, *notes.get((table.dataset, table.key), [])])
        for table in tables
    ]


def _notes(
    said: Mapping[tuple[str, str], Sequence[float]], styles: Mapping[str, MethodStyle]
) -> list[tuple[str, str]]:
    return [
        ("", f"{styles[label].name}, σ = {', '.join(map(number_name, levels))}: {text}.")
        for (label, text), levels in said.items()
        if label in styles
    ]
