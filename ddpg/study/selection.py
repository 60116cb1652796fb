"""Which pictures of a data set take part in a study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.entries import ImageEntry
from ddpg.errors import UserError
from ddpg.study.config import DatasetEntry


@dataclass(frozen=True)
class Selection:
    """Pictures of a data set."""

    positions: tuple[int, ...]
    """Their places in the data set, increasing, from 0."""
    entries: tuple[ImageEntry, ...] | None
    """What the card knows of them, or None where it knows only their number."""

    @property
    def count(self) -> int:
        """How many pictures take part."""
        return len(self.positions)

    def __getitem__(self, part: slice) -> Selection:
        """Some of the pictures, as of a sequence: ``selection[10:20]``."""
        return Selection(self.positions[part], self.entries and self.entries[part])


def selected(entry: DatasetEntry, card: DatasetCard, limit: int | None = None) -> Selection:
    """The pictures that a study takes: its subset, then the first of it.

    Args:
        entry: the data set in the study, with its ``subset`` and ``limit``.
        limit: of the whole study; the smaller of the two counts.

    Raises:
        UserError: the subset names an unknown picture, or is empty.
    """
    limits = [number for number in (entry.limit, limit) if number is not None]
    positions = _subset(entry, card)[: min(limits, default=None)]
    if not positions:
        raise UserError(
            f"datasets: {card.name}: subset: {entry.subset!r} takes none of the {card.count} "
            "pictures"
        )
    listed = card.listing
    entries = None if listed is None else tuple(listed.entries[place] for place in positions)
    return Selection(tuple(positions), entries)


def format_positions(positions: Iterable[int]) -> str:
    """Positions as words of a command line: ``0-9 12``; see :func:`parse_positions`."""
    runs: list[list[int]] = []
    for position in positions:
        if runs and position == runs[-1][1] + 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    return " ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


def parse_positions(words: Iterable[str]) -> list[int]:
    """Positions from words such as ``7`` and ``0-9``, both ends included.

    Raises:
        UserError: a word is neither, or a position comes twice.
    """
    positions: list[int] = []
    for word in words:
        first, _, last = word.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()) or word.endswith("-"):
            raise UserError(f"positions are numbers and ranges such as 7 and 0-9, got {word!r}")
        positions += range(int(first), int(last or first) + 1)
    if len(set(positions)) < len(positions):
        raise UserError(f"a position comes twice: {' '.join(words)}")
    return positions


def _subset(entry: DatasetEntry, card: DatasetCard) -> Sequence[int]:
    """The positions of the subset, in the order of the data set."""
    if entry.subset is None:
        return range(card.count)
    if isinstance(entry.subset, str):
        ends = (int(part) if part.strip() else None for part in entry.subset.split(":"))
        return range(card.count)[slice(*ends)]
    return sorted(_positions_of_ids(entry.subset, card))


def _positions_of_ids(ids: Sequence[str], card: DatasetCard) -> list[int]:
    if card.listing is None:
        raise UserError(
            f"datasets: {card.name}: subset: the ids of this data set are known only once it has "
            "been fetched; give a slice such as '0:100' or '::10'"
        )
    places = {image.id: place for place, image in enumerate(card.listing.entries)}
    unknown = [name for name in ids if name not in places]
    if unknown:
        near = get_close_matches(unknown[0], places, n=5) or list(places)[:5]
        raise UserError(
            f"datasets: {card.name}: subset: no picture {', '.join(map(repr, unknown))}; "
            f"there are {', '.join(near)}{', ...' if len(places) > len(near) else ''}"
        )
    return [places[name] for name in ids]
