"""The degradations that a sheet may name, and their identity in the paths of results.

The backends of a task are different observation models, not different speeds of one, so the
backend belongs to the degradation's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddpg.errors import UserError
from ddpg.operators.tasks import TASKS, Grade, check_task
from ddpg.study.names import degradation_name


@dataclass(frozen=True)
class Degradation:
    """A task, the backend that defines it, and the scale of super-resolution."""

    task: str
    operator: str
    scale: int | None = None

    @property
    def grade(self) -> Grade:
        """What its operator is able to do, see :data:`ddpg.operators.tasks.GRADES`."""
        return TASKS[self.task].grade(self.operator)

    @property
    def key(self) -> str:
        """The degradation's name in paths, such as ``sr_bicubic-x4-svd``."""
        return degradation_name(self.task, self.scale, self.operator)


def check_degradation(task: str, operator: str, scale: float | None) -> Degradation:
    """Complete and check a degradation.

    Args:
        task: a key of :data:`ddpg.operators.tasks.TASKS`.
        operator: its backend, or "" for the task's default.
        scale: the factor of super-resolution, or None for 4 (for a task without: for none).

    Raises:
        UserError: naming the column of the sheet, what was found and what is allowed.
    """
    operator = operator or (TASKS[task].backend if task in TASKS else "")
    try:
        check_task(task, operator)
    except ValueError as error:
        raise UserError(f"{'operator' if task in TASKS else 'task'}: {error}") from error
    needs = TASKS[task].needs
    if needs and task != "motion_deblur":
        raise UserError(f"task: {task} needs a {needs}, which a sheet cannot give")
    scales = TASKS[task].scales
    if not scales:
        if scale is not None:
            raise UserError(f"scale: {task} has no scale, got {scale!r}")
        return Degradation(task, operator)
    scale = TASKS[task].scale if scale is None else scale
    if scale is None or scale not in scales:
        raise UserError(f"scale: must be one of {', '.join(map(str, scales))}, got {scale!r}")
    return Degradation(task, operator, int(scale))
