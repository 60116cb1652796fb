"""What degradations are called among others: in tables, figures, the page and on a terminal.

The backend of a task is its observation model, so it belongs to the degradation. A reader is told
it where two of them stand side by side, in words; where there is one, the task is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from ddpg.comparison.style import dataset_name, task_name
from ddpg.operators.tasks import model_words
from ddpg.study.names import number_name

_KEYS = ["task", "operator", "scale"]


def degradation_title(task: str, operator: str, scale: float | None, *, apart: bool = False) -> str:
    """A degradation for people.

    Args:
        apart: whether another observation model of its task stands beside it.

    >>> degradation_title("sr_bicubic", "svd", 4)
    'Super-resolution ×4'
    >>> degradation_title("sr_bicubic", "svd", 4, apart=True)
    "Super-resolution ×4 (Pillow's sampling)"
    """
    name = task_name(task, scale)
    return f"{name} ({model_words(task, operator)})" if apart and operator else name


class Titles:
    """The titles of some degradations, which tell apart those of one task.

    Args:
        degradations: task, backend and scale of each; the scale may be None or not a number.

    Example:
        >>> titles = Titles([("deblur_gauss", "fft", None), ("deblur_gauss", "svd", None)])
        >>> titles.cell("faces", "deblur_gauss", "svd", None, 0.05)
        'faces, Gaussian deblurring (zero border), σ = 0.05'
    """

    def __init__(self, degradations: Iterable[tuple[str, str, float | None]]) -> None:
        known = {(task, _factor(scale), operator) for task, operator, scale in degradations}
        self._models = Counter((task, scale) for task, scale, _ in known)

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Titles:
        """The titles of all degradations of a table."""
        return cls(frame[_KEYS].drop_duplicates().itertuples(index=False, name=None))

    def degradation(self, task: str, operator: str, scale: float | None) -> str:
        """A degradation, such as "Super-resolution ×4"."""
        apart = self._models[task, _factor(scale)] > 1
        return degradation_title(task, operator, scale, apart=apart)

    def cell(
        self, dataset: str, task: str, operator: str, scale: float | None, sigma_y: float
    ) -> str:
        """A cell, such as "CelebA-HQ, Denoising, σ = 0.1"."""
        degradation = self.degradation(task, operator, scale)
        return f"{dataset_name(dataset)}, {degradation}, σ = {number_name(sigma_y)}"


def _factor(scale: float | None) -> float:
    """A scale that can be compared: none, in whatever way it is written, is 0."""
    return scale if scale and scale > 0 else 0.0
