"""The pictures of one cell beside one another: truth, observation, and every method.

:func:`collect` gathers them with their scores; :mod:`ddpg.comparison.figures.grid` makes a figure
for a paper of them, :func:`page_data` what the page is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ddpg.comparison.pictures import (
    Paths,
    Square,
    data_uri,
    enlarge,
    is_picture,
    kernel_picture,
    most_detail,
    names_in,
    read_arrays,
    read_kernels,
    to_8bit,
)
from ddpg.comparison.statistics.measurements import (
    label_styles,
    quality_metrics,
)
from ddpg.comparison.statistics.reasons import merged
from ddpg.comparison.titles import degradation_title
from ddpg.errors import UserError
from ddpg.operators.tasks import CROPPED
from ddpg.study.names import OBSERVED

MOST_IMAGES = 6
"""Rows of the figure, and of a grid unless images are named."""
BLANK = 236
"""The grey of a picture that is not there."""
TRUTH, OBSERVATION = "@truth", "@observation"
"""What stands for a label where a picture is no restoration."""


UNSEEN = "coefficients, not a picture"
"""Why an observation of coefficients is not shown."""


@dataclass(frozen=True)
class Tile:
    """One picture of a grid with its scores (metric -> value), as far as they were computed.

    Where a restoration failed ``failure`` says why, and the picture is a blank one.
    """

    name: str
    picture: np.ndarray
    scores: dict[str, float]
    label: str = ""
    failure: str = ""
    size: tuple[int, int] | None = None
    """Height and width before the picture was laid on the frame of the truth, where it was."""

    @property
    def in_words(self) -> str:
        """Why there is no picture; an observation that is none has not failed."""
        return self.failure if self.label == OBSERVATION else f"failed: {self.failure}"


@dataclass(frozen=True)
class Row:
    """One image: its tiles, the truth first where it is known, the size of the pictures, the square
    to look at, and the kernel with which this image was blurred, where each image has its own.
    """

    image: str
    size: tuple[int, int]
    detail: Square
    tiles: list[Tile]
    kernel: np.ndarray | None = None


@dataclass(frozen=True)
class Grid:
    """The rows of a cell, with the cell's path and its title for people."""

    cell: str
    sigma_y: float
    title: str
    rows: list[Row]


def collect(
    cell: str,
    truth: Paths,
    observations: Paths,
    restorations: Mapping[str, Paths],
    metrics: pd.DataFrame,
    images: Sequence[str] | None = None,
    *,
    apart: bool = False,
) -> Grid:
    """Return the pictures of a cell; labels stand in the order of the tables.

    Args:
        cell: its path, such as "photographs/sr_bicubic-x4-svd/0.05".
        truth, observations: the shards of the data set, none where nobody knows the truth, and of
            the cell's observations.
        images: which, from top to bottom; None for the first :data:`MOST_IMAGES` by name.
        apart: whether the title names the observation model, see
            :func:`ddpg.comparison.titles.degradation_title`.

    Raises:
        UserError: a file cannot be read or lacks an image that the table has no reason for, or the
            cell or a label is not in the table.
    """
    here = metrics_of_cell(metrics, cell)
    here = here[here["repeat"] == here["repeat"].min()]  # the restorations that are shown
    names = names_in(truth or observations)
    chosen = list(images or [name for name in names if "/" not in name][:MOST_IMAGES])
    styles = label_styles(here)
    unknown = [label for label in restorations if label not in styles]
    if unknown:
        raise UserError(f"{cell}: no label {unknown[0]!r} in the metrics, only {', '.join(styles)}")
    columns = [("Truth", TRUTH, read_arrays(truth, chosen))] if truth else []
    failures = failures_by_image(here)
    observed = read_arrays(observations, chosen)
    failures |= {(OBSERVATION, n): UNSEEN for n, y in observed.items() if not is_picture(y)}
    seen = {n: y for n, y in observed.items() if (OBSERVATION, n) not in failures}
    columns.append(("Observation", OBSERVATION, seen))
    for label, style in styles.items():
        if label in restorations:
            present = set(names_in(restorations[label]))
            restored = [n for n in chosen if n in present or (label, n) not in failures]
            columns.append((style.name, label, read_arrays(restorations[label], restored)))
    scores = scores_by_image(here)
    kernels = read_kernels(observations, chosen)
    first = here.iloc[0]
    cropped = first.operator == CROPPED
    rows = [_row(image, columns, scores, failures, kernels.get(image), cropped) for image in chosen]
    title = degradation_title(first.task, first.operator, first.scale, apart=apart)
    return Grid(cell, float(first.sigma_y), title, rows)


def metrics_of_cell(metrics: pd.DataFrame, cell: str) -> pd.DataFrame:
    """Return the rows of one cell.

    Args:
        cell: its path, such as "photographs/sr_bicubic-x4-svd/0.05".

    Raises:
        UserError: there are none.
    """
    if cell not in set(metrics["cell"]):
        known = ", ".join(sorted(set(metrics["cell"])))
        raise UserError(f"no cell {cell!r} in the metrics, only {known}")
    return metrics[metrics["cell"] == cell]


def scores_by_image(metrics: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    """Return (label, image) -> metric -> value for one cell; what has no value is left out."""
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for row in metrics[metrics["value"].notna()].itertuples():
        label = OBSERVATION if row.label == OBSERVED else row.label
        scores.setdefault((label, row.image), {})[row.metric] = row.value
    return scores


def failures_by_image(metrics: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return (label, image) -> why no metric of quality has a value, where that is so."""
    quality = metrics[metrics["metric"].isin(quality_metrics(metrics))]
    failures: dict[tuple[str, str], str] = {}
    for key, rows in quality.groupby(["label", "image"], sort=False):
        if rows["value"].isna().all():
            label, image = map(str, key)
            failures[label, image] = merged(zip(rows["image"], rows["note"], strict=True), 1)
    return failures


def _row(
    image: str,
    columns: list[tuple[str, str, dict[str, np.ndarray]]],
    scores: dict[tuple[str, str], dict[str, float]],
    failures: dict[tuple[str, str], str],
    kernel: np.ndarray | None,
    cropped: bool,
) -> Row:
    """One row, its pictures in their own sizes, or where they lie in the truth's frame."""
    present = [(label, arrays[image]) for _, label, arrays in columns if image in arrays]
    # Restorations have the size of the truth, where nobody knows it; observations may not.
    present.sort(key=lambda pair: (pair[0] == OBSERVATION, pair[0] != TRUTH))
    reference = to_8bit(present[0][1] if present else np.zeros((3, 8, 8)))
    restored = [a for label, a in present if label not in (TRUTH, OBSERVATION)]
    frame = reference.shape[:2]
    covered = restored[0].shape[1:] if restored else frame
    margin = len(kernel) // 2 if cropped and kernel is not None else 0
    tiles = []
    for name, label, arrays in columns:
        if image in arrays:
            picture, failure = to_8bit(arrays[image]), ""
            size = picture.shape[:2]
            around = margin if label == OBSERVATION else 0
            picture = on_frame(picture, frame, covered, around)
        else:
            picture, failure = np.full_like(reference, BLANK), failures[label, image] or "failed"
            size = None
        score = scores.get((label, image), {})
        tiles.append(Tile(name, picture, score, label, failure, size))
    height, width = frame
    return Row(image, (height, width), most_detail(reference), tiles, kernel)


def on_frame(
    picture: np.ndarray, frame: Sequence[int], covered: Sequence[int], margin: int = 0
) -> np.ndarray:
    """Return a picture where it belongs in the frame of the truth, and grey around it.

    Args:
        picture: (h, w, 3), unsigned 8-bit.
        frame: height and width of the truth.
        covered: those of what was degraded, the upper left part of the truth.
        margin: of it, pixels on each side that lie outside the frame of this picture.

    Returns:
        the picture itself where it covers the whole frame, in whatever size.
    """
    height, width = (side - 2 * margin for side in covered)
    if (height, width) == tuple(frame) or tuple(picture.shape[:2]) == tuple(frame):
        return picture
    canvas = np.full((*frame, 3), BLANK, dtype=np.uint8)
    part = enlarge(picture, height, width)
    canvas[margin : margin + height, margin : margin + width] = part
    return canvas


def page_data(grid: Grid) -> dict:
    """Return what the page needs of a grid, as built-in types with the pictures as data URIs.

    The pictures are kept without loss, in their own sizes; scores are not among it, the page takes
    them from the table of metrics.
    """
    rows = []
    for row in grid.rows:
        height, width = row.size
        kernel = None if row.kernel is None else data_uri(kernel_picture(row.kernel))
        rows.append({
            "image": row.image,
            "width": width,
            "height": height,
            "detail": asdict(row.detail),
            "kernel": kernel,
            "tiles": {t.label: data_uri(t.picture) for t in row.tiles if not t.failure},
            "failures": {tile.label: tile.failure for tile in row.tiles if tile.failure},
        })  # fmt: skip
    return {"cell": grid.cell, "rows": rows}


def full_size(row: Row, tile: Tile) -> np.ndarray:
    """Return a tile's picture in the size of the truth."""
    return enlarge(tile.picture, *row.size)
