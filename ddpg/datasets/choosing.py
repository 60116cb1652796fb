"""Which files of a source are the pictures of its data set, and what is wrong with them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.entries import ImageEntry, made_id
from ddpg.datasets.lists import Listing, read_list
from ddpg.datasets.matching import FileFinder, arrays_first
from ddpg.datasets.places import find_list
from ddpg.errors import UserError

log = logging.getLogger(__name__)

SHOWN = 20
"""How many problems of a kind are told one by one."""


class Problems:
    """Collects problems by kind, in the order in which the kinds are first met."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def add(self, kind: str, *items: str) -> None:
        """Add problems of a kind; a kind may stand without items."""
        self._kinds.setdefault(kind, []).extend(items)

    @property
    def kinds(self) -> dict[str, list[str]]:
        """What was collected, by kind."""
        return {kind: list(items) for kind, items in self._kinds.items()}

    def raise_any(self, place: str) -> None:
        """Raise what was collected, if anything.

        Args:
            place: what the problems are about, which heads the message.

        Raises:
            UserError: all problems, the first of each kind one by one.
        """
        if not self._kinds:
            return
        lines = [f"{place}: the pictures cannot be used as they are:"]
        for kind, items in self._kinds.items():
            lines += [f"  {kind}{f' ({len(items)}):' if items else ''}", *_shown(items)]
        raise UserError("\n".join(lines))


@dataclass(frozen=True)
class Candidate:
    """A file that should be a picture of the data set; its id may turn out not to be one."""

    id: str
    file: str
    sha256: str | None = None
    label: int | None = None


def choose(
    card: DatasetCard, root: Path, base: Path, files: Sequence[str], problems: Problems
) -> list[Candidate]:
    """The pictures of a data set, as its card, its list or its folder says.

    Args:
        root: the folder of the source, where a list may lie.
        problems: receives missing and ambiguous files and wrong counts.
    """
    listing = card.listing
    exact = arrays_first(files)
    everything = [Candidate(made_id(file), file) for file in exact]
    if listing is None and card.list_in_source is None:
        if len(exact) != card.count:
            problems.add(_wrong_count(card, exact))
        _note_beside_arrays(files, exact)
        return everything
    if listing is None:
        try:
            listing = read_list(find_list(card.list_in_source or "", root, base))
        except UserError as error:
            problems.add("the list of the pictures cannot be used", *str(error).splitlines())
            return everything
        if len(listing.entries) != card.count:
            problems.add(
                f"the card says {card.count} pictures, its list {card.list_in_source} has "
                f"{len(listing.entries)}"
            )
    candidates = _listed(listing, base, files, problems)
    _note_unlisted(files, candidates)
    return candidates


def _wrong_count(card: DatasetCard, files: Sequence[str]) -> str:
    """The counts, with what each folder holds, which shows where the wanted pictures are."""
    counts = Counter(PurePosixPath(file).parent.as_posix() for file in files)
    spread = [f"{'the top' if name == '.' else name}: {n}" for name, n in sorted(counts.items())]
    more = f" and {len(spread) - SHOWN} more folders" if len(spread) > SHOWN else ""
    where = f" ({', '.join(spread[:SHOWN])}{more})" if len(spread) > 1 else ""
    return f"the card says {card.count} pictures, the source has {len(files)}{where}"


def _listed(
    listing: Listing, base: Path, files: Sequence[str], problems: Problems
) -> list[Candidate]:
    """The files that a list means."""
    finder = FileFinder(files)
    used: dict[str, list[str]] = defaultdict(list)
    candidates = []
    for entry in listing.entries:
        file = _file_of(entry, listing.exact, base, finder, problems)
        if file:
            used[file].append(entry.file)
            candidates.append(Candidate(entry.id, file, entry.sha256, entry.label))
    for file, names in used.items():
        if len(names) > 1:
            problems.add("names of the list that mean the same file", f"{file}: {', '.join(names)}")
    return candidates


def _file_of(
    entry: ImageEntry, exact: bool, base: Path, finder: FileFinder, problems: Problems
) -> str | None:
    """The file that an entry means, or None after the problem has been noted."""
    if exact and (base / entry.file).is_file():
        return entry.file
    meant = arrays_first(finder.find(entry.file))
    if len(meant) == 1 and not exact:
        return meant[0]
    if not meant or exact:
        hint = f" (there is {', '.join(meant[:3])})" if meant else ""
        problems.add("pictures that are listed and not there", f"{entry.file}{hint}")
    else:
        problems.add(
            "names of the list that mean several files", f"{entry.file}: {', '.join(meant)}"
        )
    return None


def _note_unlisted(files: Sequence[str], candidates: Sequence[Candidate]) -> None:
    chosen = {candidate.file for candidate in candidates}
    others = [file for file in files if file not in chosen]
    if others:
        shown = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
        log.info("%d pictures are not listed and take no part: %s", len(others), shown)


def _note_beside_arrays(files: Sequence[str], exact: Sequence[str]) -> None:
    others = len(files) - len(exact)
    if others:
        log.info("%d pictures stand beside arrays of their names, which count instead", others)


def _shown(items: list[str]) -> Iterable[str]:
    yield from (f"    {item}" for item in items[:SHOWN])
    if len(items) > SHOWN:
        yield f"    and {len(items) - SHOWN} more"
