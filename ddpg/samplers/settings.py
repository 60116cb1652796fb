"""Recommended settings: what a method's sources run on a task at a noise level, without torch.

A :class:`Setting` is one cell of a method's published grid. A method's description holds as many as
there are (:attr:`ddpg.samplers.catalogue.Method.settings`), and :func:`chosen` finds those that are
meant for a task and a noise level that may lie between them. What no setting names keeps the
method's default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ddpg.operators.tasks import TASKS
from ddpg.samplers.hyper_parameters import HyperParameter, Value

# Those that lose coordinates and keep the others as they are resemble masks.
_LIKE: Mapping[str, tuple[str, ...]] = {
    "blur": ("motion_deblur", "deblur_gauss"),
    "colorization": ("inpainting", "sr_bicubic"),
    "compressed_sensing": ("inpainting", "sr_bicubic"),
}

DIGITS = 3
"""Significant digits of a value between two published ones."""


@dataclass(frozen=True)
class Setting:
    """Hyper-parameters that belong together.

    Attributes:
        source: where they come from, in a few words.
        values: by name of the hyper-parameter; the others keep their defaults.
        tasks: for which they are made; empty for every task.
        sigma_y: the noise level they are made for, on the [0, 1] scale; None for every level.
        published: whether the source has these values for this task and level; otherwise they were
            chosen, taken from another task, or lie between two levels.
    """

    source: str
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    tasks: tuple[str, ...] = ()
    sigma_y: float | None = None
    published: bool = True

    @property
    def origin(self) -> str:
        """What is said of a value that it names: "published: ..." or "recommended: ..."."""
        return f"{'published' if self.published else 'recommended'}: {self.source}"


def chosen(
    settings: Sequence[Setting],
    parameters: Mapping[str, HyperParameter],
    task: str,
    sigma_y: float,
) -> Setting:
    """The setting for a task and a noise level.

    The task's own settings count, else those of the task most like it, else those for every task.
    Noiseless observations are a kind of their own; between two noise levels numbers are
    interpolated over the logarithm of the level (numbers above 0 by their own logarithm, too),
    and words and whole numbers are those of the nearer level; beyond the ends the nearest counts.

    Args:
        settings: of a method.
        parameters: its hyper-parameters, by name.
        task: a key of :data:`ddpg.operators.tasks.TASKS`.
        sigma_y: on the [0, 1] scale, at least 0.

    Returns:
        the values that the settings name, and a source that tells how they were chosen; empty ones
        where the settings say nothing about the task.
    """
    for kind in like(task):
        fitting = [
            setting
            for setting in settings
            if (kind in setting.tasks if kind else not setting.tasks)
            and (setting.sigma_y is None or (setting.sigma_y > 0) == (sigma_y > 0))
        ]
        if fitting:
            meant = _at_level(fitting, parameters, sigma_y)
            # A setting for several tasks is as good as one for this.
            own = not kind or kind == task
            source = meant.source if own else f"{meant.source}, as for {kind}"
            return Setting(source, meant.values, published=meant.published and own)
    return Setting("")


def like(task: str) -> list[str]:
    """A task, the tasks most like it that were published or tried, and "" for every task."""
    if task in _LIKE:
        near = _LIKE[task]
    elif task == "sr_bicubic" or TASKS[task].scales or TASKS[task].needs == "mask":
        near = ("sr_bicubic",)
    else:
        near = ("deblur_gauss",)
    return list(dict.fromkeys([task, *near, ""]))


def _at_level(
    settings: Sequence[Setting], parameters: Mapping[str, HyperParameter], sigma_y: float
) -> Setting:
    """The setting of a noise level, from those of a task."""
    levels = {setting.sigma_y: setting for setting in settings}
    if sigma_y in levels:
        return levels[sigma_y]
    if None in levels:
        return levels[None]
    known = sorted(level for level in levels if level is not None)
    below = max((level for level in known if level < sigma_y), default=known[0])
    above = min((level for level in known if level > sigma_y), default=known[-1])
    low, high = levels[below], levels[above]
    if below == above:
        source = f"{low.source}, of the nearest level {below!r}"
        return Setting(source, low.values, published=False)
    share = math.log(sigma_y / below) / math.log(above / below)
    values = {}
    for name in dict.fromkeys([*low.values, *high.values]):
        ends = [one.values.get(name, parameters[name].default) for one in (low, high)]
        values[name] = _between(ends[0], ends[1], share)
    source = f"{low.source}, interpolated between the levels {below!r} and {above!r}"
    return Setting(source, values, published=False)


def _between(low: Value, high: Value, share: float) -> Value:
    """A value between two: numbers are interpolated, the rest is that of the nearer one."""
    if not (isinstance(low, float) and isinstance(high, float)):
        return low if share < 0.5 else high
    if low == high:
        return low
    if low > 0 and high > 0:
        value = math.exp((1 - share) * math.log(low) + share * math.log(high))
    else:
        value = (1 - share) * low + share * high
    return float(f"{value:.{DIGITS}g}")
