"""The tasks and the observation models that exist for each, without torch.

A backend is not a matter of speed: "fft" takes the image for periodic, "svd" has borders (and, for
super-resolution, other sampling positions), so a task and its backend together name an observation
model. The checks of experiment sheets read this table too, hence no heavy import.
"""

from __future__ import annotations

from collections.abc import Mapping

TASK_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "sr_bicubic": ("fft", "svd"),
    "deblur_gauss": ("fft", "svd", "svd-published"),
    "deblur_uni": ("fft", "svd"),
    "deblur_aniso": ("fft", "svd"),
    "motion_deblur": ("fft",),
    "denoising": ("fft",),
    "inpainting": ("fft",),
}
"""Backends of every task. Pointwise tasks are diagonal in any basis and have one model: "fft"."""


def check_task(task: str, backend: str) -> None:
    """Refuse a task or a backend that does not exist.

    Raises:
        ValueError: naming those that do.
    """
    if task not in TASK_BACKENDS:
        raise ValueError(f"unknown task {task!r}; known tasks: {', '.join(TASK_BACKENDS)}")
    allowed = TASK_BACKENDS[task]
    if backend not in allowed:
        raise ValueError(f"{task} has no backend {backend!r}; it has: {', '.join(allowed)}")
