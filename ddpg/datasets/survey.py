"""The survey of a data set: its source is compared with its card, and every file is decoded.

Whatever is wrong is told in one message, because nobody wants to learn of a thousand pictures one
by one.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ddpg.datasets.arrays import inspect_array, is_array
from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.choosing import Candidate, Problems, choose
from ddpg.datasets.entries import folded, name_problem
from ddpg.datasets.index import Row, write_index
from ddpg.datasets.matching import find_pictures, left_out
from ddpg.datasets.places import pictures_folder, root_folder
from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.images import inspect_image

MINIMUM_SIDE = 8
"""A study has no smaller images, so that a smaller picture is an icon that strayed in."""

_NO_NAME = "names under which no picture can be listed"

log = logging.getLogger(__name__)


def survey_dataset(card: DatasetCard, output: Path, *, fetched: Path | None = None) -> None:
    """Check every picture of a data set and write its index.

    Args:
        fetched: what ``ddpg job fetch-dataset`` made, for an archive or what the web has.

    Raises:
        UserError: everything that is wrong with the pictures, in one message.
    """
    rows = drawn(card) if card.source.prior else survey(card, root_folder(card, fetched))
    write_index(rows, output)
    log.info("%s: %d pictures", output, len(rows))


def drawn(card: DatasetCard) -> list[Row]:
    """The index of pictures that are drawn from a prior: names alone, nothing is to be checked."""
    source = f"drawn from {card.source.prior}, seed {card.source.seed}"
    return [Row(entry.id, source, "", 0, 0, None) for entry in card.listed()]


def survey(card: DatasetCard, root: Path) -> list[Row]:
    """Find the pictures of a data set and check all of them.

    Args:
        root: the folder of its source: the package's or the card's own folder, or the one that
            ``ddpg job fetch-dataset`` made.

    Returns:
        a row for each picture, in the order of the data set: that of its list, or the natural
        order of the ids where there is none.

    Raises:
        UserError: the source is not there, or the pictures are not what the card says.
    """
    base = pictures_folder(card, root)
    problems = Problems()
    arrays = card.observations
    candidates = choose(card, root, base, find_pictures(base, arrays=arrays), problems)
    others = left_out(base, arrays=arrays)
    if card.listing is None and card.list_in_source is None and others:
        log.warning("%s: %s are no pictures by their names, and left out", base, others)
    _check_ids(candidates, problems)
    _check_labels(candidates, problems)
    inside = PurePosixPath(base.relative_to(root).as_posix())
    rows = [row for each in candidates if (row := _inspected(each, base, inside, problems))]
    problems.raise_any(f"{card.name}: {base}")
    _note_same_content(rows)
    return rows


def _check_ids(candidates: Iterable[Candidate], problems: Problems) -> None:
    """Names can be told, and no two ids are the same to some file system or some eye."""
    alike: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        alike[folded(candidate.id)].append(candidate)
        if problem := name_problem(candidate.file):
            problems.add(_NO_NAME, f"{candidate.file!r} {problem}")
    for group in alike.values():
        if len(group) > 1:
            files = " and ".join(repr(candidate.file) for candidate in group)
            problems.add(
                "names that differ in case, suffix, separators or Unicode form only; rename one "
                "of each, or let `ddpg index-folder` give them ids",
                f"{files} (id {group[0].id})",
            )


def _check_labels(candidates: Iterable[Candidate], problems: Problems) -> None:
    """Either every picture has a class or none."""
    unlabelled = [candidate.file for candidate in candidates if candidate.label is None]
    if any(candidate.label is not None for candidate in candidates):
        for file in unlabelled:
            problems.add("pictures without a label, while others have one", repr(file))


def _inspected(
    candidate: Candidate, base: Path, inside: PurePosixPath, problems: Problems
) -> Row | None:
    """The row of a picture, or None after its problems have been noted."""
    path = base / candidate.file
    try:
        width, height = inspect_array(path) if is_array(path) else inspect_image(path)
        sha256 = sha256_of(path)
    except UserError as error:
        problems.add("pictures that cannot be read", str(error).removeprefix(f"{base}/"))
        return None
    if min(width, height) < MINIMUM_SIDE:
        problems.add(
            f"pictures smaller than {MINIMUM_SIDE} x {MINIMUM_SIDE}",
            f"{candidate.file}: {width} x {height}",
        )
    if candidate.sha256 not in (None, sha256):
        problems.add(
            "files that are not the ones listed",
            f"{candidate.file}: sha256 {sha256}, expected {candidate.sha256}",
        )
    source = (inside / candidate.file).as_posix()
    return Row(candidate.id, source, sha256, width, height, candidate.label)


def _note_same_content(rows: Iterable[Row]) -> None:
    copies = [number for number in Counter(row.sha256 for row in rows).values() if number > 1]
    if copies:
        log.warning("%d pictures are copies of others, to the byte", sum(copies) - len(copies))
