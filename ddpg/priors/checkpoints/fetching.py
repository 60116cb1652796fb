"""Getting a checkpoint: from the web, from a place on this machine, or drawn at random."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ddpg.fetching import Remote, fetch
from ddpg.priors.cards.card import Card, CardError, read_card

log = logging.getLogger(__name__)


def fetch_checkpoint(
    name_or_card: str | os.PathLike[str], part: str, output: Path, *, pins: Path
) -> None:
    """Put a prior's checkpoint, verified, where it belongs.

    Args:
        name_or_card: name of a prior, or path of its card.
        part: "weights" or "classifier".
        output: where to.
        pins: file of the checksums of what cards give without one.

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
        return
    fetch(remote(card, part), output, pins=pins, key=f"{card.name}/{entry.file}")


def remote(card: Card, part: str) -> Remote:
    """A part's checkpoint as the fetching code describes files.

    Raises:
        CardError: the fetching code does not take a field of the card.
    """
    entry, _ = card.part(part)
    local = card.local(part)
    try:
        return Remote(
            file=entry.file,
            mirrors=entry.mirrors,
            size=entry.size,
            sha256=entry.sha256,
            environment=entry.environment,
            path="" if local is None else str(local.absolute()),
        )
    except ValueError as error:
        raise CardError(card.path, f"{part}: {error}") from error
