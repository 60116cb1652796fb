"""A folder of the library diffusers (``UNet2DModel``) as a prior; diffusers is optional.

The folder is one that ``UNet2DModel.save_pretrained`` writes, or that of a whole pipeline with
``unet`` and ``scheduler`` in it. Nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import CorruptFileError, MissingLibraryError
from ddpg.priors.base import Prior
from ddpg.priors.cards.card import Card, CardError
from ddpg.priors.checkpoints.reading import check_finite
from ddpg.priors.checkpoints.wording import listed, shown
from ddpg.priors.conditional import ConditionalPrior
from ddpg.priors.diffusers_schedulers import (
    check_folder,
    folder_prediction,
    folder_schedule,
    read_scheduler,
)
from ddpg.priors.execution import Execution
from ddpg.priors.network_prior import NetworkPrior


class DiffusersNetwork(nn.Module):
    """A ``UNet2DModel`` as ``network(x_t, t)`` or ``network(x_t, t, y)``, its first 3 channels."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet
        self.size_multiple = 2 ** (len(_config(unet)["down_block_types"]) - 1)

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.unet(x_t, t, class_labels=y).sample[:, :3].float()


def load_folder(
    card: Card,
    *,
    device: torch.device,
    dtype: torch.dtype,
    folder: str | os.PathLike[str] | None = None,
    execution: Execution | None = None,
) -> Prior:
    """Load the prior of a card whose architecture is of kind diffusers.

    Args:
        card: names the folder, and the schedule or where it is read from.
        folder: another folder than the card's.
        execution: memory layout and compilation; the device's defaults if None.

    Raises:
        UserError: diffusers is not installed, or the folder is missing or of another model.
    """
    place = Path(folder) if folder is not None else _place(card)
    check_folder(card, place)
    scheduler, source = read_scheduler(place)
    folders = card.schedule.kind == "diffusers"
    schedule = folder_schedule(scheduler, source or place) if folders else card.schedule.build()
    running: dict[str, Any] = {
        "device": device,
        "dtype": dtype,
        "execution": execution,
        "prediction": card.schedule.prediction or folder_prediction(scheduler, source or place),
        "rescale_timesteps": card.schedule.rescales,
    }
    unet = _unet(place)
    if _config(unet)["in_channels"] != 3 or _config(unet)["out_channels"] not in (3, 6):
        raise CorruptFileError(
            place, "the model must take 3 channels (RGB) and give 3, or 6 with learned variance"
        )
    network = DiffusersNetwork(unet)
    classes = _classes(unet, place)
    if (classes is None) != (card.label is None):
        said = "has no classes" if classes is None else "is class-conditional"
        raise CardError(card.path, f"label: {card.label!r}, but the model in {place} {said}")
    if classes is None:
        return NetworkPrior(network, schedule, **running)
    label = None if card.label == "dataset" else card.label
    return ConditionalPrior(network, schedule, classes=classes, label=label, **running)


def _place(card: Card) -> Path:
    place = card.weights.named or card.local("weights")
    if place is None or not place.is_dir():
        raise CardError(card.path, f"weights: there is no folder {place}")
    return place


def _unet(place: Path) -> nn.Module:
    try:
        from diffusers import UNet2DModel
    except ImportError as error:
        raise MissingLibraryError(place, "diffusers", error) from error
    inside = place / "unet" if (place / "unet").is_dir() else place
    if not (inside / "config.json").is_file():
        raise CorruptFileError(place, "is no folder of a diffusers UNet2DModel: no config.json")
    try:
        unet, info = UNet2DModel.from_pretrained(
            inside, local_files_only=True, output_loading_info=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CorruptFileError(place, f"not a UNet2DModel ({reason})") from error
    wrong = [f"{what}: {listed(list(names))}" for what, names in info.items() if names]
    if wrong:
        raise CorruptFileError(place, f"not this network's weights; {'; '.join(wrong)}")
    _check_times(unet, inside)
    check_finite(unet.state_dict(), place)
    return unet


def _check_times(unet: nn.Module, inside: Path) -> None:
    """Refuse a model that is asked with noise levels instead of times."""
    kind = _config(unet).get("time_embedding_type", "positional")
    if kind == "fourier":
        raise CorruptFileError(
            inside / "config.json",
            f"time_embedding_type {shown(kind)!r} takes noise levels of a variance-exploding "
            "diffusion, not times",
        )


def _config(unet: nn.Module) -> Mapping[str, Any]:
    return unet.config  # type: ignore[return-value]


def _classes(unet: nn.Module, place: Path) -> int | None:
    """Number of classes of a class-conditional model."""
    if (kind := _config(unet).get("class_embed_type")) is not None:
        raise CorruptFileError(place, f"class_embed_type {kind!r} is not supported, only null is")
    return _config(unet).get("num_class_embeds")
