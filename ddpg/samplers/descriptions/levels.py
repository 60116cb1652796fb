"""How recommended settings are written: one for each noise level of some tasks, with a source.

For tasks that a paper does not have, and for methods that a paper has on other tasks only, settings
are chosen here, on the pictures of `benchmarks/tuning.py`, and say so. One of those has entered the
default study since, whose sheet takes none of these settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from ddpg.samplers.hyper_parameters import Value
from ddpg.samplers.settings import Setting

HERE = "chosen here, by benchmarks/tuning.py"
DEBLURRING = ("deblur_gauss", "deblur_uni", "deblur_aniso", "motion_deblur")

Grid = Mapping[float, Mapping[str, Value]]


def levels(
    source: str, tasks: tuple[str, ...], grid: Grid, *, published: bool = True
) -> tuple[Setting, ...]:
    """One setting for each noise level."""
    return tuple(Setting(source, values, tasks, level, published) for level, values in grid.items())


def here(
    values: Mapping[str, Value], tasks: tuple[str, ...], level: float | None = None
) -> Setting:
    """A setting that was chosen here, for a noise level or every one."""
    return Setting(HERE, values, tasks, level, published=False)


def levels_here(tasks: tuple[str, ...], grid: Grid) -> tuple[Setting, ...]:
    """One setting that was chosen here for each noise level."""
    return levels(HERE, tasks, grid, published=False)
