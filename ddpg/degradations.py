"""The degradations that a sheet may name, and their identity in the paths of results.

The backends of a task are different observation models, not different speeds of one, so the
backend belongs to the degradation's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddpg.errors import UserError
from ddpg.tasks import TASK_BACKENDS, check_task

SCALES = (2, 4, 8)

DEFAULT_BACKENDS = {"sr_bicubic": "svd"}
"""The backend of a task where a sheet names none, as in the published runs; otherwise fft."""


@dataclass(frozen=True)
class Degradation:
    """A task, the backend that defines it, and the scale of super-resolution."""

    task: str
    operator: str
    scale: int | None = None

    @property
    def key(self) -> str:
        """The degradation's name in paths, such as ``sr_bicubic-x4-svd``."""
        scale = f"-x{self.scale}" if self.scale else ""
        return f"{self.task}{scale}-{self.operator}"


def check_degradation(task: str, operator: str, scale: float | None) -> Degradation:
    """Complete and check a degradation.

    Args:
        task: a key of :data:`ddpg.tasks.TASK_BACKENDS`.
        operator: its backend, or "" for the task's default.
        scale: the factor of super-resolution, or None for 4 (for another task: for none).

    Raises:
        UserError: naming the column of the sheet, what was found and what is allowed.
    """
    if task == "inpainting":
        raise UserError("task: inpainting needs a mask, which a sheet cannot give")
    operator = operator or DEFAULT_BACKENDS.get(task, "fft")
    try:
        check_task(task, operator)
    except ValueError as error:
        raise UserError(f"{'operator' if task in TASK_BACKENDS else 'task'}: {error}") from error
    if task != "sr_bicubic":
        if scale is not None:
            raise UserError(f"scale: {task} has no scale, got {scale!r}")
        return Degradation(task, operator)
    scale = 4 if scale is None else scale
    if scale not in SCALES:
        raise UserError(f"scale: must be one of {', '.join(map(str, SCALES))}, got {scale!r}")
    return Degradation(task, operator, int(scale))
