"""Cards of priors: what a checkpoint is, where it comes from, how it is run.

The names are imported on first use, so that asking for the kinds of networks reads no card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.priors.cards.card import Card, read_card

__all__ = ["Card", "read_card"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"card": ["Card", "read_card"]})
