"""From a card to a prior: the checkpoint is verified, then loaded strictly."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.priors.cards import Card, CardError, check_fields, read_card
from ddpg.priors.network_prior import NetworkPrior, precision
from ddpg.priors.networks.residual_unet import ResidualUNet
from ddpg.schedule import Schedule
from ddpg.tensors import CorruptFileError, read_tensors

_LISTED = 8


def load_prior(
    name_or_card: str | os.PathLike[str],
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
) -> Prior:
    """Load a prior, ready to predict.

    Args:
        name_or_card: name of an embedded prior ("dead-leaves"), or path of a card.
        device: where the network runs; the CPU if None.
        dtype: float32 (if None), bfloat16, or on a GPU float16.

    Raises:
        UserError: there is no such prior or card, a field of the card is not allowed, or the
            checkpoint is missing, corrupt or of another network; the message names the file.
        ValueError: the precision is not possible on the device.
    """
    precision(dtype, torch.device(device or "cpu"))  # before the seconds that loading takes
    card = read_card(name_or_card)
    network, size_multiple = _network(card)
    verify(card.weights, card.sha256)
    load_weights(network, read_tensors(card.weights), card.weights)
    return NetworkPrior(
        network, card.schedule, size_multiple=size_multiple, device=device, dtype=dtype
    )


def verify(path: Path, sha256: str) -> None:
    """Compare a file with its checksum.

    Raises:
        CorruptFileError: it is missing or differs; the message gives both sums.
    """
    if not path.is_file():
        raise CorruptFileError(path, "no such file")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != sha256:
        raise CorruptFileError(path, f"its sha256 is {digest}, the card expects {sha256}")


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Copy weights into a network, whatever their precision; names and shapes must agree exactly.

    Raises:
        CorruptFileError: they do not; everything that is wrong is in one message.
    """
    expected = network.state_dict()
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    problems = {
        "missing": [name for name in expected if name not in weights],
        "unexpected": [name for name in weights if name not in expected],
        "of another shape": shapes,
    }
    listed = [_listing(what, names) for what, names in problems.items() if names]
    if listed:
        raise CorruptFileError(path, f"not this network's weights; {'; '.join(listed)}")
    network.load_state_dict(dict(weights), strict=True)


def _listing(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{what}: {', '.join(names[:_LISTED])}{more}"


def _network(card: Card) -> tuple[nn.Module, int]:
    kind = card.architecture["kind"]
    if kind not in _ARCHITECTURES:
        kinds = ", ".join(_ARCHITECTURES)
        raise CardError(card.path, f"architecture: kind must be one of {kinds}, got {kind!r}")
    try:
        return _ARCHITECTURES[kind](card)
    except (TypeError, RuntimeError) as error:
        raise CardError(card.path, f"architecture {kind}: {error}") from error


def _residual_unet(card: Card) -> tuple[nn.Module, int]:
    fields = check_fields(
        card, card.architecture, ("widths", "blocks", "embedding_width"), "residual_unet"
    )
    _check_positive(card, fields)
    if len(fields["widths"]) != len(fields["blocks"]):
        raise CardError(card.path, "architecture: widths and blocks must have one length")
    # The network converts t to its noise level by the linear schedule, which is built into it.
    if not torch.equal(card.schedule.alphas_cumprod, Schedule.linear().alphas_cumprod):
        raise CardError(card.path, "schedule: residual_unet needs {kind: linear} and nothing else")
    network = ResidualUNet(**fields)
    return network, network.size_multiple


def _check_positive(card: Card, fields: Mapping[str, Any]) -> None:
    """Every field is a positive integer, or for plural names a list of them."""
    for name, value in fields.items():
        plural = name.endswith("s")
        values = value if plural and isinstance(value, list) else [value]
        if not values or not all(type(entry) is int and entry > 0 for entry in values):
            kind = "a list of positive integers" if plural else "a positive integer"
            raise CardError(card.path, f"architecture: {name} must be {kind}, got {value!r}")


_ARCHITECTURES: Mapping[str, Callable[[Card], tuple[nn.Module, int]]] = {
    "residual_unet": _residual_unet,
}
