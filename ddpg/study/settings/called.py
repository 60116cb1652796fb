"""A prior as the restorations of a data set call it. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.identity import identity_with
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.priors.checkpoints.records import planned_weights


@dataclass(frozen=True)
class Called:
    """A prior, and how its network is run.

    Attributes:
        word: what the study names it by: the name of one that comes along, or the path of a card.
        execution: as the data set's entry says, else as the card does.
    """

    word: str
    card: Card
    execution: ExecutionSettings

    @cached_property
    def identity(self) -> str:
        """What it computes, as :func:`ddpg.priors.cards.identity.identity_with`.

        Of a fetched checkpoint its file tells more; it is an input of the jobs.
        """
        card = self.card
        return identity_with(card, {part: planned_weights(card, part) for part in card.parts()})

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Its converted checkpoints by part; empty if it needs none."""
        dtype = self.execution.precision or "float32"
        return {
            part: f"resources/priors/{self.card.name}/{part}.{dtype}.safetensors"
            for part in self.card.checkpoints()
        }
