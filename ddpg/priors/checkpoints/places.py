"""Where checkpoints lie. In this order, and the first that is there is taken:

1. the path given to ``load_prior``;
2. the path in the environment variable that the card names, or the file in the folder there; where
   the variable is set, nothing else is looked at;
3. the path in the card, or a file beside the card where the card names no other origin;
4. ``resources/priors/{prior}/{part}.{dtype}.safetensors``, made by ``ddpg job convert-checkpoint``;
5. ``resources/checkpoints/{prior}/{file}``, made by ``ddpg job fetch-checkpoint`` or put
   there by hand.

The last two are relative to the working directory. Files that are not converted are read as well,
which takes longer.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ddpg.errors import CorruptFileError, UserError
from ddpg.priors.cards.card import Card, find_card, known_names

DOWNLOADED = Path("resources/checkpoints")
CONVERTED = Path("resources/priors")


def downloaded_path(card: Card, part: str) -> Path:
    """Where a fetched checkpoint lies."""
    return DOWNLOADED / card.name / card.part(part)[0].file


def converted_path(card: Card, part: str, dtype: str) -> Path:
    """Where a converted checkpoint lies."""
    return CONVERTED / card.name / f"{part}.{dtype}.safetensors"


def find_checkpoint(card: Card, part: str, dtype: str, given: Path | None = None) -> Path:
    """The file of a part's weights, see the module's description.

    Raises:
        UserError: there is none; the message says where it was looked for and what to do.
    """
    entry, _ = card.part(part)
    if given is not None:
        return _present(Path(given))
    if named := entry.named:
        place = named / entry.file if named.is_dir() else named
        return _present(place, f"named by the variable {entry.environment}")
    local = card.local(part)
    if local is not None and local.suffix == ".safetensors":
        return _present(local, f"named by {card.path}")
    made = [converted_path(card, part, dtype), downloaded_path(card, part)]
    places = [local, *made] if local is not None else made
    for place in places:
        if place.is_file():
            return place
    raise UserError(_nowhere(card, part, dtype, places))


def _present(path: Path, origin: str = "") -> Path:
    if not path.is_file():
        raise CorruptFileError(path, "no such file" + (f" ({origin})" if origin else ""))
    return path


def _nowhere(card: Card, part: str, dtype: str, places: list[Path]) -> str:
    """What to tell where there is no checkpoint; one that the card names by path is not fetched."""
    entry, _ = card.part(part)
    if entry.path:
        return f"{card.path}: {part}: there is no file {card.local(part)}"
    local = card.local(part)
    looked = [
        f"prior {card.name!r}: the file of its {part}, {entry.file}, is not here; looked at:",
        *(f"  {place}" for place in places),
    ]
    if local is not None:  # of no other origin: there is nothing to fetch
        return "\n".join([*looked, f"put it beside its card: {local}"])
    downloaded, converted = downloaded_path(card, part), converted_path(card, part, dtype)
    which = ("--prior", _named(card), "--part", part)
    fetch = ["ddpg", "job", "fetch-checkpoint", *which, "--output", str(downloaded)]
    convert = ["ddpg", "job", "convert-checkpoint", *which, "--checkpoint", str(downloaded)]
    convert += ["--dtype", dtype, "--output", str(converted)]
    by_hand = f"or put the file there by hand: {downloaded}"
    if entry.environment:
        by_hand += f"; or set {entry.environment} to its path"
    return "\n".join(
        [
            *looked,
            *(["it can be had from:"] if entry.mirrors else []),
            *(f"  {mirror}" for mirror in entry.mirrors),
            "these commands fetch it and make it fast to load:",
            f"  {shlex.join(fetch)}",
            f"  {shlex.join(convert)}",
            by_hand,
        ]
    )


def _named(card: Card) -> str:
    """How the command line finds the card again."""
    known = card.path.stem in known_names() and find_card(card.path.stem) == card.path
    return card.path.stem if known else str(card.path)
