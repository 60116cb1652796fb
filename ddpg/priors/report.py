"""``ddpg score-prior``: a prior's denoising beside classical denoisers, on pictures."""

from __future__ import annotations

from pathlib import Path

from ddpg.datasets.cards import read_card as read_dataset_card
from ddpg.datasets.places import package_file, root_folder
from ddpg.errors import UserError
from ddpg.images import load_image
from ddpg.priors.base import Prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.loading import load_prior
from ddpg.priors.scoring import (
    format_scores,
    recorded_scores,
    score_non_local_means,
    score_prior,
    write_scores,
)


def score_report(
    name_or_card: str, dataset: str, size: int, device: str | None, output: Path | None
) -> str:
    """A table for people: how a prior scores, and how it compares.

    The scores that the prior's card records (BM3D's for the embedded prior) are shown where they
    were measured on these pictures in this size.

    Args:
        dataset: name or path of a data set card, whose pictures are denoised.
        size: their side after cropping.
        output: also receives every score, as CSV.

    Raises:
        UserError: a card or a picture cannot be used.
    """
    card, pictures_card = read_card(name_or_card), read_dataset_card(dataset)
    source, listed = pictures_card.source, pictures_card.listed()
    files = (
        [package_file(pictures_card, image.file) for image in listed]
        if source.packages
        else [root_folder(pictures_card) / image.file for image in listed]
    )
    crop = "center" if pictures_card.crop == "none" else pictures_card.crop
    pictures = {
        image.id: load_image(file, size, crop=crop)
        for image, file in zip(listed, files, strict=True)
    }
    prior = load_prior(name_or_card, device=device)
    if not isinstance(prior, Prior):
        raise UserError(f"{card.path}: a consistency model predicts no noise: it has no such score")
    rows = score_prior(prior, pictures, name=card.name) + score_non_local_means(pictures)
    if card.scores.get("size") == size:
        rows += recorded_scores(card.scores, pictures)
    if output:
        write_scores(rows, output)
    return format_scores(rows)
