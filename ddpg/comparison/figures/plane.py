"""The perception-distortion plane: a data step (frame to frame) and a draw step.

After Blau & Michaeli, "The Perception-Distortion Tradeoff", CVPR 2018.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.panels import (
    Styles,
    add_absent,
    add_legend,
    choose_range,
    drawn,
    has_white_rim,
    keep_in_view,
    leading,
    legend_height,
    perceptual_metric,
    several,
)
from ddpg.comparison.statistics.measurements import CELL_KEYS, DEGRADATION_KEYS
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_axis
from ddpg.comparison.titles import Titles


def plane(summary: pd.DataFrame) -> pd.DataFrame:
    """Return one point per cell and label: its PSNR and its perceptual metric.

    Returns:
        columns of the cell, ``method``, ``label``, ``psnr``, ``perception`` and ``metric`` (which
        one perception is); no rows if there is no PSNR or no other metric.
    """
    metric = perceptual_metric(summary)
    keys = [*CELL_KEYS, "method", "label"]
    computed = summary[summary["n"] > 0]
    first, second = (
        computed.loc[computed["metric"] == name, [*keys, "mean"]] for name in ("psnr", metric)
    )
    points = first.rename(columns={"mean": "psnr"}).merge(
        second.rename(columns={"mean": "perception"}), on=keys
    )
    return points.assign(metric=metric)


@drawn
def draw_perception_distortion(summary: Summary) -> Figure | str:
    """Draw PSNR against LPIPS, or the metric that has values: one panel per data set and
    degradation, at most three beside one another.

    Better is always up and to the right; a larger symbol is a higher noise level.
    """
    points = leading(plane(summary.means))
    points = points[np.isfinite(points["psnr"]) & np.isfinite(points["perception"])]
    if points.empty:
        return "Only with PSNR and a second metric can they be compared."
    styles, titles = summary.styles_in(points), Titles.of(points)
    sizes = _sizes(points["sigma_y"])
    groups = list(points.groupby(DEGRADATION_KEYS, dropna=False, sort=False))
    columns = min(3, len(groups))
    lines = -(-len(groups) // columns)
    width = PAGE * max(columns, 1.4) / 3
    figure = new_figure(width, 2.0 * lines + legend_height(styles, sizes, width=width))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, ((dataset, *_), group) in zip(axes, groups, strict=False):
        _draw_plane(panel, group, styles, sizes)
        prefix = f"{dataset_name(dataset)}: " if several(points["dataset"]) else ""
        row = group[["task", "operator", "scale"]].iloc[0]
        panel.set_title(prefix + titles.degradation(*row))
    for panel in axes[len(groups) :]:
        panel.set_axis_off()
    add_legend(figure, styles, sizes)
    add_absent(figure, summary.means, ["psnr", points["metric"].iloc[0]])
    return figure


def _draw_plane(
    axes: Axes, points: pd.DataFrame, styles: Styles, sizes: dict[float, float]
) -> None:
    """One panel: a thin line joins a method's noise levels."""
    metric = points["metric"].iloc[0]
    for label, style in styles.items():
        line = points[points["label"] == label].sort_values("sigma_y")
        axes.plot(line["perception"], line["psnr"], color=style.colour, linewidth=0.5, alpha=0.6)
        axes.scatter(
            line["perception"], line["psnr"], s=[sizes[level] for level in line["sigma_y"]],
            marker=style.marker, facecolor=style.colour if style.filled else "white",
            edgecolor="white" if has_white_rim(style) else style.colour, linewidth=0.5, zorder=3,
        )  # fmt: skip
    if METRIC_STYLES[metric].direction < 0:
        axes.invert_xaxis()
    axes.set_xlabel(metric_axis(metric, reverse=METRIC_STYLES[metric].direction < 0))
    axes.set_ylabel(metric_axis("psnr"))
    axes.margins(0.1)
    colours = [styles[label].colour for label in points["label"]]
    fidelity, (across, up) = points.assign(metric="psnr"), (points["perception"], points["psnr"])
    choose_range(axes, fidelity, axis="y", centre="psnr")
    choose_range(axes, points, axis="x", centre="perception")
    # What is beyond both ranges is marked once, in the corner.
    inside = across.where(across.between(*sorted(axes.get_xlim())))
    nearest = up.clip(*sorted(axes.get_ylim()))
    keep_in_view(axes, fidelity, inside.to_numpy(), colours, axis="y", centre="psnr")
    keep_in_view(axes, points, nearest.to_numpy(), colours, axis="x", centre="perception")
    axes.grid()
    seaborn.despine(ax=axes)


def _sizes(levels: pd.Series) -> dict[float, float]:
    """The area of a symbol for every noise level, in points squared."""
    present = sorted(levels.unique())
    return dict(zip(present, np.linspace(14, 48, len(present)), strict=True))
