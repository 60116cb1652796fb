"""The degradations that a sheet may name, and their identity in the paths of results.

The backends of a task are different observation models, not different speeds of one, so the
backend belongs to the degradation's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.operators.tasks import CROPPED, TASKS, Grade, check_task
from ddpg.study.degradation_cards import (
    DegradationCard,
    Measure,
    is_card,
    kernel_side,
    read_card,
)
from ddpg.study.names import degradation_name, number_name


@dataclass(frozen=True)
class Degradation:
    """A task, the backend that defines it, the scale of super-resolution, and what a card adds.

    Attributes:
        task: of the package or a plug-in.
        operator: its backend; of a blur the border.
        scale: None without one.
        card: the name of the card that describes it; "" for a task of a sheet.
        kernel, mask: a file, a folder or words; "" without.
        share: of what compressed sensing measures.
        weights: of the colours in grey.
        measure: whether all of a restoration is measured, or what lies in the frame of y.
        noise: the model of what happens to an observation beside white noise; "" without.
    """

    task: str
    operator: str
    scale: int | None = None
    card: str = ""
    kernel: str = ""
    mask: str = ""
    share: float | None = None
    weights: tuple[float, float, float] | None = None
    measure: Measure = "whole"
    noise: str = ""

    @property
    def name(self) -> str:
        """What the sheet calls it, in tables as well: the card, else the task."""
        return self.card or self.task

    @property
    def grade(self) -> Grade:
        """What its operator is able to do, see :data:`ddpg.operators.tasks.GRADES`."""
        return TASKS[self.task].grade(self.operator)

    @property
    def key(self) -> str:
        """The degradation's name in paths, such as ``sr_bicubic-x4-svd``."""
        return degradation_name(self.name, self.scale, self.operator)

    @property
    def kernel_rim(self) -> int:
        """Rows, and columns, by which less of a picture is observed than is restored."""
        unseen = self.operator == CROPPED and self.kernel
        return kernel_side(self.kernel) - 1 if unseen else 0

    def observed(self, sides: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what is observed of a picture, and so of what a mask hides of it.

        A blur keeps every ``scale``-th pixel, the first among them; other scales divide the sides,
        or what they do not divide is cut off before.
        """
        height, width = (side - self.kernel_rim for side in sides)
        scale = self.scale or 1
        if self.task == "blur":
            return -(-height // scale), -(-width // scale)
        return height // scale, width // scale

    @property
    def is_drawn_for_each(self) -> bool:
        """Whether each picture has a kernel, a mask or rows of its own, drawn from its seed."""
        return (
            self.task == "compressed_sensing"
            or (self.kernel != "" and pictures.is_drawn_for_each(self.kernel))
            or (self.mask != "" and pictures.is_drawn_at_random(self.mask))
        )


def check_degradation(task: str, operator: str, scale: float | None) -> Degradation:
    """Complete and check a degradation.

    Args:
        task: a key of :data:`ddpg.operators.tasks.TASKS`, or the name or path of a card.
        operator: its backend, or "" for the task's default.
        scale: the factor of super-resolution, or None for 4 (for a task without: for none).

    Raises:
        UserError: naming the column of the sheet, what was found and what is allowed.
    """
    if is_card(task):
        if operator or scale is not None:
            raise UserError(
                f"{'operator' if operator else 'scale'}: leave it empty, the card {task} says it"
            )
        return _of_card(read_card(task))
    operator = operator or (TASKS[task].backend if task in TASKS else "")
    try:
        check_task(task, operator)
    except ValueError as error:
        cards = "" if task in TASKS else "; no card in config/cards/degradations has the name"
        raise UserError(f"{'operator' if task in TASKS else 'task'}: {error}{cards}") from error
    needs = TASKS[task].needs
    if needs and task != "motion_deblur":
        raise UserError(
            f"task: {task} needs a {needs}, which a sheet cannot give; write a card for it "
            "(config/cards/degradations) and name the card here"
        )
    return Degradation(task, operator, _checked_scale(task, scale))


def _checked_scale(task: str, scale: float | None) -> int | None:
    scales = TASKS[task].scales
    if not scales:
        if scale is not None:
            raise UserError(f"scale: {task} has no scale, got {scale!r}")
        return None
    scale = TASKS[task].scale if scale is None else scale
    if scale is None or scale not in scales:
        raise UserError(f"scale: must be one of {', '.join(map(str, scales))}, got {scale!r}")
    return int(scale)


def _of_card(card: DegradationCard) -> Degradation:
    """The degradation that a card describes."""
    operator = card.border or card.operator or TASKS[card.task].backend
    try:
        check_task(card.task, operator)
        sampled = card.task == "blur" and card.scale not in (None, 1)
        scale = card.scale if sampled else None
        if card.task != "blur":
            scale = _checked_scale(card.task, card.scale)
    except ValueError as error:
        raise UserError(f"task: the card {card.name}: {error}") from error
    return Degradation(
        card.task,
        operator,
        scale,
        card.name,
        card.kernel or "",
        card.mask or "",
        card.share,
        card.weights,
        card.measure,
        card.noise.model if card.noise else "",
    )


def noise_of_card(card: str) -> str:
    """The noise level of rows that leave theirs empty, as a sheet has it; "" if it says none."""
    noise = read_card(card).noise
    return "" if noise is None or noise.sigma_y is None else number_name(noise.sigma_y)
