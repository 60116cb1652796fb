"""The long table: one row per image x experiment x metric, as CSV.

The tables of shards carry a column with their checksum, see :mod:`ddpg.files.csv_files`. The table
of the study is a plain one, for everybody; its checksum lies beside it, in the format of
``sha256sum``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.errors import CorruptFileError
from ddpg.files.checksums import REMEDY
from ddpg.files.contents import sha256_of
from ddpg.files.csv_files import COLUMN as CHECKSUM
from ddpg.files.csv_files import read_rows, write_rows
from ddpg.files.writing import replacing, write_text

COLUMNS = (
    *("dataset", "task", "operator", "scale", "sigma_y", "method", "label", "prior", "repeat"),
    *("image", "metric", "value", "note"),
)
"""An experiment's identity, then the measurement. ``prior`` is empty for methods without a network.
``value`` is empty where ``note`` says why; with ``seconds`` it says how the network was run, and on
what; with ``network_evaluations`` the method's settings and, after a semicolon, where those come
from that the sheet leaves empty.

Behind them a table has one column for each hyper-parameter of a method in it, with the value that
was used in the spelling of a sheet, exact, and empty for other methods; then :data:`ORIGINS`."""

ORIGINS = "origins"
"""The last column: beside ``network_evaluations`` where the method's hyper-parameters come from,
see :func:`packed_origins`."""

TAKEN = frozenset({*COLUMNS, ORIGINS, CHECKSUM, "cell", "draws", "settings"})
"""Columns that no hyper-parameter can have."""


def setting_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns of a table that hold hyper-parameters; none for one that says nothing.

    >>> setting_columns([*COLUMNS, "gamma", "steps", "origins", "crc32"])
    ['gamma', 'steps']
    """
    if ORIGINS not in columns:
        return []
    last = COLUMNS[-1]
    between = columns[columns.index(last) + 1 : columns.index(ORIGINS)] if last in columns else []
    return [name for name in between if name not in TAKEN]


def note_of(image: str, reason: str) -> str:
    """Return the note on a value that one image lacks; it names the image.

    >>> note_of("cat", "dps diverged")
    'cat: dps diverged'
    """
    return f"{image}: {reason}"


def reason_in(note: str, image: str) -> str:
    """Return the reason in a note without the image's name, where it has it; see :func:`note_of`.

    >>> reason_in("cat: dps diverged", "cat"), reason_in("no backbone", "cat")
    ('dps diverged', 'no backbone')
    """
    return note.removeprefix(f"{image}: ")


def packed_origins(origins: Mapping[str, str]) -> str:
    """Return where hyper-parameters come from, by column, as a JSON object of lists by origin.

    >>> packed_origins({"steps": "default", "gamma": "sheet", "zeta": "default"})
    '{"default": ["steps", "zeta"], "sheet": ["gamma"]}'
    """
    columns: dict[str, list[str]] = {}
    for column, origin in origins.items():
        columns.setdefault(origin, []).append(column)
    return json.dumps(columns, ensure_ascii=False)


def unpacked_origins(text: str) -> dict[str, str]:
    """Return the origins by column; none of an empty field."""
    packed = json.loads(text) if text else {}
    return {column: origin for origin, columns in packed.items() for column in columns}


def write_long_table(
    path: Path, rows: Iterable[Mapping[str, object]], settings: Sequence[str] = ()
) -> None:
    """Write the rows of a shard.

    Args:
        settings: columns of hyper-parameters that the rows have beside :data:`COLUMNS`.
    """
    further = (*settings, ORIGINS) if settings else ()
    write_rows(path, (*COLUMNS, *further), rows)


def read_long_table(path: Path) -> list[dict[str, str]]:
    """Read rows as text.

    Raises:
        CorruptFileError: the file has other columns or a broken line, or has changed since it was
            written.
    """
    check_unchanged(path)
    return read_rows(path, COLUMNS, open_ended=True)


def collect(tables: Sequence[Path], output: Path) -> None:
    """Put the tables of all shards into one, in the order given.

    Raises:
        CorruptFileError: a table is broken, empty, or not as it was written.
    """
    rows: list[dict[str, str]] = []
    for table in tables:
        measured = read_long_table(table)
        if not measured:
            raise CorruptFileError(table, f"holds no measurement; {REMEDY}")
        rows += measured
    rows = _with_their_settings(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if ORIGINS in columns:
        columns = [*(name for name in columns if name != ORIGINS), ORIGINS]
    with replacing(output) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        digest = sha256_of(temporary)
        write_text(_checksum_file(output), f"{digest}  {output.name}\n")


def _with_their_settings(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Rows with the hyper-parameters of their experiment, also those of tables without columns of
    their own, such as what several restorations were measured by."""
    used: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        settings = {name: row[name] for name in setting_columns(list(row))}
        if settings:
            used.setdefault(_experiment(row), settings)
    return [row | used.get(_experiment(row), {}) for row in rows]


def _experiment(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in COLUMNS[: COLUMNS.index("repeat")])


def check_unchanged(path: Path) -> None:
    """Compare a table with the checksum beside it, if there is one.

    Raises:
        CorruptFileError: the table has changed since it was written.
    """
    beside = _checksum_file(path)
    if not (beside.is_file() and path.is_file()):
        return
    expected, _, _ = beside.read_text(encoding="utf-8").partition(" ")
    if sha256_of(path) != expected:
        raise CorruptFileError(
            path, f"has changed since it was written, says {beside.name}; {REMEDY}"
        )


def _checksum_file(table: Path) -> Path:
    return table.with_name(f"{table.name}.sha256")
