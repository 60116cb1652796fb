"""The figures of the long table of metrics, all of one run; each is a PDF and a PNG."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ddpg.comparison.figures.cost import draw_cost
from ddpg.comparison.figures.noise import draw_metric_vs_noise
from ddpg.comparison.figures.pairs import draw_paired_differences
from ddpg.comparison.figures.plane import draw_perception_distortion
from ddpg.comparison.figures.ranks import draw_ranks
from ddpg.comparison.figures.sweeps import draw_sweeps
from ddpg.comparison.products import PLOTS, SWEEPS
from ddpg.comparison.statistics.summary import Summary


def draw_plots(
    metrics_csv: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    reference: str | None = None,
    sweeps: Iterable[str] = (),
) -> None:
    """Draw all of :data:`ddpg.comparison.products.PLOTS`, and a figure of every sweep.

    Args:
        reference: the label that the paired differences are against; None for DDPG or, without
            it, the one of the best ranks.
        sweeps: hyper-parameters that have a figure even if the table holds no sweep of them.

    Raises:
        UserError: the table is unusable, or has no such label.
    """
    summary = Summary.read(metrics_csv)
    stems = {name: Path(folder) / name for name in PLOTS}
    draw_metric_vs_noise(summary, stems["metric_vs_noise"])
    draw_perception_distortion(summary, stems["perception_distortion"])
    draw_paired_differences(summary, stems["paired_differences"], reference=reference)
    draw_ranks(summary, stems["ranks"])
    draw_cost(summary, stems["cost_seconds"], cost="seconds")
    draw_cost(summary, stems["cost_evaluations"], cost="network_evaluations")
    draw_sweeps(summary, Path(folder) / SWEEPS, sweeps)
