"""What is wanted of pictures: checked before anything is read or computed, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ddpg.errors import UserError
from ddpg.operators.tasks import BORDERS, CROPPED
from ddpg.pictures.kernels import Kernel
from ddpg.restoring.tasks import TASKS, RestoringTask
from ddpg.samplers.catalogue import STEPS, Method, find_method, recommendation

METHOD_OF_SAMPLES = "ddpg"
"""IDPG is random in its start alone, and its restorations hardly differ."""
PRIOR = "dead-leaves"


@dataclass(frozen=True)
class Request:
    """A task with all that decides the result but the picture and its mask.

    Attributes:
        task: a key of :data:`ddpg.restoring.tasks.TASKS`.
        kernel: of a blur, see :func:`ddpg.pictures.kernels.checked_kernel`.
        kernel_name: for messages.
        border: of a blur, one of :data:`ddpg.operators.tasks.BORDERS`.
        scale: the factor of a picture made smaller; None for the task's own.
        sigma_y: standard deviation of the noise for values in [0, 1]; None to estimate it.
        method: a key of :data:`ddpg.samplers.METHODS`, or an alias; None for the best on average,
            or for one whose restorations differ where there are several.
        settings: hyper-parameters that differ from what is recommended, ``steps`` among them.
        prior: name or card.
        samples: how many restorations.
        seed: of their random numbers.
        whole: whether what lies outside the frame of a "cropped" blur is given back, too.
        tile: side of the tiles that the network sees; None for the prior's own.

    Raises:
        UserError: something is unknown, missing, superfluous or impossible.
    """

    task: str
    kernel: Kernel | None = None
    kernel_name: str = "kernel"
    border: str = CROPPED
    scale: int | None = None
    sigma_y: float | None = None
    method: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    prior: str = PRIOR
    samples: int = 1
    seed: int = 0
    whole: bool = False
    tile: int | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise UserError(f"unknown task {self.task!r}; known tasks: {', '.join(TASKS)}")
        self._check_kernel()
        self._check_scale()
        self._check_numbers()
        self.values(0.01 if self.sigma_y is None else self.sigma_y)

    @property
    def about(self) -> RestoringTask:
        """The task's description."""
        return TASKS[self.task]

    @property
    def factor(self) -> int:
        """How many times larger the restored picture is."""
        return self.scale or self.about.scale or 1

    @property
    def the_method(self) -> Method:
        """The method's description."""
        chosen = self.about.method if self.samples == 1 else METHOD_OF_SAMPLES
        return find_method(self.method or chosen)

    def check_mask(self, given: bool) -> None:
        """Refuse a mask that is missing or has no use.

        Raises:
            UserError: in words.
        """
        if given and not self.about.mask:
            with_mask = ", ".join(name for name, task in TASKS.items() if task.mask)
            raise UserError(f"{self.task} takes no mask; tasks with one: {with_mask}")
        if not given and self.about.mask == "needed":
            raise UserError(f"{self.task} needs a mask: a picture, white where pixels are known")

    def values(self, sigma_y: float) -> dict[str, Any]:
        """The hyper-parameters at a noise level: those given, over those recommended.

        Raises:
            UserError: one is unknown or out of its limits.
        """
        method = self.the_method
        recommended = dict(
            recommendation(method.name, task=self.about.like, sigma_y=sigma_y).values
        )
        if STEPS.name in recommended and method.name in _WALKS:
            recommended[STEPS.name] = self.about.steps
        known = {parameter.name: parameter for parameter in method.parameters}
        for name, value in self.settings.items():
            if name not in known:
                there = ", ".join(known) or "none"
                raise UserError(f"{method.name} has no hyper-parameter {name!r}; it has: {there}")
            parse = known[name].parse if isinstance(value, str) else known[name].check
            try:
                recommended[name] = parse(value)
            except ValueError as error:
                raise UserError(f"{method.name}: {error}") from error
        return recommended

    def _check_kernel(self) -> None:
        needed = self.about.kernel == "needed"
        if needed and self.kernel is None:
            raise UserError(f"{self.task} needs a kernel: a file, or such as gaussian:1.6")
        if self.kernel is not None and not self.about.kernel:
            raise UserError(f"{self.task} takes no kernel; blur does")
        if self.border not in BORDERS:
            raise UserError(f"unknown border {self.border!r}; known ones: {', '.join(BORDERS)}")
        if self.kernel is None and self.border != CROPPED:
            raise UserError(f"{self.task} has no border to choose; blur has")

    def _check_scale(self) -> None:
        if self.scale is None:
            return
        if not self.about.scale:
            with_scale = ", ".join(name for name, task in TASKS.items() if task.scale)
            raise UserError(f"{self.task} takes no scale; tasks with one: {with_scale}")
        least = 1 if self.about.scale == 1 else 2
        if isinstance(self.scale, bool) or not isinstance(self.scale, int) or self.scale < least:
            raise UserError(f"scale must be a whole number from {least} on, got {self.scale!r}")

    def _check_numbers(self) -> None:
        sigma = self.sigma_y
        if sigma is not None:
            number = isinstance(sigma, (int, float)) and not isinstance(sigma, bool)
            if not (number and math.isfinite(sigma) and 0 <= sigma <= 1):
                raise UserError(f"sigma_y must lie in [0, 1], for values in [0, 1]; got {sigma!r}")
        for name, value, least in (("samples", self.samples, 1), ("tile", self.tile, 16)):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or value < least
            ):
                raise UserError(f"{name} must be a whole number from {least} on, got {value!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise UserError(f"seed must be a whole number, got {self.seed!r}")


_WALKS = ("ddpg", "idpg", "idbp", "diffpir")
"""Methods that do with few steps what they do with the hundred of their papers."""


def split_setting(text: str) -> tuple[str, str]:
    """``name=value`` as a pair.

    Raises:
        UserError: there is no ``=``.

    >>> split_setting("gamma=90")
    ('gamma', '90')
    """
    name, equals, value = text.partition("=")
    if not (equals and name.strip()):
        raise UserError(f"a setting must be NAME=VALUE, such as gamma=90, got {text!r}")
    return name.strip(), value.strip()
