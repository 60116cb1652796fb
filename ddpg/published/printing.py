"""What ``--print-row`` prints: a row, and as comments what else its study says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ddpg.published.configs import FACES
from ddpg.published.layout import Layout
from ddpg.published.pictures import LIST, files_of
from ddpg.published.translation import METRICS, Translation, prior_card, table, written


def shown_row(translation: Translation) -> str:
    """The row with its header, and before it, as comments, what else the study says."""
    comments = "".join(f"# {line}".rstrip() + "\n" for line in _besides(translation))
    return comments + table([translation.row])


def _besides(translation: Translation) -> Iterator[str]:
    yield "The study that this row belongs to, in its configuration:"
    entry = {
        "card": translation.dataset,
        "prior": translation.prior_name,
        "image_size": translation.config.image_size,
    }
    study = {
        "datasets": [entry],
        "seed": translation.flags.seed,
        "metrics": list(METRICS),
    }
    yield from _lines(study)
    card = translation.degradation.card
    if card is not None:
        yield f"config/cards/degradations/{card['name']}.yaml:"
        yield from _lines(card)
    yield f"config/cards/datasets/{translation.dataset}.yaml, if these pictures have no card yet:"
    yield from _lines(folder_card(translation))
    if not translation.config.prior:
        yield f"config/cards/priors/{translation.prior_name}.yaml:"
        yield from _lines(prior_card(translation))
    yield from translation.notes
    if translation.degradation.task == "motion_deblur":
        yield "A picture's kernel goes by its place in the data set: those of a run of this command"
        yield f"go by the script's order, {Layout.of(translation.flags).study}/pictures.tsv."


def _lines(content: Mapping[str, Any]) -> list[str]:
    return [f"  {line}" for line in written(content).splitlines()]


def folder_card(translation: Translation) -> dict[str, Any]:
    """The card of a data set whose pictures are those of the folder."""
    folder = Path(translation.pictures_folder)
    images: Any = f"{translation.flags.exp}/{LIST}"
    if translation.config.pictures == FACES:
        images = {"count": len(files_of(folder)) if folder.is_dir() else 1000}
    return {
        "name": translation.dataset,
        "source": {"folder": translation.pictures_folder},
        "crop": translation.crop,
        "images": images,
    }
