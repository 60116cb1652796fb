"""The long table: one row per image x experiment x metric, as CSV.

The tables of shards carry a column with their checksum, see :mod:`ddpg.files.csv_files`. The table
of the study is a plain one, for everybody; its checksum lies beside it, in the format of
``sha256sum``."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.errors import CorruptFileError
from ddpg.files.checksums import REMEDY
from ddpg.files.contents import sha256_of
from ddpg.files.csv_files import read_rows, write_rows
from ddpg.files.writing import replacing

COLUMNS = (
    *("dataset", "task", "operator", "scale", "sigma_y", "method", "label", "prior", "repeat"),
    *("image", "metric", "value", "note"),
)
"""An experiment's identity, then the measurement. ``prior`` is empty for methods without a network.
``value`` is empty where ``note`` says why; with ``seconds`` it says how the network was run, and on
what; with ``network_evaluations`` the method's settings and, after a semicolon, where those come
from that the sheet leaves empty."""


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


def write_long_table(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows of a shard."""
    write_rows(path, COLUMNS, rows)


def read_long_table(path: Path) -> list[dict[str, str]]:
    """Read rows as text.

    Raises:
        CorruptFileError: the file has other columns or a broken line, or has changed since it was
            written.
    """
    check_unchanged(path)
    return read_rows(path, COLUMNS)


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
    with replacing(output) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        digest = sha256_of(temporary)
        with replacing(_checksum_file(output)) as beside:
            beside.write_text(f"{digest}  {output.name}\n", encoding="utf-8")


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
