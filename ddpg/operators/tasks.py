"""The tasks and the observation models that exist for each, without torch.

A backend is not a matter of speed: "fft" takes the image for periodic, "svd" has borders (and, for
super-resolution, other sampling positions), so a task and its backend together name an observation
model. The checks of experiment sheets read this table too, hence no heavy import. Other packages
add tasks through the entry-point group ``ddpg.operators``, see :mod:`ddpg.plugins`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ddpg.plugins import ELSEWHERE, Registry, module_of

DEFAULT_SCALE = 4
"""The factor of super-resolution where none is given, in a sheet as in Python."""
SHARE = 0.25
"""Of the coefficients that compressed sensing measures, where no share is given."""
LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in grey where no weights are given: luma in ITU-R BT.601."""

Grade = Literal["adjoint", "resolvent", "spectrum"]

GRADES: tuple[Grade, ...] = get_args(Grade)
"""What operators are able to do and methods may need, each with all that stands before it: ``A``
and ``A^T``; the resolvent ``(A A^T + eta I)^-1``; functions of ``A A^T`` and coordinates."""


def offers(grade: Grade, needed: Grade) -> bool:
    """Whether an operator of a grade is able to do what a method needs."""
    return GRADES.index(grade) >= GRADES.index(needed)


@dataclass(frozen=True)
class Task:
    """A kind of degradation.

    Attributes:
        name: in sheets and paths.
        title: for people, such as "Motion deblurring".
        backends: its observation models. Pointwise tasks are diagonal in any basis and have one.
        default_backend: that of a sheet or of a call in Python that names none; else the first.
        scales: the factors that a sheet may ask for, of a task that downsamples.
        needs: "kernel" or "mask", if the operator needs one.
        builder: for a plug-in, where its operator is made, ``package.module:function``, called as
            ``function((height, width), backend=..., scale=...)`` with scale None where there are no
            ``scales``; returns a :class:`ddpg.operators.LinearOperator`.
        models: its backends in a word or two for people, where they are not :data:`MODELS`: pairs
            of a backend and its words.
        taps: the side of its fixed kernel, which must fit into the image; 0 without one.
        grades: what the operators of its backends are able to do, where it is less than
            "spectrum": pairs of a backend and its grade.
        data: of a plug-in, files that the builder reads (a kernel, a mask), relative to the folder
            of its module: observations and restorations depend on what they hold.
    """

    name: str
    title: str
    backends: tuple[str, ...] = ("fft",)
    default_backend: str = ""
    scales: tuple[int, ...] = ()
    needs: str = ""
    builder: str = ""
    taps: int = 0
    models: tuple[tuple[str, str], ...] = ()
    grades: tuple[tuple[str, Grade], ...] = ()
    data: tuple[str, ...] = ()

    @property
    def backend(self) -> str:
        """The backend where none is named, in a sheet as in Python."""
        return self.default_backend or self.backends[0]

    @property
    def scale(self) -> int | None:
        """The factor where none is named; None for a task that does not downsample."""
        if not self.scales:
            return None
        return DEFAULT_SCALE if DEFAULT_SCALE in self.scales else self.scales[0]

    def model(self, backend: str) -> str:
        """A backend in a word or two, such as "circular border"."""
        return dict(self.models).get(backend, MODELS.get(backend, backend))

    def grade(self, backend: str) -> Grade:
        """What the operator of a backend is able to do."""
        return dict(self.grades).get(backend, "spectrum")

    @property
    def modules(self) -> tuple[str, ...]:
        """The module of a plug-in's operator, for the fingerprint of its code; else none."""
        return (module_of(self.builder),) if self.builder else ()


_BLUR_BACKENDS = ("fft", "svd")

CROPPED = "cropped"
"""The border with which less is observed than was there."""
BORDERS = (CROPPED, "reflect", "replicate", "zero", "circular")
"""What a blur takes an image for outside its frame: unknown, and then the observation is smaller;
reflected, the edge not repeated; as the pixel at the edge; zero; periodic. They are the backends of
the task "blur", and of different grades."""

MODELS = {
    "fft": "circular border",
    "svd": "zero border",
    "svd-published": "zero border, as published",
    CROPPED: "cropped border",
    "reflect": "reflected border",
    "replicate": "repeated edge",
    "zero": "zero border",
    "circular": "circular border",
}
"""What backends are in a word or two, where two of a task stand side by side; a backend that is not
named here is called by its name."""

TASKS: Registry[Task] = Registry(
    "ddpg.operators",
    Task,
    # "svd" as in the published runs: its samples lie in the middle of s x s pixels, as those of
    # Pillow, OpenCV and cameras; those of "fft" lie on the first of them.
    Task(
        "sr_bicubic",
        "Super-resolution",
        ("fft", "svd"),
        "svd",
        scales=(2, 4, 8),
        models=(("svd", "Pillow's sampling"),),
    ),
    Task("deblur_gauss", "Gaussian deblurring", (*_BLUR_BACKENDS, "svd-published"), taps=5),
    Task("deblur_uni", "Uniform deblurring", _BLUR_BACKENDS, taps=9),
    Task("deblur_aniso", "Anisotropic deblurring", _BLUR_BACKENDS, taps=9),
    Task("motion_deblur", "Motion deblurring", needs="kernel"),
    Task("denoising", "Denoising"),
    Task("inpainting", "Inpainting", needs="mask"),
    Task(
        "blur",
        "Deblurring",
        BORDERS,
        needs="kernel",
        grades=tuple((border, "resolvent") for border in BORDERS if border != "circular"),
    ),
    Task("sr_average", "Super-resolution (means)", ("pixel",), scales=(2, 4, 8, 16)),
    Task("colorization", "Colorization", ("pixel",)),
    Task("compressed_sensing", "Compressed sensing", ("hadamard",)),
)
"""Every task of the package, then those of plug-ins."""


def model_words(task: str, backend: str) -> str:
    """The observation model of a backend in a word or two; of a task that is not known here, such
    as the name of a card, what most tasks mean by it.

    >>> model_words("deblur_gauss", "fft"), model_words("sr_bicubic", "svd")
    ('circular border', "Pillow's sampling")
    """
    return TASKS[task].model(backend) if task in TASKS else MODELS.get(backend, backend)


def check_task(task: str, backend: str) -> None:
    """Refuse a task or a backend that does not exist.

    Raises:
        ValueError: naming those that do.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; known tasks: {', '.join(TASKS)} ({ELSEWHERE})")
    allowed = TASKS[task].backends
    if backend not in allowed:
        raise ValueError(f"{task} has no backend {backend!r}; it has: {', '.join(allowed)}")
