"""The index of a data set: which picture is which, from which file, of which size and class.

The survey of a data set writes it. Where a card itself lists its pictures, :func:`listed_rows` says
what the survey would find, without it: a shard of such a data set depends on its own pictures
alone, whatever happens to the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.places import pictures_folder
from ddpg.errors import UserError
from ddpg.files.csv_files import read_rows, write_rows

COLUMNS = ("id", "source", "sha256", "width", "height", "label")


@dataclass(frozen=True)
class Row:
    """One picture.

    Attributes:
        id: its key in every file of the study.
        source: path of its file below the folder that was surveyed.
        width, height: in pixels, as stored.
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


def listed_rows(card: DatasetCard, positions: Sequence[int], root: Path) -> list[Row]:
    """The pictures at some positions of a card's list.

    Args:
        card: a data set whose list gives paths.
        positions: from 0.
        root: the folder of its source, as for :func:`ddpg.datasets.survey.survey`.

    Returns:
        a row for each; without a checksum where the list has none, sizes are not looked at.

    Raises:
        UserError: the card does not list its pictures, or not as many.
    """
    entries = card.listed()
    if card.listing is None or not card.listing.exact:
        raise UserError(f"{card.name}: the list gives names, no paths; give the survey's --index")
    beyond = [str(position) for position in positions if not 0 <= position < len(entries)]
    if beyond:
        raise UserError(
            f"{card.name}: has {len(entries)} pictures, none at {', '.join(beyond[:10])}"
        )
    inside = PurePosixPath(pictures_folder(card, root).relative_to(root).as_posix())
    return [
        Row(e.id, (inside / e.file).as_posix(), e.sha256 or "", 0, 0, e.label)
        for e in (entries[position] for position in positions)
    ]


def _row(id: str, source: str, sha256: str, width: str, height: str, label: str) -> Row:  # noqa: A002
    return Row(id, source, sha256, int(width), int(height), int(label) if label else None)
