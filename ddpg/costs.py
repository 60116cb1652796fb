"""What each restored image has cost: a table beside every shard of restorations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.checksums import REMEDY
from ddpg.csv_files import read_rows, write_rows
from ddpg.errors import CorruptFileError

MEASURES = ("seconds", "network_evaluations", "peak_memory_mib")
_COLUMNS = ("image", *MEASURES)


def write_costs(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one row per image: its id under ``image``, and :data:`MEASURES`."""
    write_rows(path, _COLUMNS, rows)


def read_costs(path: Path, images: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of images, in their order.

    Raises:
        CorruptFileError: the file has changed since it was written, or lacks an image.
    """
    found = {row["image"]: row for row in read_rows(path, _COLUMNS)}
    if missing := [name for name in images if name not in found]:
        raise CorruptFileError(path, f"has no row for {', '.join(missing)}; {REMEDY}")
    return [found[name] for name in images]
