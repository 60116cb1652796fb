"""What cards and their variables name of this machine, before the first job.

A prior whose file is not there, or whose folder is of another diffusion, would stop restorations
after all observations have been made; pictures that are not there, what others already do.
Nothing here imports torch, and no picture is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.choosing import Problems, choose
from ddpg.datasets.matching import find_pictures
from ddpg.datasets.places import package_file, root_folder
from ddpg.errors import UserError
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import named_by_variable, own_file
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.priors.diffusers_schedulers import check_folder
from ddpg.study.places import fetched_folder
from ddpg.study.study import Study
from ddpg.workflow.indexes import survey_of


def check_own_files(cards: Iterable[Card]) -> None:
    """Refuse priors whose files of this machine are not there, or are no prior's, before any job.

    Raises:
        UserError: all of them.
    """
    problems = [problem for card in cards for p in card.parts() if (problem := _unusable(card, p))]
    if problems:
        raise UserError("\n".join(problems))


def check_own_pictures(study: Study) -> None:
    """Refuse data sets of the sheet whose pictures, here or in a package, are not there.

    What is in the files is told by the survey. Folders that have been surveyed are not searched
    again.

    Raises:
        UserError: what is wrong with all of them.
    """
    problems = [
        f"data set {name}: {problem}"
        for name in study.used_datasets
        if not study.cards[name].source.prior and survey_of(study, name) is None
        if (problem := _not_there(study.cards[name]))
    ]
    if problems:
        raise UserError("\n".join(problems))


def _not_there(card: DatasetCard) -> str:
    """What of the pictures of a data set is missing; nothing if the survey can begin."""
    problems = Problems()
    try:
        if not card.source.is_fetched:
            root = root_folder(card)
            files = find_pictures(root, arrays=card.observations)
            choose(card, root, root, files, problems)
            problems.raise_any(str(root))
        elif not Path(f"{fetched_folder(card.name)}.json").is_file():
            if card.source.packages:
                _check_packages(card)
            if card.source.archive and not Path(card.source.archive).is_file():
                return f"source.archive: there is no file {card.source.archive}"
            if card.source.remote:
                card.source.remote.override()
    except UserError as error:
        return str(error)
    return ""


def _check_packages(card: DatasetCard) -> None:
    """Raise UserError unless the pictures are there that a card takes from several packages."""
    for entry in card.listed():
        if not (path := package_file(card, entry.file)).is_file():
            raise UserError(f"{card.name}: images: {entry.file}: there is no file {path}")


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
