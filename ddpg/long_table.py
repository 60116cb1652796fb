"""The long table: one row per image x experiment x metric, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files import replacing

COLUMNS = (
    *("dataset", "task", "operator", "scale", "sigma_y", "method", "label"),
    *("image", "metric", "value", "note"),
)
"""An experiment's identity, then the measurement. ``value`` is empty where ``note`` says why."""


def write_long_table(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as CSV."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_long_table(path: Path) -> list[dict[str, str]]:
    """Read rows as text.

    Raises:
        UserError: the file has other columns or a broken line, as after a truncated copy.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise UserError(f"{path}: columns must be {', '.join(COLUMNS)}")
        rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise UserError(f"{path}, row {number}: must have {len(COLUMNS)} fields; remove it")
    return rows


def collect(tables: Sequence[Path], output: Path) -> None:
    """Put the tables of all shards into one, in the order given.

    Raises:
        UserError: a table is broken or empty.
    """
    rows: list[dict[str, str]] = []
    for table in tables:
        found = read_long_table(table)
        if not found:
            raise UserError(f"{table}: holds no measurement; remove the file to have it made again")
        rows += found
    write_long_table(output, rows)
