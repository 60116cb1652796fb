"""First stage, of pictures that are drawn from a prior: no files, no survey."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.tensors import write_tensors
from ddpg.noise import SeededNoise
from ddpg.priors.cards.card import read_card
from ddpg.priors.exact.mixture import MixturePrior
from ddpg.priors.loading import card_schedule
from ddpg.study.sizes.sides import Sides

log = logging.getLogger(__name__)

PURPOSE = "picture"
"""Of the noise that pictures are made of."""


def drawn_prior(name_or_card: str) -> MixturePrior:
    """The prior that pictures are drawn from, by the name or path of its card.

    Raises:
        UserError: there is no such prior, or it is a network.
    """
    import torch

    card = read_card(name_or_card)
    if not card.has_closed_form:
        raise UserError(
            f"{card.path}: pictures are drawn from priors of the kind gaussian_mixture alone"
        )
    return MixturePrior.of(card, card_schedule(card), torch.device("cpu"))


def draw_pictures(
    prior: str, output: Path, *, dataset: str, images: Sequence[str], sides: Sides, seed: int
) -> None:
    """Draw the pictures of a shard.

    They are kept in float32 and not rounded to bytes, so that the closed forms are theirs;
    values beyond [-1, 1], which a prior of small deviation hardly has, are kept as well.

    Args:
        prior: name or path of the card of a prior.
        output: safetensors file: float32 (3, height, width) on [-1, 1], keyed by id.
        dataset: name of the data set, part of the seed of each picture.
        images: ids, in order; a picture depends on its own alone.
        sides: height and width of the pictures.
        seed: of the data set.

    Raises:
        UserError: as for :func:`drawn_prior`.
    """
    noise = SeededNoise(seed, images, dataset=dataset, purpose=PURPOSE)
    pictures = drawn_prior(prior).sample(noise, sides)
    beyond = float((pictures.abs() > 1).double().mean())
    if beyond > 1e-4:
        log.warning("%.2g of the pixels lie beyond [-1, 1], to which scores clamp", beyond)
    tensors = dict(zip(images, pictures.float(), strict=True))
    write_tensors(tensors, output, ids=images)
    log.info("%s: drew %d pictures of %d x %d", output, len(images), *sides)
