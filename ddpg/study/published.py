"""The table of published figures that a study names, checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ddpg.errors import UserError
from ddpg.files.text import decimal_comma, read_table, written_number
from ddpg.metrics.catalogue import metric_called
from ddpg.validation import listed, shown

COLUMNS = ("dataset", "task", "sigma_y", "method", "psnr", "lpips", "source")
NUMBERS = ("sigma_y", "psnr", "lpips")
CONVENTIONS = ("psnr_metric", "lpips_metric")
"""Columns that may be there: the metric of the catalogue that a figure was measured by."""


def published_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The rows of a table of published figures, as text.

    Args:
        path: fields separated by commas, semicolons or tabs, with the columns :data:`COLUMNS` and
            perhaps :data:`CONVENTIONS`.

    Raises:
        UserError: the file cannot be read, lacks a column, holds a number that is none, or names
            no cell of a method, or one twice; all problems at once.
    """
    known = (*COLUMNS, *CONVENTIONS)
    table = read_table(path, separators=(",", "\t", ";"), known=known)
    if not table:
        raise UserError(f"{path}: not a readable table of published figures: it is empty")
    header = table[0].fields
    if missing := [column for column in COLUMNS if column not in header]:
        raise UserError(f"{path}: missing column {', '.join(missing)}")
    if twice := [column for column in COLUMNS if header.count(column) > 1]:
        raise UserError(f"{path}: the column {twice[0]!r} appears more than once")
    problems, rows = [], []
    lines: dict[tuple[str, ...], int] = {}
    for row in table[1:]:
        if len(row.fields) > len(header):
            problems.append(f"{path}, line {row.line}: has more fields than the header")
        named = dict.fromkeys(header, "") | dict(zip(header, row.fields, strict=False))
        rows.append(dict.fromkeys(CONVENTIONS, "") | named)
        problems += [
            f"{path}, line {row.line}: column {column}: must be a number, got "
            f"{shown(named[column])}{decimal_comma(named[column])}"
            for column in NUMBERS
            if named[column] and not _is_number(named[column])
        ]
        problems += [f"{path}, line {row.line}: {problem}" for problem in _cell_problems(named)]
        cell = _cell(named)
        first = lines.setdefault(cell, row.line)
        if first != row.line:
            problems.append(
                f"{path}, line {row.line}: two rows for {', '.join(cell)}; line {first} has the "
                "other"
            )
    if problems:
        raise UserError(listed(problems))
    if not rows:
        raise UserError(f"{path}: holds no row")
    return rows


def _cell_problems(row: Mapping[str, str]) -> Iterator[str]:
    """What keeps a row from saying which of a study's results it stands beside."""
    for column in ("dataset", "task", "sigma_y", "method"):
        if not row[column]:
            yield f"column {column}: is required"
    for column in CONVENTIONS:
        if metric := row.get(column):
            try:
                metric_called(metric)
            except ValueError as error:
                yield f"column {column}: {error}, got {metric!r}"
    if _is_number(row["sigma_y"]) and not 0 <= written_number(row["sigma_y"]) <= 1:
        yield f"column sigma_y: must lie in [0, 1], got {row['sigma_y']}"


def _cell(row: Mapping[str, str]) -> tuple[str, ...]:
    """Data set, task, noise level and method, equal where they mean the same."""
    level = row["sigma_y"]
    named = str(float(written_number(level))) if _is_number(level) else level
    return (row["dataset"], row["task"], named, row["method"])


def _is_number(text: str) -> bool:
    try:
        written_number(text)
    except ValueError:
        return False
    return True
