"""Cards of priors: what a checkpoint is, where it comes from, how it is run."""

from __future__ import annotations

from ddpg.priors.cards.card import Card, read_card

__all__ = ["Card", "read_card"]
