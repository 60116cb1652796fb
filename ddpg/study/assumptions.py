"""What a method is told of an observation where that is not what was observed: mismatch.

A row of the sheet may give its method another noise level or another kernel than the observation
has; the observations, and what restorations are measured against, stay what they are. Nothing here
imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.files.text import decimal_comma, written_number
from ddpg.operators.tasks import TASKS
from ddpg.study.degradation_cards import kernel_problem, kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.names import number_name
from ddpg.validation import shown

SIGMA_Y, KERNEL = "assumed_sigma_y", "assumed_kernel"
COLUMNS = (SIGMA_Y, KERNEL)
OBSERVED = "as observed"
"""Where a value comes from that a row leaves as it was observed."""


@dataclass(frozen=True)
class Assumptions:
    """What a method is told.

    Attributes:
        sigma_y: noise level on the [0, 1] scale; None: that of the observation.
        kernel: a file or words; "": that of the observation.
        shown: the columns that a row of the sheet gives, and so all rows tell: column -> text.
    """

    sigma_y: float | None = None
    kernel: str = ""
    shown: tuple[tuple[str, str], ...] = ()

    @property
    def given(self) -> dict[str, str]:
        """What differs from the observation, by column."""
        sigma_y = {} if self.sigma_y is None else {SIGMA_Y: number_name(self.sigma_y)}
        return sigma_y | ({KERNEL: self.kernel} if self.kernel else {})

    @property
    def origins(self) -> dict[str, str]:
        """Where each of the shown values comes from."""
        return {name: "sheet" if name in self.given else OBSERVED for name, _ in self.shown}


AS_OBSERVED = Assumptions()
"""Nothing else than what was observed."""


def columns_given(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Which of :data:`COLUMNS` are filled in any row of a sheet."""
    given = {column for row in rows for column in COLUMNS if row.get(column)}
    return [column for column in COLUMNS if column in given]


def assumptions_of(
    row: Mapping[str, str], degradation: Degradation, sigma_y: float, columns: Iterable[str]
) -> Assumptions:
    """Read and check what a row says that its method is told.

    Args:
        sigma_y: noise level of the observation.
        columns: those of :data:`COLUMNS` that any row of the sheet fills.

    Raises:
        UserError: naming the column, what was found and what is allowed.
    """
    assumed = _sigma_y(row[SIGMA_Y]) if row.get(SIGMA_Y) else None
    kernel = row.get(KERNEL) or ""
    if kernel:
        _check_kernel(kernel, degradation)
    told = {SIGMA_Y: number_name(sigma_y if assumed is None else assumed)}
    if TASKS[degradation.task].needs == "kernel":
        told[KERNEL] = kernel or degradation.kernel or "drawn"
    return Assumptions(
        assumed, kernel, tuple((name, told[name]) for name in columns if name in told)
    )


def _sigma_y(text: str) -> float:
    try:
        value = float(written_number(text))
    except ValueError:
        hint = decimal_comma(text)
        raise UserError(f"{SIGMA_Y}: must be a number, got {shown(text)}{hint}") from None
    if not 0 <= value <= 1:
        raise UserError(f"{SIGMA_Y}: must lie in [0, 1], got {text!r}")
    return value


def _check_kernel(kernel: str, degradation: Degradation) -> None:
    """Refuse a kernel that no operator of the observation can have."""
    if TASKS[degradation.task].needs != "kernel":
        takers = ", ".join(name for name, task in TASKS.items() if task.needs == "kernel")
        raise UserError(
            f"{KERNEL}: {degradation.name} has no kernel of its own that another could stand for; "
            f"those that have: {takers}, and cards of these"
        )
    if problem := kernel_problem(kernel):
        raise UserError(f"{KERNEL}: {problem.removeprefix('kernel: ')}")
    if pictures.is_drawn_for_each(kernel) or Path(kernel).is_dir():
        raise UserError(f"{KERNEL}: must be one kernel for all pictures, got {kernel!r}")
    if degradation.kernel and degradation.operator == "cropped":
        side, seen = kernel_side(kernel), kernel_side(degradation.kernel)
        if side > seen:
            raise UserError(
                f"{KERNEL}: {kernel} has {side} x {side} pixels, more than the {seen} x {seen} of "
                f"{degradation.kernel}, by which the observations of {degradation.name} are "
                "smaller than the pictures; give a kernel of that size or less"
            )
