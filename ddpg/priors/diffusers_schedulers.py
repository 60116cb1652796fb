"""The diffusion that a scheduler of the library diffusers describes; variance-preserving ones only.

What a scheduler says about the training (betas, steps, what is predicted) is taken exactly as it
stands in its file; what it says about sampling (spacing, solver, Karras sigmas) is of no concern
here. A class or a flag of another diffusion is refused by its name, before any job: nothing here
imports torch but for the schedule itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ddpg.errors import CorruptFileError
from ddpg.priors.cards.own_files import SCHEDULER
from ddpg.priors.checkpoints.wording import listed, shown

if TYPE_CHECKING:
    import torch

    from ddpg.priors.cards.card import Card
    from ddpg.priors.network_prior import Prediction
    from ddpg.priors.schedule import Schedule

PIPELINE = "model_index.json"

VARIANCE_PRESERVING: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(
        (
            *("DDPMScheduler", "DDPMParallelScheduler", "DDIMScheduler", "DDIMParallelScheduler"),
            *("DDIMInverseScheduler", "PNDMScheduler", "RePaintScheduler", "SASolverScheduler"),
            *("DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler"),
            *("DPMSolverSinglestepScheduler", "DEISMultistepScheduler", "UniPCMultistepScheduler"),
            *("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "LMSDiscreteScheduler"),
        ),
        (1e-4, 0.02),
    ),
    **dict.fromkeys(
        (
            *("HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "DPMSolverSDEScheduler"),
            "KDPM2AncestralDiscreteScheduler",
        ),
        (0.00085, 0.012),
    ),
}
"""Schedulers for networks of Ho et al.'s diffusion, with the betas that count where a file is
silent. Distilled (LCM, TCD), shifted (CogVideoX) and all other diffusions are missing."""

_BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2")
_PREDICTIONS: Mapping[object, Prediction] = {
    "epsilon": "epsilon",
    "v_prediction": "v",
    "sample": "x_start",
}
_MOST_STEPS = 100_000


def read_scheduler(place: Path) -> tuple[dict[str, Any], Path | None]:
    """What a folder says about its diffusion and in which file; nothing if it does not.

    Raises:
        CorruptFileError: the file is not JSON, or the folder's pipeline is of another diffusion,
            or not of pixels.
    """
    _check_pipeline(place)
    for path in (place / SCHEDULER, place / "scheduler" / SCHEDULER):
        if path.is_file():
            return _json(path), path
    return {}, None


def check_folder(card: Card, place: Path) -> None:
    """Refuse a folder of which no prior can be made, going by what it says of its diffusion.

    Args:
        card: of the prior; what it says of schedule and prediction itself is not looked for.
        place: the folder.

    Raises:
        CorruptFileError: the message names the file, and the class or flag.
    """
    config, source = read_scheduler(place)
    if source is not None:
        check_diffusion(config, source)
    elif card.schedule.kind == "diffusers":
        raise CorruptFileError(
            place, f"has no {SCHEDULER}; give the card a schedule of kind linear or cosine"
        )
    if card.schedule.prediction is None:
        folder_prediction(config, source or place)


def check_diffusion(config: Mapping[str, Any], path: Path) -> None:
    """Refuse a scheduler whose class or flags are of another diffusion than the package's.

    Raises:
        CorruptFileError: the message names the class or the flag, and the file.
    """
    name = config.get("_class_name")
    betas = config.get("beta_schedule"), config.get("trained_betas"), config.get("beta_start")
    if name is None and not config.get("rescale_betas_zero_snr") and not any(betas):
        raise CorruptFileError(path, "names neither its class (_class_name) nor a beta_schedule")
    if name is not None and not _is_known(name):
        raise CorruptFileError(path, _another_diffusion(name))
    if config.get("rescale_betas_zero_snr"):
        raise CorruptFileError(path, "rescale_betas_zero_snr leaves no signal at the last time")
    foreign = {
        "use_flow_sigmas": bool(config.get("use_flow_sigmas")),
        "use_dynamic_shifting": bool(config.get("use_dynamic_shifting")),
        "timestep_type": config.get("timestep_type", "discrete") != "discrete",
        "snr_shift_scale": config.get("snr_shift_scale", 1.0) != 1.0,
    }
    for flag in (flag for flag, set_ in foreign.items() if set_):
        value = shown(config[flag])
        raise CorruptFileError(path, f"{flag}: {value} is of another diffusion; not supported")


def folder_prediction(config: Mapping[str, Any], path: Path) -> Prediction:
    """What the network predicts.

    Raises:
        CorruptFileError: it is nothing that is known.
    """
    kind = config.get("prediction_type", "epsilon")
    if not isinstance(kind, str) or kind not in _PREDICTIONS:
        raise CorruptFileError(
            path, f"says prediction_type {shown(kind)!r}; allowed: {listed(list(_PREDICTIONS))}"
        )
    return _PREDICTIONS[kind]


def folder_schedule(config: Mapping[str, Any], path: Path) -> Schedule:
    """The schedule that a diffusers scheduler's file describes.

    Raises:
        CorruptFileError: it is of another diffusion, or names betas that are not known.
    """
    check_diffusion(config, path)
    kind, trained = config.get("beta_schedule", "linear"), config.get("trained_betas")
    if trained is None and kind not in _BETAS:
        raise CorruptFileError(
            path,
            f"beta_schedule must be one of {', '.join(_BETAS)}, got {shown(kind)!r}; "
            "a card can give the schedule instead",
        )
    import torch

    try:
        if trained is not None:
            return _of_betas(torch.tensor(trained, dtype=torch.float64))
        return _of_kind(kind, config, path)
    except (ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, CorruptFileError):
            raise
        raise CorruptFileError(path, f"schedule: {str(error)[:200]}") from error


def _of_kind(kind: str, config: Mapping[str, Any], path: Path) -> Schedule:
    import torch

    from ddpg.priors.schedule import Schedule

    steps = config.get("num_train_timesteps", 1000)
    if type(steps) is not int or not 1 <= steps <= _MOST_STEPS:
        raise CorruptFileError(
            path,
            f"num_train_timesteps must be an integer in [1, {_MOST_STEPS}], got {shown(steps)}",
        )
    if kind == "squaredcos_cap_v2":
        return Schedule.cosine(steps)
    first, last = VARIANCE_PRESERVING.get(config.get("_class_name", ""), (1e-4, 0.02))
    start = _beta(config, "beta_start", first, path)
    end = _beta(config, "beta_end", last, path)
    if kind == "linear":
        return Schedule.linear(start, end, steps)
    roots = torch.linspace(math.sqrt(start), math.sqrt(end), steps, dtype=torch.float64)
    return _of_betas(roots.square())


def _beta(config: Mapping[str, Any], name: str, default: float, path: Path) -> float:
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise CorruptFileError(path, f"{name} must lie in (0, 1), got {shown(value)}")
    return float(value)


def _of_betas(betas: torch.Tensor) -> Schedule:
    from ddpg.priors.schedule import Schedule

    return Schedule((1 - betas).cumprod(dim=0))


def _is_known(name: object) -> bool:
    return isinstance(name, str) and name in VARIANCE_PRESERVING


def _another_diffusion(name: object) -> str:
    """What to say of a scheduler's class that is not known as variance-preserving."""
    return (
        f"its scheduler is {shown(name)}, which is not known to be of the variance-preserving "
        "diffusion with betas (as DDPMScheduler, DDIMScheduler, ...) that a prior here needs"
    )


def _check_pipeline(place: Path) -> None:
    """Refuse a pipeline whose network sees latents or text, or whose scheduler is another."""
    path = place / PIPELINE
    if not path.is_file():
        return
    components = {
        name: value
        for name, value in _json(path).items()
        if isinstance(value, list) and len(value) == 2 and value[1] is not None
    }
    others = sorted(set(components) - {"unet", "scheduler"})
    if others:
        raise CorruptFileError(
            path, f"the pipeline also has {listed(others)}: its network is not one of pixels alone"
        )
    name = components.get("scheduler", (None, None))[1]
    if name is not None and not _is_known(name):
        raise CorruptFileError(path, _another_diffusion(name))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(path, f"is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(content, dict):
        raise CorruptFileError(path, "is not a JSON object")
    return cast("dict[str, Any]", content)
