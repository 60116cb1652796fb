"""From a card of the kind gaussian_mixture to its prior."""

from __future__ import annotations

import torch

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.fields import GaussianMixtureConfig
from ddpg.priors.exact.mixture import MixturePrior
from ddpg.priors.exact.spectra import Spectrum
from ddpg.priors.schedule import Schedule


def closed_form(card: Card, schedule: Schedule, device: torch.device) -> MixturePrior:
    """The prior of a card whose architecture is a ``gaussian_mixture``."""
    config = card.configurations()["weights"]
    if not isinstance(config, GaussianMixtureConfig):
        raise TypeError(f"{card.path} is no mixture of Gaussians")
    weights = [entry.weight for entry in config.components]
    spectra = [Spectrum(**entry.model_dump(exclude={"weight"})) for entry in config.components]
    return MixturePrior(weights, spectra, schedule=schedule, device=device)
