"""The figures of the long table of metrics, all of one run; each is a PDF and a PNG."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ddpg.comparison.figures.cost import draw_cost
from ddpg.comparison.figures.noise import draw_metric_vs_noise
from ddpg.comparison.figures.pairs import draw_paired_differences
from ddpg.comparison.figures.plane import draw_perception_distortion
from ddpg.comparison.figures.ranks import draw_ranks
from ddpg.comparison.figures.sweeps import draw_sweeps
from ddpg.comparison.products import SWEEPS
from ddpg.comparison.statistics.summary import Summary

DRAWERS: dict[str, Callable[..., str]] = {
    "metric_vs_noise": draw_metric_vs_noise,
    "perception_distortion": draw_perception_distortion,
    "paired_differences": draw_paired_differences,
    "ranks": draw_ranks,
    "cost_seconds": partial(draw_cost, cost="seconds"),
    "cost_evaluations": partial(draw_cost, cost="network_evaluations"),
}
"""What draws each of :data:`ddpg.comparison.products.PLOTS`."""


def draw_plots(
    metrics_csv: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    reference: str | None = None,
    sweeps: Iterable[str] = (),
) -> None:
    """Draw all of :data:`DRAWERS`, and a figure of every sweep.

    Args:
        reference: the label that the paired differences are against; None for DDPG or, without
            it, the one of the best ranks.
        sweeps: hyper-parameters that have a figure even if the table holds no sweep of them.

    Raises:
        UserError: the table is unusable, or has no such label.
    """
    summary = Summary.read(metrics_csv)
    options = {"paired_differences": {"reference": reference}}
    for name, draw in DRAWERS.items():
        draw(summary, Path(folder) / name, **options.get(name, {}))
    draw_sweeps(summary, Path(folder) / SWEEPS, sweeps)
