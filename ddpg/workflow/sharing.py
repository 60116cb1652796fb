"""What several studies share is the same for all of them, or one of them is refused.

A fetched data set lies below ``resources/`` under its name, a checkpoint under its prior's. Another
study's card of the same name would fetch or convert something else to the same place, and the two
would undo each other's work with every run. Snakemake's records tell which card was used last.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ddpg.datasets.cards import card_path
from ddpg.datasets.cards import read_card as read_dataset_card
from ddpg.errors import UserError
from ddpg.priors.cards.card import find_card
from ddpg.priors.cards.card import read_card as read_prior_card
from ddpg.study.study import Study
from ddpg.validation import listed
from ddpg.workflow.records import record_of


def check_shared(study: Study) -> None:
    """Refuse cards that would take the place of another study's fetched files.

    A card that is gone, or has another name by now, holds no place any more.

    Raises:
        UserError: each place with both cards, and what to do.
    """
    problems = [*_datasets(study), *_priors(study)]
    if problems:
        raise UserError(listed(problems))


def _datasets(study: Study) -> Iterator[str]:
    for dataset in study.used_datasets:
        folder = study.fetched_folder(dataset)
        if not folder:
            continue
        ours = card_path(study.entries[dataset].card)
        other = _recorded(f"{folder}.json", "card", card_path)
        if other is None or other.samefile(ours):
            continue
        theirs = _read(read_dataset_card, other)
        # The same pictures, prepared in another way, are fetched once.
        if theirs and theirs.name == dataset and theirs.source != study.cards[dataset].source:
            yield _problem(study, "data set", dataset, folder, other, ours)


def _priors(study: Study) -> Iterator[str]:
    for prior in study.used_priors:
        card = prior.card
        for file in prior.files.values():
            other = _recorded(file, "prior", find_card)
            if other is None or other.samefile(card.path):
                continue
            theirs = _read(read_prior_card, other)
            if theirs and theirs.name == card.name:
                yield _problem(study, "prior", card.name, file, other, card.path)


def _problem(study: Study, what: str, name: str, place: str, other: Path, ours: Path) -> str:
    return (
        f"{study.file}: datasets: {place} was made from {other}, and {ours} is another {what} "
        f"named {name!r}; give one of the cards another name"
    )


def _recorded(output: str, key: str, find: Callable[[str], Path]) -> Path | None:
    """The card in the spec of the job that made a file; None without one that is there."""
    for text in (record_of(output) or {}).get("params") or ():
        try:
            spec = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(spec, dict) and isinstance(spec.get(key), str):
            try:
                return find(spec[key])
            except UserError:
                return None
    return None


def _read(read: Callable[[str], Any], path: Path) -> Any:
    """Another study's card; None if it cannot be read."""
    try:
        return read(str(path))
    except UserError:
        return None
