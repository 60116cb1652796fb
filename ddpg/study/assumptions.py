"""What a method is told where that is not what it is about: mismatch.

A row of the sheet may give its method another noise level or another kernel than the observation
has, or another prior than that of its data set; the observations, and what restorations are
measured against, stay what they are. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.files.text import decimal_comma, written_number
from ddpg.operators.tasks import TASKS
from ddpg.samplers.catalogue import Method
from ddpg.study.degradation_cards import kernel_problem, kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.names import number_name
from ddpg.validation import shown

SIGMA_Y, KERNEL, PRIOR = "assumed_sigma_y", "assumed_kernel", "assumed_prior"
COLUMNS = (SIGMA_Y, KERNEL, PRIOR)
OBSERVED = "as observed"
"""Where a value comes from that a row leaves as it was observed."""
OF_DATASET = "the data set's"
"""Where the prior comes from of a row that names none."""


@dataclass(frozen=True)
class Assumptions:
    """What a method is told.

    Attributes:
        sigma_y: noise level on the [0, 1] scale; None: that of the observation.
        kernel: a file or words; "": that of the observation.
        prior: name of a prior, or path of its card; "": that of the data set.
        shown: the columns that a row of the sheet gives, and so all rows tell: column -> text.
            That of the prior is empty where it is the data set's, whose name the study knows.
    """

    sigma_y: float | None = None
    kernel: str = ""
    prior: str = ""
    shown: tuple[tuple[str, str], ...] = ()

    @property
    def given(self) -> dict[str, str]:
        """What differs from the observation, or from the data set, by column."""
        sigma_y = "" if self.sigma_y is None else number_name(self.sigma_y)
        told = {SIGMA_Y: sigma_y, KERNEL: self.kernel, PRIOR: self.prior}
        return {column: text for column, text in told.items() if text}

    @property
    def origins(self) -> dict[str, str]:
        """Where each of the shown values comes from."""
        left = {SIGMA_Y: OBSERVED, KERNEL: OBSERVED, PRIOR: OF_DATASET}
        return {name: "sheet" if name in self.given else left[name] for name, _ in self.shown}


AS_OBSERVED = Assumptions()
"""Nothing else than what was observed."""


def columns_given(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Which of :data:`COLUMNS` are filled in any row of a sheet."""
    given = {column for row in rows for column in COLUMNS if row.get(column)}
    return [column for column in COLUMNS if column in given]


def assumptions_of(
    row: Mapping[str, str],
    degradation: Degradation,
    sigma_y: float,
    columns: Iterable[str],
    *,
    method: Method,
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
    prior = row.get(PRIOR) or ""
    if prior and not method.uses_prior:
        raise UserError(f"{PRIOR}: {method.name} calls no prior; leave it empty")
    told = {SIGMA_Y: number_name(sigma_y if assumed is None else assumed)}
    told |= {PRIOR: prior} if method.uses_prior else {}
    if TASKS[degradation.task].needs == "kernel":
        told[KERNEL] = kernel or degradation.kernel or "drawn"
    shown_here = tuple((name, told[name]) for name in columns if name in told)
    return Assumptions(assumed, kernel, prior, shown_here)


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
