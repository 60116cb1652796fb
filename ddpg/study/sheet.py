"""The grid: rows of the experiment sheet -> experiments in cells.

A *cell* is a data set x degradation x noise level; an *experiment* is one method in one cell,
named by its label.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ddpg.errors import UserError
from ddpg.samplers.methods import find_method, hyper_parameter_columns, parse_hyper_parameters
from ddpg.study.config import IDENTIFIER
from ddpg.study.degradations import Degradation, check_degradation

IDENTITY_COLUMNS = ("dataset", "task", "operator", "scale", "sigma_y", "method", "label")
REQUIRED_COLUMNS = ("dataset", "task", "sigma_y", "method")


@dataclass(frozen=True)
class Cell:
    """One data set, degraded in one way at one noise level."""

    dataset: str
    degradation: Degradation
    sigma_y: float

    @property
    def path(self) -> str:
        """The cell's folder below a stage's folder of results."""
        return f"{self.dataset}/{self.degradation.key}/{self.sigma_y:g}"


@dataclass(frozen=True)
class Experiment:
    """One row of the sheet: a method in a cell, with its hyper-parameters completed.

    Methods that draw random numbers may restore every image several times; each repetition is an
    experiment of its own.
    """

    cell: Cell
    method: str
    label: str
    hyper_parameters: Mapping[str, int | float | str] = field(hash=False)
    repeat: int = 0

    @property
    def path(self) -> str:
        """The experiment's folder below a stage's folder of results."""
        repetition = f"/repeat-{self.repeat}" if self.repeat else ""
        return f"{self.cell.path}/{self.label}{repetition}"


def read_sheet(
    path: str | Path, datasets: list[str], *, steps: int | None = None
) -> list[Experiment]:
    """Read and check an experiment sheet.

    Args:
        path: a tab-separated file; lines that begin with ``#`` are comments.
        datasets: names of the study's data sets.
        steps: for rows that leave this field empty, where the method takes steps; the method's own
            default if None.

    Returns:
        the experiments in the order of the rows.

    Raises:
        UserError: all problems at once, one a line: file, line, column, found, allowed.
    """
    columns, rows = _rows(Path(path))
    _check_columns(columns, str(path))
    problems: list[str] = []
    experiments: list[Experiment] = []
    seen: dict[str, int] = {}
    methods: dict[str, str] = {}
    for number, row in rows:
        try:
            experiment = _experiment(row, datasets, steps)
            if experiment.path in seen:
                raise UserError(
                    f"label: the cell already has {experiment.label!r} in line "
                    f"{seen[experiment.path]}; give one of the rows another label"
                )
            if methods.setdefault(experiment.label, experiment.method) != experiment.method:
                raise UserError(
                    f"label: {experiment.label!r} stands for {methods[experiment.label]} in "
                    f"another row; a label must mean one method throughout"
                )
        except UserError as error:
            problems.append(f"{path}, line {number}: {error}")
        else:
            seen[experiment.path] = number
            experiments.append(experiment)
    if problems:
        raise UserError("\n".join(problems))
    if not experiments:
        raise UserError(f"{path}: holds no experiment")
    return experiments


def _rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header and the numbered rows of a sheet, without comments and empty lines."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text") from error
    kept = [
        (number, [cell.strip() for cell in next(csv.reader([line], delimiter="\t"))])
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not kept:
        raise UserError(f"{path}: has no header; columns: {', '.join(IDENTITY_COLUMNS)}, ...")
    header = kept[0][1]
    rows = []
    for number, cells in kept[1:]:
        if len(cells) > len(header):
            raise UserError(
                f"{path}, line {number}: has {len(cells)} fields, the header has {len(header)}"
            )
        rows.append((number, dict(zip(header, cells + [""] * len(header), strict=False))))
    return header, rows


def _check_columns(columns: list[str], path: str) -> None:
    allowed = (*IDENTITY_COLUMNS, *hyper_parameter_columns())
    for column in columns:
        if column not in allowed:
            raise UserError(f"{path}: unknown column {column!r}; allowed: {', '.join(allowed)}")
        if columns.count(column) > 1:
            raise UserError(f"{path}: the column {column!r} appears more than once")
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise UserError(f"{path}: the column {column!r} is missing")


def _experiment(row: Mapping[str, str], datasets: list[str], steps: int | None) -> Experiment:
    """Check one row; the errors name the column."""
    if row["dataset"] not in datasets:
        raise UserError(
            f"dataset: unknown data set {row['dataset']!r}; this study has: {', '.join(datasets)}"
        )
    degradation = check_degradation(
        row["task"], row.get("operator", ""), _number(row, "scale") if row.get("scale") else None
    )
    sigma_y = _number(row, "sigma_y")
    if not 0 <= sigma_y <= 1:
        raise UserError(f"sigma_y: must lie in [0, 1], got {row['sigma_y']!r}")
    try:
        method = find_method(row["method"])
        given = {name: row[name] for name in hyper_parameter_columns() if row.get(name)}
        if steps is not None and any(p.name == "steps" for p in method.parameters):
            given = {"steps": str(steps)} | given
        hyper_parameters = parse_hyper_parameters(method.name, given, columns=True)
    except ValueError as error:
        raise UserError(str(error)) from error
    if method.enlarges and degradation.scale is None:
        raise UserError(f"method: {method.name} enlarges; it cannot restore {degradation.task!r}")
    label = row.get("label") or method.name
    if not re.fullmatch(IDENTIFIER, label):
        raise UserError(f"label: must match {IDENTIFIER} (it names a folder), got {label!r}")
    cell = Cell(row["dataset"], degradation, float(sigma_y))
    return Experiment(cell, method.name, label, hyper_parameters)


def _number(row: Mapping[str, str], column: str) -> int | float:
    try:
        value = float(row[column])
    except ValueError:
        raise UserError(f"{column}: must be a number, got {row[column]!r}") from None
    return int(value) if value.is_integer() else value
