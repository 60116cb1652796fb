"""CSV files that notice, when they are read, that they have changed.

The last column holds, in every row, the CRC-32 of all rows: a changed value, a missing row and a
file that ends early are all found, and the file is still a plain table for everybody else.
"""

from __future__ import annotations

import csv
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.errors import CorruptFileError
from ddpg.files.checksums import REMEDY
from ddpg.files.writing import replacing

COLUMN = "crc32"
"""The last column."""


def write_rows(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    *,
    delimiter: str = ",",
) -> None:
    """Write a CSV file whose last column holds the checksum of all rows.

    Args:
        path: where to, whole or not at all.
        columns: without the checksum's.
        rows: column -> value, written as text; empty where there is none.

    Raises:
        ValueError: a row has a field that is no column.
    """
    lines = [_fields(row, columns) for row in rows]
    seal = _rows_checksum(lines)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow([*columns, COLUMN])
        writer.writerows([*line, seal] for line in lines)


def read_rows(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    *,
    delimiter: str = ",",
    optional: Sequence[str] = (),
    open_ended: bool = False,
) -> list[dict[str, str]]:
    """Read a CSV file as text and compare it with its checksum, where it has one.

    Args:
        columns: those it must have, in order, without the checksum's.
        optional: the last of the columns, which may all be absent; their fields are then empty.
        open_ended: whether other columns may follow, which are read, too.

    Raises:
        CorruptFileError: the file has other columns or a broken line, or has changed since it was
            written.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as stream:
            header, *lines = list(csv.reader(stream, delimiter=delimiter, strict=True)) or [[]]
    except OSError as error:
        raise CorruptFileError(path, f"cannot be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise CorruptFileError(path, f"not a CSV file ({error}); {REMEDY}") from error
    present = header[:-1] if header[-1:] == [COLUMN] else header
    checked = present != header
    compared = present[: len(columns)] if open_ended else present
    if compared not in (list(columns), list(columns[: len(columns) - len(optional)])):
        raise CorruptFileError(path, f"columns must be {', '.join(columns)}; {REMEDY}")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise CorruptFileError(path, f"row {number}: must have {len(header)} fields; {REMEDY}")
    if checked:
        _check_rows(path, lines)
    absent = {column: "" for column in columns if column not in present}
    return [dict(zip(present, line, strict=False)) | absent for line in lines]


def _check_rows(path: str | os.PathLike[str], lines: Sequence[Sequence[str]]) -> None:
    seal = _rows_checksum([line[:-1] for line in lines])
    if any(line[-1] != seal for line in lines):
        raise CorruptFileError(
            path,
            f"its rows have changed or are not all there (their checksum is {seal}, written was "
            f"{lines[0][-1]}); {REMEDY}",
        )


def _fields(row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    if unknown := set(row) - set(columns):
        raise ValueError(f"no such column: {', '.join(sorted(map(str, unknown)))}")
    return [str(row.get(column, "")) for column in columns]


def _rows_checksum(lines: Iterable[Sequence[str]]) -> str:
    value = 0
    for line in lines:
        value = zlib.crc32(json.dumps(list(line)).encode(), value)
    return f"{value:08x}"
