"""What the cards of priors and their variables name of this machine, before the first job.

A prior whose file is not there, or whose folder is of another diffusion, would stop restorations
after all observations have been made. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from ddpg.errors import UserError
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import named_by_variable, own_file
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.priors.diffusers_schedulers import check_folder


def check_own_files(cards: Iterable[Card]) -> None:
    """Refuse priors whose files of this machine are not there, or are no prior's, before any job.

    Raises:
        UserError: all of them.
    """
    problems = [problem for card in cards for p in card.parts() if (problem := _unusable(card, p))]
    if problems:
        raise UserError("\n".join(problems))


def _unusable(card: Card, part: str) -> str:
    """Why no prior can be made with what a card or a variable names; nothing if one may be."""
    entry, architecture = card.part(part)
    file, where = own_file(card, part), f"{card.path}: {part}: "
    if file is None:
        named = named_by_variable(card, part)
        if named is None or named.exists() or downloaded_path(card, part).is_file():
            return ""
        return f"{where}{entry.environment} says {str(named)!r}, which does not exist"
    if architecture["kind"] != "diffusers":
        return "" if file.is_file() else f"{where}there is no file {file}"
    if not file.is_dir():
        return f"{where}there is no folder {file}"
    try:
        check_folder(card, file)
    except UserError as error:
        return f"{where}{error}"
    return ""
