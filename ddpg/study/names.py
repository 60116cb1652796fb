"""How numbers become names: folders, columns, labels, keys. Equal names mean equal numbers."""

from __future__ import annotations

from collections.abc import Sequence

OBSERVED = "observation"
"""The method, and the label, of the rows of tables that are of the observation itself."""


def number_name(value: float) -> str:
    """The shortest text that is read as the same number: "0.05", "0", "4", "0.1234561".

    ``f"{value:g}"`` keeps six digits, so that two numbers that are nearly equal share a name.

    >>> number_name(0.0), number_name(0.1234561), number_name(4.0)
    ('0', '0.1234561', '4')
    """
    return repr(float(value)).removesuffix(".0")


def degradation_name(task: str, scale: float | None, operator: str) -> str:
    """A degradation in paths, such as ``sr_bicubic-x4-svd``; a scale of None or NaN is none."""
    factor = f"-x{number_name(scale)}" if scale is not None and scale > 0 else ""
    return f"{task}{factor}-{operator}"


def cell_name(dataset: str, degradation: str, sigma_y: float) -> str:
    """A cell in paths, such as ``photographs/sr_bicubic-x4-svd/0.05``."""
    return f"{dataset}/{degradation}/{number_name(sigma_y)}"


def experiment_name(cell: str, label: str, prior: str = "", repeat: int = 0) -> str:
    """An experiment in paths, such as ``.../ddpg/dead-leaves``; without a prior ``.../pinv``.

    Another prior leaves what this one has restored where it is.

    >>> experiment_name("faces/denoising-fft/0.1", "ddpg", "dead-leaves", 2)
    'faces/denoising-fft/0.1/ddpg/dead-leaves/repeat-2'
    """
    parts = (cell, label, prior, f"repeat-{repeat}" if repeat else "")
    return "/".join(part for part in parts if part)


def shortened(names: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """Names in a list, of many the first.

    >>> shortened(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - most
    return between.join(names[:most]) + (f" and {more} more" if more > 0 else "")
