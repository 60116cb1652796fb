"""The index of a data set: which picture is which, from which file, of which size and class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.csv_files import read_rows, write_rows

COLUMNS = ("id", "source", "sha256", "width", "height", "label")


@dataclass(frozen=True)
class Row:
    """One picture.

    Attributes:
        id: its key in every file of the study.
        source: path of its file below the folder that was surveyed.
        sha256: of the file.
        width, height: in pixels, as stored.
        label: its class, or None.
    """

    id: str
    source: str
    sha256: str
    width: int
    height: int
    label: int | None = None


def write_index(rows: Iterable[Row], path: Path) -> None:
    """Write an index (tab-separated), whole or not at all."""
    fields = [asdict(row) for row in rows]
    for row in fields:
        row["label"] = "" if row["label"] is None else row["label"]
    write_rows(path, COLUMNS, fields, delimiter="\t")


def read_index(path: Path) -> list[Row]:
    """Read an index.

    Raises:
        UserError: the file is missing, is not an index, or has changed since it was written.
    """
    rows = read_rows(path, COLUMNS, delimiter="\t")
    try:
        return [_row(**row) for row in rows]
    except ValueError as error:
        raise UserError(f"{path}: is not the index of a data set: {error}") from error


def _row(id: str, source: str, sha256: str, width: str, height: str, label: str) -> Row:  # noqa: A002
    return Row(id, source, sha256, int(width), int(height), int(label) if label else None)
