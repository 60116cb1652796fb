"""What a prior computes, as a name: whatever restores with it runs again where that changes.

Nothing here imports torch: the Snakefile asks for the identity of every prior of a study.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ddpg.files.contents import digest_of
from ddpg.files.fingerprint import fingerprint
from ddpg.priors.cards.card import Card, check_times, read_card
from ddpg.priors.cards.kinds import PRIOR_KINDS
from ddpg.priors.cards.own_files import weights_content


def card_identity(name_or_card: str | os.PathLike[str]) -> str:
    """Names what a prior computes, in 16 hex digits.

    Weights, architectures, schedule, classifier, its scale and the rule for labels decide; where
    the files come from and what a card says for people does not. Files of this machine count by
    their content; a checkpoint that is fetched and has no checksum counts as "unpinned".

    Raises:
        UserError: there is no such card, it is not valid, or a file cannot be read.
    """
    card = read_card(name_or_card)
    return identity_with(card, {part: weights_content(card, part) for part in card.parts()})


def identity_with(card: Card, weights: Mapping[str, str]) -> str:
    """Names what a prior computes with certain weights, in 16 hex digits.

    Args:
        weights: what decides about each part's values, such as
            :func:`ddpg.priors.cards.own_files.weights_content` gives.
    """
    check_times(card)
    networks = {name: config.model_dump() for name, config in card.configurations().items()}
    decisive: dict[str, Any] = {
        "architectures": networks,
        "weights": dict(weights),
        "schedule": card.schedule.identity,
        "label": card.label,
    }
    kind = card.architecture["kind"]
    if kind in PRIOR_KINDS:
        decisive["code"] = fingerprint(PRIOR_KINDS[kind].module)
        decisive["data"] = PRIOR_KINDS[kind].data_content
    if card.classifier:
        decisive["classifier"] = {"scale": card.classifier.scale}
    return digest_of(decisive)


def architecture_digest(card: Card, part: str) -> str:
    """Names the network of a part: every field, defaults included; 16 hex digits."""
    return digest_of(card.configurations()[part].model_dump())
