"""A folder of the library diffusers (``UNet2DModel``) as a prior; diffusers is optional.

The folder is one that ``UNet2DModel.save_pretrained`` writes, or that of a whole pipeline with
``unet`` and ``scheduler`` in it. Nothing is downloaded.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import UserError
from ddpg.files.tensors import CorruptFileError
from ddpg.priors.base import Prior
from ddpg.priors.cards.card import Card, CardError
from ddpg.priors.conditional import ConditionalPrior
from ddpg.priors.execution import Execution
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.schedule import Schedule

SCHEDULER = "scheduler_config.json"

_EPSILON, _VELOCITY, _SAMPLE = "epsilon", "v_prediction", "sample"


class DiffusersNetwork(nn.Module):
    """Noise prediction ``network(x_t, t)`` or ``network(x_t, t, y)`` from a ``UNet2DModel``.

    Args:
        unet: the model.
        schedule: of the diffusion, for models that predict something else than the noise.
        prediction: "epsilon", "v_prediction" or "sample", as diffusers calls it.
    """

    abar: Tensor

    def __init__(self, unet: nn.Module, schedule: Schedule, prediction: str = _EPSILON) -> None:
        super().__init__()
        self.unet, self.prediction = unet, prediction
        self.size_multiple = 2 ** (len(_config(unet)["down_block_types"]) - 1)
        self.register_buffer("abar", schedule.alphas_cumprod.float(), persistent=False)

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        predicted = self.unet(x_t, t, class_labels=y).sample[:, :3].float()
        if self.prediction == _EPSILON:
            return predicted
        abar = self.abar[t][:, None, None, None]
        if self.prediction == _VELOCITY:
            return abar.sqrt() * predicted + (1 - abar).sqrt() * x_t
        return (x_t - abar.sqrt() * predicted) / (1 - abar).sqrt()


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
        device, dtype: of the prior.
        folder: another folder than the card's.
        execution: memory layout and compilation; the device's defaults if None.

    Raises:
        UserError: diffusers is not installed, or the folder is missing or of another model.
    """
    place = Path(folder) if folder is not None else _place(card)
    scheduler = _scheduler(place)
    schedule = _schedule(card, scheduler, place)
    prediction = scheduler.get("prediction_type", _EPSILON)
    if prediction not in (_EPSILON, _VELOCITY, _SAMPLE):
        raise CorruptFileError(place, f"its {SCHEDULER} says prediction_type {prediction!r}")
    unet = _unet(place)
    if _config(unet)["in_channels"] != 3 or _config(unet)["out_channels"] not in (3, 6):
        raise CorruptFileError(
            place, "the model must take 3 channels (RGB) and give 3, or 6 with learned variance"
        )
    network = DiffusersNetwork(unet, schedule, prediction)
    classes = _classes(unet, place)
    if (classes is None) != (card.label is None):
        said = "has no classes" if classes is None else "is class-conditional"
        raise CardError(card.path, f"label: {card.label!r}, but the model in {place} {said}")
    if classes is None:
        return NetworkPrior(network, schedule, device=device, dtype=dtype, execution=execution)
    return ConditionalPrior(
        network,
        schedule,
        classes=classes,
        label=None if card.label == "dataset" else card.label,
        device=device,
        dtype=dtype,
        execution=execution,
    )


def folder_schedule(config: Mapping[str, Any], place: Path) -> Schedule:
    """The schedule that a diffusers scheduler's file describes.

    Raises:
        CorruptFileError: it names one that is not known.
    """
    steps = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))

    def scaled_linear() -> Schedule:
        roots = torch.linspace(math.sqrt(start), math.sqrt(end), steps, dtype=torch.float64)
        return Schedule(torch.cumprod(1 - roots.square(), dim=0))

    known: dict[str, Callable[[], Schedule]] = {
        "linear": lambda: Schedule.linear(start, end, steps),
        "scaled_linear": scaled_linear,
        "squaredcos_cap_v2": lambda: Schedule.cosine(steps),
    }
    kind = config.get("beta_schedule", "linear")
    if config.get("rescale_betas_zero_snr"):
        raise CorruptFileError(place, "rescale_betas_zero_snr leaves no signal at the last time")
    try:
        if config.get("trained_betas") is not None:
            betas = torch.tensor(config["trained_betas"], dtype=torch.float64)
            return Schedule(torch.cumprod(1 - betas, dim=0))
        if kind in known:
            return known[kind]()
    except ValueError as error:
        raise CorruptFileError(place, f"schedule: {error}") from error
    raise CorruptFileError(
        place,
        f"beta_schedule must be one of {', '.join(known)}, got {kind!r}; "
        "a card can give the schedule instead",
    )


def _place(card: Card) -> Path:
    variable = card.weights.environment
    value = os.environ.get(variable, "") if variable else ""
    place = Path(value).expanduser() if value else card.local("weights")
    if place is None or not place.is_dir():
        raise CardError(card.path, f"weights: there is no folder {place}")
    return place


def _schedule(card: Card, scheduler: Mapping[str, Any], place: Path) -> Schedule:
    if card.schedule.kind != "diffusers":
        return card.schedule.build()
    if not scheduler:
        raise CorruptFileError(
            place, f"has no {SCHEDULER}; give the card a schedule of kind linear or cosine"
        )
    return folder_schedule(scheduler, place)


def _scheduler(place: Path) -> dict[str, Any]:
    """What the folder says about its diffusion; nothing if it does not."""
    for path in (place / SCHEDULER, place / "scheduler" / SCHEDULER):
        if path.is_file():
            try:
                return dict(json.loads(path.read_text(encoding="utf-8")))
            except ValueError as error:
                raise CorruptFileError(path, f"is not valid JSON: {error}") from error
    return {}


def _unet(place: Path) -> nn.Module:
    try:
        from diffusers import UNet2DModel
    except ImportError as error:
        raise UserError(
            f"{place}: needs the library diffusers: pip install 'ddpg[diffusers]'"
        ) from error
    inside = place / "unet" if (place / "unet").is_dir() else place
    if not (inside / "config.json").is_file():
        raise CorruptFileError(place, "is no folder of a diffusers UNet2DModel: no config.json")
    try:
        unet, found = UNet2DModel.from_pretrained(
            inside, local_files_only=True, output_loading_info=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CorruptFileError(place, f"not a UNet2DModel ({reason})") from error
    wrong = [f"{what}: {', '.join(names)}" for what, names in found.items() if names]
    if wrong:
        raise CorruptFileError(place, f"not this network's weights; {'; '.join(wrong)}")
    return unet


def _config(unet: nn.Module) -> Mapping[str, Any]:
    return unet.config  # type: ignore[return-value]


def _classes(unet: nn.Module, place: Path) -> int | None:
    """Number of classes of a class-conditional model."""
    if (kind := _config(unet).get("class_embed_type")) is not None:
        raise CorruptFileError(place, f"class_embed_type {kind!r} is not supported, only null is")
    return _config(unet).get("num_class_embeds")
