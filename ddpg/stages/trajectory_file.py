"""Files of recorded trajectories. Drawing them needs this module, but no sampler."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_metadata, read_tensors, write_tensors

_PARTS = ("x0", "restored", "observation", "truth")
_ABOUT = "trajectory"


@dataclass(frozen=True)
class Moment:
    """One step: its number from 0, its time index, and the PSNR (dB) of x0 after it."""

    step: int
    t: int
    psnr: float


@dataclass(frozen=True)
class Trajectory:
    """What a sampler thought of one image.

    Attributes:
        x0: (K, 3, H, W), estimates at the steps ``kept``.
        restored, observation, truth: (3, H, W) and, of the observation, (3, h, w); all on [-1, 1].
        moments: every step.
        kept: numbers of the K steps.
        psnr: of the restoration, in dB.
        about: dataset, task, operator, scale, sigma_y, method, label and image.
        failure: why there is no restoration, and then no estimate and no moment either, or "".
    """

    x0: Tensor
    restored: Tensor
    observation: Tensor
    truth: Tensor
    moments: list[Moment]
    kept: list[int]
    psnr: float
    about: Mapping[str, Any]
    failure: str = ""


def failed_trajectory(
    observation: Tensor, truth: Tensor, failure: str, about: Mapping[str, Any]
) -> Trajectory:
    """Return what stands for a trajectory that left the numbers: nothing but the reason.

    Args:
        observation, truth: (3, h, w) and (3, H, W), on [-1, 1].
        failure: the reason.
        about: what it would have been of.
    """
    nothing = torch.full_like(truth, math.nan)
    return Trajectory(
        nothing[None][:0], nothing, observation, truth, [], [], math.nan, about, failure
    )


def write_trajectory(trajectory: Trajectory, path: str | os.PathLike[str]) -> None:
    """Write a trajectory: float16 tensors x0, restored, observation, truth, the rest as JSON."""
    tensors = {name: getattr(trajectory, name).half() for name in _PARTS}
    content = {
        "about": trajectory.about,
        "psnr": trajectory.psnr,
        "kept": trajectory.kept,
        "failure": trajectory.failure,
        "moments": [asdict(moment) for moment in trajectory.moments],
    }
    write_tensors(tensors, path, metadata={_ABOUT: json.dumps(content)})


def read_trajectory(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory.

    Raises:
        UserError: the file cannot be read, or holds no trajectory.
    """
    tensors = {name: x.float() for name, x in read_tensors(path, _PARTS).items()}
    text = read_metadata(path).get(_ABOUT)
    if text is None:
        raise UserError(f"{os.fspath(path)}: holds no trajectory")
    content = json.loads(text)
    moments = [Moment(**moment) for moment in content["moments"]]
    return Trajectory(
        **tensors, moments=moments, kept=content["kept"], psnr=content["psnr"],
        about=content["about"], failure=content.get("failure", ""),
    )  # fmt: skip
