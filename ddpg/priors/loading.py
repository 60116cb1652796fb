"""From a card to a prior: its checkpoints are found, verified and loaded strictly.

Where they are looked for is said in :mod:`ddpg.priors.checkpoints.places`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ddpg.errors import UserError
from ddpg.files.tensors import read_tensors
from ddpg.priors.base import ConsistencyPrior, Prior
from ddpg.priors.cards.card import Card, CardError, check_times, read_card
from ddpg.priors.checkpoints.building import build_network, fill
from ddpg.priors.checkpoints.conversion import check_converted, converted_header
from ddpg.priors.checkpoints.places import converted_path, find_checkpoint
from ddpg.priors.checkpoints.reading import check_finite, read_checkpoint, verify
from ddpg.priors.checkpoints.records import CHECKSUMS, pin_problem
from ddpg.priors.conditional import ConditionalPrior
from ddpg.priors.consistency import NetworkConsistency
from ddpg.priors.execution import Execution, best_precision, precision
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.schedule import Schedule

OWN_KINDS = ("residual_unet", "ddpm_unet", "adm_unet")
"""Kinds of networks that were measured in half precision."""


def load_prior(
    name_or_card: str | os.PathLike[str],
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    weights: str | os.PathLike[str] | None = None,
    classifier: str | os.PathLike[str] | None = None,
    execution: Execution | None = None,
) -> Prior | ConsistencyPrior:
    """Load a prior, ready to predict noise or, where the card says so, the end of a flow.

    Args:
        name_or_card: name of a prior ("dead-leaves", "celeba-hq-256", "imagenet-256",
            "imagenet-256-cond", or the user's own), or path of a card.
        device: where the network runs; the CPU if None.
        dtype: float32 (if None), bfloat16, or on a GPU float16; "auto" is what the card says, else
            the best of the device, see :func:`ddpg.priors.execution.best_precision`, for the
            package's own networks, and float32 for others.
        weights: the network's checkpoint, converted or not; looked for if None.
        classifier: the same of the classifier, for cards that have one.
        execution: memory layout and compilation; the card's, else the device's defaults, if None.

    Raises:
        UserError: there is no such prior or card, a field of the card is not allowed, or a
            checkpoint is missing, corrupt or of another network; the message names the file.
        ValueError: the precision is not possible on the device.

    Example:
        >>> prior = load_prior("dead-leaves")
        >>> prior.eps(torch.zeros(1, 3, 16, 16), 500).shape
        torch.Size([1, 3, 16, 16])
    """
    place = torch.device(device or "cpu")
    card = read_card(name_or_card)
    check_times(card)
    if dtype == "auto":
        dtype = card.execution.precision or dtype
    execution = execution or Execution.of(card.execution)
    asked = dtype != "auto"
    if not asked:
        dtype = best_precision(place) if card.architecture["kind"] in OWN_KINDS else None
    chosen = precision(dtype, place)  # before the seconds that loading takes
    if classifier is not None and card.classifier is None:
        raise UserError(f"{card.path}: has no classifier, but a checkpoint of one is given")
    if card.has_closed_form:
        from ddpg.priors.exact.mixture import MixturePrior

        return MixturePrior.of(card, card_schedule(card), place)
    if card.architecture["kind"] == "diffusers":
        from ddpg.priors.diffusers import load_folder

        return load_folder(card, device=place, dtype=chosen, folder=weights, execution=execution)
    network = load_network(card, "weights", chosen, weights, exact=asked)
    if card.gives == "consistency":
        return NetworkConsistency(
            network,
            sigma_data=card.schedule.sigma_data,
            sigma_min=card.schedule.sigma_min,
            device=place,
            dtype=chosen,
            execution=execution,
        )
    schedule = card_schedule(card)
    running: dict[str, Any] = {
        "device": place,
        "dtype": chosen,
        "execution": execution,
        "prediction": card.schedule.prediction or "epsilon",
        "rescale_timesteps": card.schedule.rescales,
    }
    if card.label is None:
        return NetworkPrior(network, schedule, **running)
    guide = None
    if card.classifier:
        guide = load_network(card, "classifier", chosen, classifier, exact=asked)
    counts = [getattr(config, "num_classes", None) for config in card.configurations().values()]
    return ConditionalPrior(
        network,
        schedule,
        classes=next(count for count in counts if count is not None),
        class_conditional=counts[0] is not None,
        label=None if card.label == "dataset" else card.label,
        classifier=guide,
        scale=card.classifier.scale if card.classifier else 1.0,
        **running,
    )


def load_network(
    card: Card,
    part: str,
    dtype: torch.dtype,
    given: str | os.PathLike[str] | None = None,
    *,
    exact: bool = True,
) -> nn.Module:
    """A part's network with its weights, which are mapped from their file where that is possible.

    Args:
        exact: whether a converted checkpoint must have this precision; one in float32 will do
            otherwise.

    Raises:
        UserError: the checkpoint is missing, corrupt or of another network.
    """
    name = str(dtype).removeprefix("torch.")
    # Without ``exact``, the one converted to float32 where there is no other.
    wide = not exact and not converted_path(card, part, name).is_file()
    own = None if given is None else Path(given)
    path = find_checkpoint(card, part, "float32" if wide else name, own)
    network = build_network(card, part)
    header = converted_header(path)
    if header is not None:
        wide = not exact and header.get("dtype") == "float32"
        check_converted(header, path, card, part, "float32" if wide else name)
        return fill(network, read_tensors(path), path)
    if sha256 := card.part(part)[0].sha256:
        verify(path, sha256)
    elif given is None and (problem := pin_problem(card, part, CHECKSUMS, path)):
        raise UserError(problem)
    weights = read_checkpoint(path, network)
    filled = fill(network, weights, path)
    check_finite(weights, path)
    return filled


def card_schedule(card: Card) -> Schedule:
    """The schedule that a card describes."""
    try:
        return card.schedule.build()
    except ValueError as error:
        raise CardError(card.path, f"schedule: {error}") from error
