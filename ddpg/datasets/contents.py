"""What the pictures of a data set hold, for the specs of the jobs that read them.

A picture that is exchanged for one of the same name, size and date is another picture; so is an
archive, a folder or a list. Everything that lies on this machine is therefore known by its
checksum, which :mod:`ddpg.files.contents` remembers. Nothing here opens a picture or imports torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.choosing import Problems, choose
from ddpg.datasets.matching import find_pictures, walk
from ddpg.datasets.places import package_file, root_folder
from ddpg.errors import UserError
from ddpg.files.contents import digest_of, file_content
from ddpg.files.writing import write_json

FETCHED = Path(".snakemake/ddpg/fetched.json")
"""Below the folder in which Snakemake runs: of which contents each data set was fetched."""


def surveyed_content(card: DatasetCard) -> str:
    """What the pictures that a survey would take hold, with their names, ids and labels.

    Returns:
        a checksum; empty where nothing can be said yet: the pictures are fetched first, or are not
        there.
    """
    if card.source.is_fetched or card.source.prior:
        return ""
    try:
        base = root_folder(card)
        files = find_pictures(base, arrays=card.observations)
    except UserError:
        return ""
    problems = Problems()
    candidates = choose(card, base, base, files, problems)
    rows = [
        (each.id, each.file, each.sha256, each.label, _content(base / each.file))
        for each in candidates
    ]
    return digest_of([rows, problems.kinds])


def listed_contents(card: DatasetCard, positions: Iterable[int]) -> list[str]:
    """What the pictures at some positions of a card's own list hold, one by one.

    Returns:
        a checksum for each, empty for a file that is not there; an empty list where the card does
        not give paths, or its pictures are fetched first.
    """
    listing = card.listing
    if listing is None or not listing.exact or card.source.is_fetched or card.source.prior:
        return []
    try:
        base = root_folder(card)
    except UserError:
        return []
    return [_content(base / listing.entries[position].file) for position in positions]


def fetched_content(card: DatasetCard) -> str:
    """What the archive or folder of this machine holds that a data set is fetched from.

    Where an environment variable names it and is not set now, it is what was fetched last: a study
    that has run must not fetch anew in a shell without the variable.

    Returns:
        a checksum; empty for what comes from the web.
    """
    if card.source.packages:
        return digest_of([(entry.file, _packaged(card, entry.file)) for entry in card.listed()])
    if card.source.local:
        return _tree_content(Path(card.source.local))
    return _noted().get(card.name, "")


def note_fetched(card: DatasetCard) -> None:
    """Write down what a data set was fetched from, for :func:`fetched_content`."""
    if not FETCHED.parent.parent.is_dir():
        return  # not where Snakemake runs
    noted = _noted() | {card.name: fetched_content(card) if card.source.local else ""}
    write_json(FETCHED, noted)


def _noted() -> dict[str, str]:
    try:
        noted = json.loads(FETCHED.read_text(encoding="utf-8"))
        return {str(name): str(content) for name, content in noted.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # not there yet, or not whole


def _content(file: Path) -> str:
    """The checksum of a file; empty where there is none, which the survey tells."""
    with suppress(OSError):
        return file_content(file)
    return ""


def _packaged(card: DatasetCard, file: str) -> str:
    """The checksum of a picture of one of several packages; empty where it is not there."""
    with suppress(UserError):
        return _content(package_file(card, file))
    return ""


def _tree_content(path: Path) -> str:
    """The checksum of a file, or of the names and contents of all files below a folder."""
    if not path.is_dir():
        return _content(path)
    files = sorted(parent / name for parent, _, names in walk(path) for name in names)
    return digest_of(
        [(os.fsencode(file.relative_to(path)).hex(), _content(file)) for file in files]
    )
