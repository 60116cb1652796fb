"""What can be asked of a person's picture, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddpg.operators.tasks import DEFAULT_SCALE


@dataclass(frozen=True)
class RestoringTask:
    """A kind of damage.

    Attributes:
        name: as :func:`ddpg.operators.build_operator` has it.
        description: one line.
        like: the task whose recommended settings count.
        kernel, mask: "needed", "allowed" or "" for none.
        scale: the factor where none is named; 0 where there can be none.
        blurred: whether what is observed has lost its fine details, which noise is measured by.
        negligible: a noise level that is measured, and not above it, counts as none: it may be
            texture, and known pixels are better left as they are.
        method, steps: what is done unless another is asked for: the best of a few that cost no more
            (docs/restoring.md).
    """

    name: str
    description: str
    like: str
    kernel: str = ""
    mask: str = ""
    scale: int = 0
    blurred: bool = False
    negligible: float = 0.0
    method: str = "idpg"
    steps: int = 20


_SUPER_RESOLUTION: Mapping[str, Any] = {
    "like": "sr_bicubic",
    "scale": DEFAULT_SCALE,
    "negligible": 2 / 255,
    "steps": 50,
}
_GENERATION: Mapping[str, Any] = {
    "like": "inpainting",
    "negligible": 5 / 255,
    "steps": 50,
}

TASKS: Mapping[str, RestoringTask] = {
    task.name: task
    for task in (
        RestoringTask(
            "blur",
            "a blur of which the kernel is known, perhaps of a sampled or partly hidden picture",
            like="motion_deblur",
            kernel="needed",
            mask="allowed",
            scale=1,
            blurred=True,
        ),
        RestoringTask(
            "sr_bicubic", "a picture made smaller as Pillow and cameras do it", **_SUPER_RESOLUTION
        ),
        RestoringTask(
            "sr_average",
            "a picture of which each pixel is the mean of a block",
            **_SUPER_RESOLUTION,
        ),
        RestoringTask("denoising", "noise alone", like="denoising", steps=50),
        RestoringTask("inpainting", "missing pixels", mask="needed", **_GENERATION),
        RestoringTask("colorization", "missing colours", method="ddpg", **_GENERATION),
    )
}
"""Every task of ``ddpg restore``."""
