"""From an architecture to a network, at first without memory for its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import UserError
from ddpg.plugins import load_object
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.kinds import PRIOR_KINDS, PriorKind
from ddpg.priors.checkpoints.reading import check_weights
from ddpg.priors.networks.adm_classifier import ADMClassifier
from ddpg.priors.networks.adm_unet import ADMUNet
from ddpg.priors.networks.blocks import PublishedNetwork
from ddpg.priors.networks.ddpm_unet import DDPMUNet
from ddpg.priors.networks.residual_unet import ResidualUNet

_PUBLISHED: Mapping[str, type[PublishedNetwork]] = {
    "ddpm_unet": DDPMUNet,
    "adm_unet": ADMUNet,
    "adm_classifier": ADMClassifier,
}


def build_network(card: Card, part: str) -> nn.Module:
    """The network of a part of a card, on the meta device where its kind allows that.

    Raises:
        UserError: a field of the architecture is not allowed.
    """
    architecture = dict(card.part(part)[1])
    if architecture["kind"] == "residual_unet":
        # Small, and with a table of noise levels that no checkpoint holds: built in memory.
        return ResidualUNet(**{name: v for name, v in architecture.items() if name != "kind"})
    if architecture["kind"] in PRIOR_KINDS:
        return _from_plugin(PRIOR_KINDS[architecture["kind"]], architecture_of(card, part))
    return published_network(architecture)


def published_network(architecture: Mapping[str, Any]) -> nn.Module:
    """A network of a published family, without memory for its weights.

    Raises:
        UserError: a field of the architecture is not allowed.
    """
    with torch.device("meta"):
        return _PUBLISHED[architecture["kind"]].from_config(dict(architecture))


def _from_plugin(kind: PriorKind, architecture: Mapping[str, Any]) -> nn.Module:
    build = load_object(kind.network, f"prior kind {kind.name!r}")
    network = build(**{name: value for name, value in architecture.items() if name != "kind"})
    if not isinstance(network, nn.Module):
        raise UserError(
            f"prior kind {kind.name!r}: {kind.network} must give a torch.nn.Module, "
            f"got {type(network).__name__}"
        )
    return network


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> nn.Module:
    """Give a network its weights without copying them; names and shapes must agree exactly.

    Args:
        network: on the meta device, or not.
        weights: name -> tensor, in whatever precision, perhaps mapped from a file.

    Raises:
        CorruptFileError: they do not agree; everything that is wrong is in one message.
    """
    check_weights(network, weights, path)
    network.requires_grad_(False)
    network.load_state_dict(dict(weights), strict=True, assign=True)
    return network


def architecture_of(card: Card, part: str) -> Mapping[str, Any]:
    """Every field of a part's architecture, defaults included."""
    return card.configurations()[part].model_dump()
