"""Getting a checkpoint: from the web, from a place on this machine, or drawn at random."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ddpg.errors import CorruptFileError, UserError
from ddpg.fetching import FetchError, Remote, fetch
from ddpg.fetching.checks import Demand, measure
from ddpg.priors.cards.card import Card, CardError, read_card
from ddpg.priors.cards.own_files import own_file
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.priors.checkpoints.records import (
    Record,
    is_pinned,
    pin_key,
    pin_problem,
    read_record,
    take_note,
)

log = logging.getLogger(__name__)


def fetch_checkpoint(
    name_or_card: str | os.PathLike[str],
    part: str,
    output: Path,
    *,
    pins: Path,
    record: Path | None = None,
    seen: str = "",
) -> None:
    """Put a prior's checkpoint, verified, where it belongs.

    Args:
        output: where to; a right file that is there stays as it is.
        record: also write down here what the file holds, as JSON.
        seen: what planning saw of it, see :func:`ddpg.priors.checkpoints.records.seen_before`.

    Raises:
        UserError: the card has no such part, or the file cannot be had; the message says what
            was tried and how to put it there by hand.
    """
    card = read_card(name_or_card)
    entry, _ = card.part(part)
    if entry.random_seed is not None:
        from ddpg.priors.checkpoints.conversion import random_checkpoint

        log.warning("%s: the %s of %s are drawn at random", card.path, part, card.name)
        random_checkpoint(card, part, output, seed=entry.random_seed)
    else:
        _fetch(card, part, output, None if entry.path else pins)
    if record is not None:
        sums = measure(output)
        take_note(output, sums.sha256, seen)
        Record(entry.file, *sums).write(record)


def obtain(card: Card, part: str, *, pins: Path, record: Path | None = None) -> Path:
    """The verified checkpoint of a part: the user's own, or the one that is fetched.

    Args:
        part: "weights" or "classifier", with a checkpoint that is not drawn at random.
        record: what was fetched for this study; another file is refused.

    Raises:
        UserError: it cannot be had, or is not the expected one.
    """
    file = own_file(card, part)
    if file is not None:
        if not file.is_file():
            raise CardError(card.path, f"{part}: there is no file {file}")
        if problem := pin_problem(card, part, pins):
            raise UserError(problem)
        check_given(card, part, file, pins=pins)
        return file
    file = downloaded_path(card, part)
    _fetch(card, part, file, pins)
    if record is not None and (sha256 := measure(file).sha256) != read_record(record).sha256:
        raise CorruptFileError(
            file,
            f"is another file than the one that was fetched: it has sha256 {sha256}, {record} says "
            f"{read_record(record).sha256}; run again",
        )
    return file


def check_given(card: Card, part: str, file: Path, *, pins: Path) -> None:
    """Hold a checkpoint that is given by its path to the lock file of checksums.

    Raises:
        UserError: it is not the pinned one.
    """
    demand = Demand(card.part(part)[0], pins, pin_key(card, part))
    if is_pinned(card, part) and (problem := demand.judged(measure(file))):
        raise UserError(f"{file} {problem}")


def _fetch(card: Card, part: str, output: Path, pins: Path | None) -> None:
    try:
        fetch(remote(card, part), output, pins=pins, key=pin_key(card, part))
    except FetchError as error:
        beside = card.local(part)
        if beside is None or own_file(card, part) is not None:
            raise
        raise FetchError(f"{error}; or put it beside its card: {beside}", error.reasons) from error


def remote(card: Card, part: str) -> Remote:
    """A part's checkpoint, with the user's own file as the path."""
    local = own_file(card, part)
    path = "" if local is None else str(local.absolute())
    return card.part(part)[0].model_copy(update={"path": path})
