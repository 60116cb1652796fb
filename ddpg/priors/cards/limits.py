"""What a prior takes, as far as its card and its folder on this machine say it, without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any

from ddpg.priors.cards.card import Card
from ddpg.priors.networks.configurations import ADMClassifierConfig


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
    folder = card.local("weights") if card.architecture["kind"] == "diffusers" else None
    unet, scheduler = _json(folder, "unet"), _json(folder, "scheduler")
    multiples = [getattr(configuration, "size_multiple", 1) for configuration in configurations]
    multiples.append(2 ** max(len(unet.get("down_block_types", [])) - 1, 0))
    classes = [getattr(configuration, "num_classes", None) for configuration in configurations]
    known = [count for count in (*classes, unet.get("num_class_embeds")) if count]
    # What the folder does not say is what the library takes: 1000 times.
    times = scheduler.get("num_train_timesteps", 1000) if scheduler else None
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
        times=_times(card, times),
        classes=min(known, default=None),
        labels=card.label == "dataset",
    )


def _times(card: Card, of_folder: int | None) -> int | None:
    if card.schedule.kind == "diffusers":
        return of_folder
    return card.schedule.steps if card.gives == "noise" else None


def _json(folder: Path | None, part: str) -> dict[str, Any]:
    """A file of a diffusers folder, or nothing: its loading tells what is wrong with it."""
    if folder is None:
        return {}
    names = {"unet": ("unet/config.json", "config.json")}
    files = [
        folder / name
        for name in names.get(part, (f"{part}/{part}_config.json", f"{part}_config.json"))
    ]
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return content if isinstance(content, dict) else {}
    return {}
