"""Degradation cards: a task with the kernel, border, scale, mask and noise that go with it.

The ``task`` column of a sheet names a task of the package or such a card. Nothing here imports
torch: files are looked at by their heads, and known by what they hold.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.files.shipped import names_in, own_or_shipped
from ddpg.operators.tasks import CROPPED, TASKS
from ddpg.study.noise_models import parsed
from ddpg.validation import GivenPath, Identifier, Section, read_yaml, shown, validated

CARD_FOLDER = Path("config/cards/degradations")

MOTION = "motion"
"""The kernel by words that may be drawn for each picture: ``motion:SIDE``."""


Measure = Literal["whole", "observed"]
"""What of a restoration is measured."""


class Noise(Section):
    """White Gaussian noise, and what else happens to an observation."""

    sigma_y: float | None = Field(default=None, ge=0, le=1)
    """Noise level for pictures in [0, 1], of rows of a sheet that leave theirs empty."""
    model: str = ""
    """What else there is: 8-bit, clipped, jpeg:QUALITY, poisson:PEAK, 8-bit-before or
    8-bit-cut-before."""

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        parsed(model)
        return model

    @model_validator(mode="after")
    def _something(self) -> Noise:
        if self.sigma_y is None and not self.model:
            raise ValueError("give sigma_y, or a model, or both")
        return self


class DegradationCard(Section):
    """A way to degrade pictures."""

    name: Identifier
    """Name of the degradation in the sheet and in the results; no task of the package has it."""
    description: str = ""
    """What it is for people."""
    task: str
    """A task of the package, or of a plug-in, such as blur, inpainting or sr_average."""
    operator: str = ""
    """Backend of the task; its own by default. Of a blur it is the border."""
    border: str = ""
    """Of a blur: cropped, reflect, replicate, zero or circular."""
    kernel: GivenPath | None = None
    """Of a blur: a file, a folder with one for each picture, or words such as gaussian:1.6."""
    scale: int | None = Field(default=None, ge=1, le=64)
    """Of super-resolution, and of a blur that is sampled."""
    mask: GivenPath | None = None
    """What is known: a file, a folder with one for each picture, or words such as random:0.9."""
    share: float | None = Field(default=None, gt=0, le=1)
    """Of compressed_sensing: the share of coefficients that is measured."""
    weights: tuple[float, float, float] | None = None
    """Of colorization: of red, green and blue in the grey that is seen."""
    noise: Noise | None = None
    """What is added."""
    measure: Measure = "whole"
    """Of a blur with the border cropped: whether all that is restored is measured, or what lies in
    the frame of the observation."""

    @field_validator("name")
    @classmethod
    def _of_its_own(cls, name: str) -> str:
        if name in TASKS:
            raise ValueError("must not be the name of a task of the package or of a plug-in")
        return name

    @field_validator("task")
    @classmethod
    def _known(cls, task: str) -> str:
        if task not in TASKS:
            raise ValueError(f"must be one of {', '.join(sorted(TASKS))}")
        return task

    @model_validator(mode="before")
    @classmethod
    def _as_tuple(cls, content: object) -> object:
        if isinstance(content, dict) and isinstance(content.get("weights"), list):
            return content | {"weights": tuple(content["weights"])}
        return content

    @model_validator(mode="after")
    def _fitting(self) -> DegradationCard:
        if self.border and self.operator and self.border != self.operator:
            raise ValueError(
                f"border {self.border!r} and operator {self.operator!r} contradict each other"
            )
        for name, tasks in _OF_TASKS.items():
            if getattr(self, name) is not None and self.task not in tasks:
                raise ValueError(f"{self.task} takes no {name}; {' and '.join(tasks)} may")
        if self.noise and self.noise.model and self.task == "compressed_sensing":
            raise ValueError(
                "noise: compressed_sensing observes no picture, which a model could round or count"
            )
        for name, task in (("kernel", "blur"), ("mask", "inpainting")):
            if getattr(self, name) is None and self.task == task:
                raise ValueError(f"{task} needs a {name}: a file, a folder or words")
        if self.measure == "observed" and (self.task != "blur" or self._border() != CROPPED):
            raise ValueError(
                "measure: observed is for a blur with the border cropped, where the observation is "
                "smaller than the picture; leave it out"
            )
        if self.weights is not None and not any(self.weights):
            raise ValueError("weights must not all be 0")
        if self.border and self.task != "blur":
            raise ValueError(f"{self.task} takes no border; blur may")
        return self

    def _border(self) -> str:
        return self.border or self.operator or TASKS[self.task].backend


_OF_TASKS = {
    "kernel": ("blur",),
    "mask": ("inpainting", "blur"),
    "share": ("compressed_sensing",),
    "weights": ("colorization",),
}
"""Which tasks take what."""


def is_card(task: str) -> bool:
    """Whether the ``task`` of a sheet names a card, or the path of one."""
    return task not in TASKS and (
        task.endswith((".yaml", ".yml")) or own_or_shipped(CARD_FOLDER / f"{task}.yaml").is_file()
    )


def read_card(name_or_path: str) -> DegradationCard:
    """Read a degradation's card, by name or path; a sheet asks for the same ones for every row.

    Raises:
        UserError: there is no such card, or it is not valid.
    """
    path = (
        Path(name_or_path).expanduser()
        if name_or_path.endswith((".yaml", ".yml"))
        else own_or_shipped(CARD_FOLDER / f"{name_or_path}.yaml")
    )
    try:
        status = path.stat()
    except OSError:
        known = ", ".join(names_in(CARD_FOLDER)) or "none"
        raise UserError(f"{path}: there is no such card; cards in {CARD_FOLDER}: {known}") from None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, _time: int, _bytes: int) -> DegradationCard:
    card = validated(DegradationCard, read_yaml(path), str(path))
    problems = [problem for problem in (_kernel_words(card), _mask_words(card)) if problem]
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return card


def _kernel_words(card: DegradationCard) -> str:
    """What is wrong with a kernel by words, or with where its file should be."""
    return "" if card.kernel is None else kernel_problem(card.kernel)


def kernel_problem(kernel: str) -> str:
    """What is wrong with a kernel by words, or with where its file should be; "" if nothing."""
    if not pictures.is_by_words(kernel):
        return "" if Path(kernel).exists() else f"kernel: {kernel}: no such file or folder"
    if pictures.is_mask_word(kernel) and not pictures.is_word(kernel):
        return f"kernel: {shown(kernel)} is a mask"
    try:
        if pictures.is_drawn_for_each(kernel):
            pictures.drawn_side(kernel)
        elif kernel.startswith(f"{MOTION}:"):
            pictures.check_motion(kernel)  # drawn with torch, by the job
        else:
            pictures.read_kernel(kernel)
    except UserError as error:
        return f"kernel: {error}"
    return ""


def _mask_words(card: DegradationCard) -> str:
    mask = card.mask
    if (
        mask is None
        or (pictures.is_by_words(mask) and pictures.is_mask_word(mask))
        or Path(mask).exists()
    ):
        return ""
    return f"mask: {mask}: no such file or folder"


def kernel_side(kernel: str) -> int:
    """A side that no kernel exceeds, odd: that to which the kernels of a folder are filled up.

    Raises:
        UserError: a file cannot be read.
    """
    if pictures.is_drawn_for_each(kernel):
        return pictures.drawn_side(kernel)
    if kernel.startswith(f"{MOTION}:"):
        return _odd(int(float(kernel.partition(":")[2].split(",")[0] or 0)))
    if pictures.is_by_words(kernel):
        return len(pictures.read_kernel(kernel))
    return max(
        (_odd(max(pictures.size_of(file))) for file in pictures.all_files(kernel)), default=0
    )


def _odd(side: int) -> int:
    return side + 1 - side % 2
