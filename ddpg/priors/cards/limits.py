"""What a prior takes, as far as its card and its folder on this machine say it, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import SCHEDULER, own_file
from ddpg.priors.networks.configurations import ADMClassifierConfig

_MOST_LEVELS = 16
"""Levels of a network that can be meant; more are told when it is loaded."""


@dataclass(frozen=True)
class PriorLimits:
    """What a prior takes."""

    size_multiple: int = 1
    """Image sides must be multiples of it."""
    image_size: int | None = None
    """The only size that it takes, or None."""
    times: int | None = None
    """Its number of times; None where only its folder knows and is not there, and for a consistency
    model, which has levels instead."""
    classes: int | None = None
    """Its number of classes, or None."""
    labels: bool = False
    """Whether every picture needs a label."""


def prior_limits(card: Card) -> PriorLimits:
    """The limits of a card's prior."""
    configurations = list(card.configurations().values())
    folder = own_file(card, "weights") if card.architecture["kind"] == "diffusers" else None
    unet, scheduler = _json(folder, "unet"), _json(folder, "scheduler")
    multiples = [getattr(configuration, "size_multiple", 1) for configuration in configurations]
    levels = unet.get("down_block_types")
    if isinstance(levels, list) and len(levels) <= _MOST_LEVELS:
        multiples.append(2 ** max(len(levels) - 1, 0))
    classes = [getattr(configuration, "num_classes", None) for configuration in configurations]
    known = [count for count in (*classes, _count(unet.get("num_class_embeds"))) if count]
    return PriorLimits(
        size_multiple=lcm(*multiples),
        image_size=next(
            (
                c.image_size
                for c in configurations
                if isinstance(c, ADMClassifierConfig) and c.pool == "attention"
            ),
            None,
        ),
        times=_times(card, scheduler),
        classes=min(known, default=None),
        labels=card.label == "dataset",
    )


def _times(card: Card, scheduler: Mapping[str, Any]) -> int | None:
    """The number of times that a card gives, or the scheduler's file of its folder."""
    if card.schedule.kind == "diffusers":
        return _times_of(scheduler)
    return card.schedule.steps if card.gives == "noise" else None


def _times_of(scheduler: Mapping[str, Any]) -> int | None:
    """The number of times of a scheduler's file; None where there is none, or it makes no sense."""
    if not scheduler:
        return None
    if isinstance(betas := scheduler.get("trained_betas"), list):
        return len(betas) or None
    # What the folder does not say is what the library takes: 1000 times.
    return _count(scheduler.get("num_train_timesteps", 1000))


def _count(value: object) -> int | None:
    """A number of things in a file of others, or None."""
    return value if type(value) is int and value > 0 else None


def _json(folder: Path | None, part: str) -> dict[str, Any]:
    """A file of a diffusers folder, or nothing: its loading tells what is wrong with it."""
    if folder is None:
        return {}
    # Whichever the loading takes first.
    names = {
        "unet": ("unet/config.json", "config.json"),
        "scheduler": (SCHEDULER, f"scheduler/{SCHEDULER}"),
    }
    file = next((folder / name for name in names[part] if (folder / name).is_file()), None)
    if file is None:
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
