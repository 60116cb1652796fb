"""Trajectories of several methods below one another, and their PSNR over the steps."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ddpg.comparison.figures.canvas import PAGE, fitted_id, new_figure
from ddpg.comparison.figures.panels import Styles, drawn, line_look
from ddpg.comparison.grids import on_frame
from ddpg.comparison.pictures import enlarge, is_picture, to_8bit
from ddpg.comparison.style import STEPS_AXIS, method_styles, metric_axis
from ddpg.comparison.titles import degradation_title
from ddpg.errors import UserError
from ddpg.operators.tasks import CROPPED
from ddpg.stages.trajectory_file import Trajectory, read_trajectory
from ddpg.study.names import number_name

_CURVES = 1.2
_CAPTION = 0.12
_HEAD = 0.22
_SMALL = 5.5


@drawn
def draw_trajectories(
    files: Sequence[str | os.PathLike[str]], *, apart: bool = False
) -> Figure | str:
    """Draw a row of pictures per method, and curves.

    Args:
        files: of :mod:`ddpg.stages.trajectory_file`, of one image in one cell;
            none for a figure that says so.
        apart: whether the title names the observation model, see
            :func:`ddpg.comparison.titles.degradation_title`.

    Raises:
        UserError: a file holds no trajectory, or they are not of one image in one cell.
    """
    trajectories = [read_trajectory(path) for path in files]
    if not trajectories:
        return "No method of this cell takes steps."
    check_one_image(trajectories)
    return _figure(trajectories, apart)


def check_one_image(trajectories: Sequence[Trajectory]) -> None:
    """Raise UserError unless all trajectories are of one image in one cell."""
    for key in ("dataset", "task", "operator", "scale", "sigma_y", "image"):
        values = {str(trajectory.about.get(key)) for trajectory in trajectories}
        if len(values) > 1:
            raise UserError(
                f"trajectories of one figure must share their {key}, got "
                f"{', '.join(sorted(values))}"
            )


def _figure(trajectories: Sequence[Trajectory], apart: bool) -> Figure:
    about = trajectories[0].about
    styles = method_styles({t.about["label"]: t.about["method"] for t in trajectories})
    ordered = sorted(trajectories, key=lambda t: list(styles).index(t.about["label"]))
    drawn = [trajectory for trajectory in ordered if not trajectory.failure]
    columns = max([2, *(len(t.x0) for t in ordered)]) + 3
    side = PAGE / columns
    height, width = ordered[0].truth.shape[1:]
    line = side * height / width + _CAPTION
    curved = _CURVES if drawn else 0.01
    figure = new_figure(PAGE, line * len(ordered) + _HEAD + curved, padding=0.015)
    ratios = [line * len(ordered) + _HEAD, curved]
    pictures, curves = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
    degradation = about["task"], about["operator"], about.get("scale")
    title = degradation_title(*degradation, apart=apart)
    level = rf"$\sigma_y$ = {number_name(float(about['sigma_y']))}"
    pictures.suptitle(f"{title}, {level}: the estimate x0 over the steps", fontsize=7.5)
    _draw_pictures(pictures, ordered, styles, columns)
    if drawn:
        _draw_curves(curves.subplots(), drawn, styles)
    return figure


def _draw_pictures(
    figure: SubFigure, trajectories: Sequence[Trajectory], styles: Styles, columns: int
) -> None:
    """Observation, estimates, restoration and truth; the truth is named after its image."""
    axes = figure.subplots(len(trajectories), columns, squeeze=False, gridspec_kw={"wspace": 0.02})
    for row, (panels, trajectory) in enumerate(zip(axes, trajectories, strict=True)):
        size = trajectory.truth.shape[1:]
        kept = {moment.step: moment for moment in trajectory.moments}
        chosen = [kept[step] for step in trajectory.kept]
        observation = trajectory.observation
        seen = observation if is_picture(observation.numpy()) else None
        texts = [
            "not a picture" if seen is None else "",
            *(f"t = {m.t}: {m.psnr:.1f} dB" for m in chosen),
        ]
        images = [seen, *trajectory.x0]
        while len(images) < columns - 2:
            images.append(None)
            texts.append("")
        images += [None if trajectory.failure else trajectory.restored, trajectory.truth]
        name = fitted_id(str(trajectory.about.get("image", "")), PAGE / columns, _SMALL)
        texts += [f"{trajectory.psnr:.1f} dB", name]
        margins = [_margin(trajectory), *[0] * (columns - 1)]
        for panel, image, text, margin in zip(panels, images, texts, margins, strict=True):
            picture = None if image is None else to_8bit(image.numpy())
            _show(panel, picture, size, text, margin)
        if trajectory.failure:
            panels[1].text(
                0, 0.5, textwrap.fill(f"failed: {trajectory.failure}", 60), fontsize=5.5,
                va="center", transform=panels[1].transAxes, parse_math=False,
            )  # fmt: skip
        panels[0].set_ylabel(styles[trajectory.about["label"]].name, fontsize=7)
        if row == 0:
            names = {0: "Observation", 1: "First x0", columns - 3: "Last x0"}
            names |= {columns - 2: "Restored", columns - 1: "Truth"}
            for column, name in names.items():
                panels[column].set_title(name, fontsize=7, pad=2.5)


def _margin(trajectory: Trajectory) -> int:
    """Pixels on each side of the truth that lie outside the frame of the observation."""
    if trajectory.about["operator"] != CROPPED:
        return 0
    seen = trajectory.observation.shape[-1] * round(trajectory.about.get("scale") or 1)
    return max(0, (trajectory.truth.shape[-1] - seen) // 2)


def _show(
    axes: Axes, picture: np.ndarray | None, size: Sequence[int], text: str, margin: int
) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if picture is not None:
        placed = on_frame(picture, size, size, margin)
        axes.imshow(enlarge(placed, size[0], size[1]), interpolation="none")
        axes.set_xlabel(text, fontsize=_SMALL, labelpad=1.5, parse_math=False)


def _draw_curves(axes: Axes, trajectories: Sequence[Trajectory], styles: Styles) -> None:
    """PSNR over the share of the steps taken, so that methods of any length can be compared."""
    for trajectory in trajectories:
        style = styles[trajectory.about["label"]]
        share = [100 * (k + 1) / len(trajectory.moments) for k in range(len(trajectory.moments))]
        values = [moment.psnr for moment in trajectory.moments]
        look = line_look(style) | {"label": f"{style.name}, {len(values)} steps"}
        axes.plot(share, values, markevery=max(1, len(values) // 12), **(look | {"markersize": 3}))
    axes.set_xlabel(STEPS_AXIS)
    # A study may measure less, and record no trajectory anew for that.
    cropped = trajectories[0].about["operator"] == CROPPED
    axes.set_ylabel(metric_axis("psnr") + "\nof the whole picture" * cropped)
    axes.grid(axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    seaborn.despine(ax=axes)
