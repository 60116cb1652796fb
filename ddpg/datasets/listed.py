"""The rows of pictures that a card itself lists: what their survey would find, without it.

A shard of such a data set depends on its own pictures alone, whatever happens to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.index import Row
from ddpg.datasets.places import pictures_folder
from ddpg.errors import UserError


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
