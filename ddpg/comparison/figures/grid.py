"""The grid of a cell as a figure for a paper, with the marked detail enlarged in a corner."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import (
    PAGE,
    fitted,
    fitted_id,
    most_letters,
    new_figure,
    paper,
    save,
    stem_of,
)
from ddpg.comparison.figures.insets import Box, with_insets
from ddpg.comparison.grids import (
    MOST_IMAGES,
    OBSERVATION,
    TRUTH,
    Grid,
    Row,
    Tile,
    full_size,
    page_data,
)
from ddpg.files.writing import write_json
from ddpg.study.names import number_name

_CAPTION = 0.115
_HIGHEST = 1.5
"""Height of a row over its width at most."""
_HEAD = 0.36
_SMALLEST, _SMALLEST_ID = 3.2, 4.0
"""Size of letters, in points, at least; an id is rather cut than smaller."""


def draw_grid(grid: Grid, output_stem: str | os.PathLike[str]) -> None:
    """Write ``output_stem.pdf``, ``.png`` (the figure) and ``.json`` (for the page).

    The page shows all images of the grid, the figure the first
    :data:`ddpg.comparison.grids.MOST_IMAGES`.
    """
    draw_pictures(replace(grid, rows=grid.rows[:MOST_IMAGES]), output_stem)
    stem = stem_of(output_stem)
    write_json(stem.with_name(stem.name + ".json"), page_data(grid), indent=1)


def draw_pictures(
    grid: Grid,
    output_stem: str | os.PathLike[str],
    insets: Mapping[str, Sequence[Box]] | None = None,
) -> None:
    """Write ``output_stem.pdf`` and ``.png``, with all images of a grid.

    Args:
        insets: what is enlarged of each image, by its id; None for the place with most detail.
    """
    if insets is None:
        insets = {row.image: [Box.of(row.detail)] for row in grid.rows}
    with paper():
        save(_grid_figure(grid, insets), output_stem)


def _grid_figure(grid: Grid, insets: Mapping[str, Sequence[Box]]) -> Figure:
    """Rows are images; the scores of a row's best restoration are bold."""
    count = len(grid.rows[0].tiles)
    side = min(PAGE / count, 1.5)
    lines = [_line(side, row) for row in grid.rows]
    names = [tile.name for tile in grid.rows[0].tiles]
    broken = max(fitted(name, side, 7)[0].count("\n") for name in names)
    figure = new_figure(side * count, sum(lines) + _HEAD + 0.1 * broken, padding=0.01)
    figure.suptitle(rf"{grid.title}, $\sigma_y$ = {number_name(grid.sigma_y)}", fontsize=7.5)
    ratios = lines if len(set(lines)) > 1 else None
    axes = figure.subplots(len(grid.rows), count, squeeze=False, height_ratios=ratios)
    for panels, row in zip(axes, grid.rows, strict=True):
        restored = [tile for tile in row.tiles if tile.label not in (TRUTH, OBSERVATION)]
        best = max((tile.scores.get("psnr", -np.inf) for tile in restored), default=-np.inf)
        for panel, tile in zip(panels, row.tiles, strict=True):
            _draw_tile(panel, row, tile, best, side, insets[row.image])
    for panel, name in zip(axes[0], names, strict=True):
        text, size = fitted(name, side, 7)
        panel.set_title(text, fontsize=size, pad=2.5)
    return figure


def _line(side: float, row: Row) -> float:
    """The height of a row in inches; a picture that is very high gets narrower."""
    height, width = row.size
    return side * min(height / width, _HIGHEST) + _CAPTION


def _draw_tile(
    axes: Axes, row: Row, tile: Tile, best: float, side: float, insets: Sequence[Box]
) -> None:
    """One picture with its insets and, in small print below it, its PSNR; or why there is none."""
    picture = full_size(row, tile)
    if not tile.failure:
        picture = with_insets(picture, insets)
    axes.imshow(picture, interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if tile.failure:
        axes.text(
            0.5, 0.5, textwrap.fill(tile.in_words, 26), fontsize=4, ha="center",
            va="center", transform=axes.transAxes, parse_math=False, clip_on=True,
        )  # fmt: skip
    psnr = tile.scores.get("psnr")
    text = "" if psnr is None else f"{psnr:.2f} dB"
    seen = tile.label == OBSERVATION
    if seen:
        height, width = tile.size or tile.picture.shape[:2]
        size = "" if tile.failure else f"{width} × {height}"
        text = ", ".join(filter(None, (size, text)))
    if tile is row.tiles[0]:  # the truth; where nobody knows it, the observation
        beside = text if seen else ""
        name = fitted_id(row.image, side, _SMALLEST_ID, len(beside and f", {beside}"))
        text = ", ".join(filter(None, (name, beside)))
    restored = tile.label not in (TRUTH, OBSERVATION)
    weight = "bold" if restored and psnr is not None and psnr == best else "normal"
    small = 5.5 * min(1, most_letters(side, 5.5) / max(1, len(text)))
    axes.set_xlabel(
        text, fontsize=max(_SMALLEST, small), labelpad=1.5, fontweight=weight, parse_math=False
    )
