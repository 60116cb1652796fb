"""Sweeps: rows of one method in one cell that differ in one hyper-parameter alone.

They are found in the same way in a study's sheet, where its figures are planned, and in its table
of metrics, where they are drawn. Nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LEAST = 3
"""Values of a hyper-parameter that make a sweep."""


class Run(NamedTuple):
    """A row of the sheet, as far as sweeps are concerned."""

    place: str
    """What rows of one sweep share: the cell, and whatever else tells them apart."""
    method: str
    label: str
    settings: Mapping[str, str]
    """Hyper-parameters by column, in the spelling of a sheet."""


@dataclass(frozen=True)
class Sweep:
    """One hyper-parameter of a method through several values, all else the same.

    Attributes:
        parameter: its column.
        fixed: the other hyper-parameters, column and value.
        labels: value -> label of the row, in the order of the rows.
    """

    parameter: str
    place: str
    method: str
    fixed: tuple[tuple[str, str], ...]
    labels: Mapping[str, str]


def find_sweeps(runs: Iterable[Run]) -> list[Sweep]:
    """Return every sweep of at least :data:`LEAST` values.

    A grid of two hyper-parameters holds a sweep of the one for each value of the other. Of rows
    with the same settings the first counts.

    >>> runs = [Run("faces", "ddpg", f"g{g}", {"gamma": g, "steps": "20"}) for g in "124"]
    >>> [(sweep.parameter, dict(sweep.labels)) for sweep in find_sweeps(runs)]
    [('gamma', {'1': 'g1', '2': 'g2', '4': 'g4'})]
    """
    groups: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], dict[str, str]] = {}
    for run in runs:
        for parameter, value in run.settings.items():
            fixed = tuple((k, v) for k, v in run.settings.items() if k != parameter)
            labels = groups.setdefault((parameter, run.place, run.method, fixed), {})
            labels.setdefault(value, run.label)
    return [Sweep(*key, labels) for key, labels in groups.items() if len(labels) >= LEAST]


def swept_parameters(runs: Iterable[Run]) -> list[str]:
    """Return the columns of the hyper-parameters that are swept, each once."""
    return list(dict.fromkeys(sweep.parameter for sweep in find_sweeps(runs)))
