"""Figures for a paper of what is chosen of a study, from its folder of results alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ddpg.comparison.chosen.selection import ChosenSummary, Selection, available
from ddpg.comparison.figures.grid import draw_pictures
from ddpg.comparison.figures.insets import MOST_INSETS, Box
from ddpg.comparison.figures.plots import DRAWERS
from ddpg.comparison.grids import MOST_IMAGES, OBSERVATION, TRUTH, Grid, collect
from ddpg.comparison.pictures import names_in
from ddpg.comparison.products import PLOTS
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.titles import Titles
from ddpg.errors import UserError
from ddpg.metrics.catalogue import METRICS
from ddpg.study.names import OBSERVED, experiment_name
from ddpg.study.places import Places
from ddpg.validation import shown

NO_INSET = "none"
"""What is given in place of an inset where there is to be none."""
_INSET = re.compile(r"(?:(?P<image>.+):)?(\d+),(\d+),(\d+),(\d+)")


def draw_chosen(
    results: Path,
    output: Path,
    selection: Selection,
    *,
    figures: Sequence[str] = (),
    reference: str | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> list[Path]:
    """Draw figures of the numbers of a study; one that would be empty is left out.

    Args:
        output: the folder of the figures, outside of it.
        figures: names of :data:`ddpg.comparison.products.PLOTS`; none for all.
        reference: the label that paired differences are against, or a method that has one.
        tell: is called with a line for each figure that is left out.

    Returns:
        the files without their suffixes: each is a PDF and a PNG.

    Raises:
        UserError: a name is unknown, the study has no measurements, or no figure can be drawn.
    """
    _check_output(results, output)
    unknown = [name for name in figures if name not in PLOTS]
    if unknown:
        raise UserError(
            f"--figures: there is no {', '.join(unknown)}; allowed are {', '.join(PLOTS)}"
        )
    summary = ChosenSummary.of(Summary.read(Places.below(results).metrics), selection)
    if reference is not None:
        reference = selection.reference_in(summary.metrics, reference)
    metrics = selection.metrics_in(summary.metrics) if selection.metrics else None
    options: dict[str, dict[str, Any]] = {
        "metric_vs_noise": {"metrics": metrics}, "paired_differences": {"reference": reference},
    }  # fmt: skip
    left_out = {
        name: draw(summary, output / name, note=False, **options.get(name, {}))
        for name, draw in DRAWERS.items()
        if not figures or name in figures
    }
    drawn = [output / name for name, why in left_out.items() if not why]
    told = [f"{name} is left out: {why}" for name, why in left_out.items() if why]
    if not drawn:
        raise UserError("\n".join(told))
    for line in told:
        tell(line)
    return drawn


def draw_chosen_pictures(
    results: Path,
    output: Path,
    selection: Selection,
    *,
    pictures: Sequence[str] = (),
    insets: Sequence[str] = (),
) -> list[Path]:
    """Draw a grid of pictures of every chosen cell, the methods in the order of the sheet.

    Args:
        pictures: ids, from top to bottom; none for the first :data:`MOST_IMAGES`.
        insets: what is enlarged, "x,y,width,height" in pixels of the truth from its upper left
            corner, of every picture or, as "id:x,y,width,height", of one; "none" for nothing. None
            for the place with most detail.

    Returns:
        as :func:`draw_chosen`.

    Raises:
        UserError: a name is unknown, a file is not there, or an inset is none.
    """
    _check_output(results, output)
    places = Places.below(results)
    metrics = read_metrics(places.metrics)
    labels, cells = selection.labels_in(metrics), selection.cells_in(metrics)
    boxes = [_box(text) for text in insets if text != NO_INSET]
    titles = Titles.of(metrics[metrics["cell"].isin(cells)])
    stems = []
    for cell in cells:
        rows = metrics[metrics["cell"] == cell]
        grid = _grid(places, rows, cell, labels, pictures)
        title = titles.degradation(*rows[["task", "operator", "scale"]].iloc[0])
        grid = replace(grid, title=title)
        stem = output / "grids" / cell
        draw_pictures(grid, stem, _boxes_of(grid, boxes) if insets else None)
        stems.append(stem)
    return stems


def _grid(
    places: Places, rows: pd.DataFrame, cell: str, labels: Sequence[str], pictures: Sequence[str]
) -> Grid:
    """The pictures of a cell, its columns in the order of the labels."""
    rows = rows[rows["label"].isin([*labels, OBSERVED])]
    first = rows[rows["repeat"] == rows["repeat"].min()].drop_duplicates("label")
    priors = dict(zip(first["label"], first["prior"], strict=True))
    here = [label for label in labels if label in priors and label != OBSERVED]
    restorations = {label: _restored(places, cell, label, priors[label]) for label in here}
    observations = _shards(places.observations(cell, 0))
    chosen = _known_pictures(pictures, [n for n in names_in(observations) if "/" not in n])
    grid = collect(cell, _truth(places, cell, rows), observations, restorations, rows, chosen)
    order = {label: number for number, label in enumerate([TRUTH, OBSERVATION, *here])}
    ordered = [
        replace(row, tiles=sorted(row.tiles, key=lambda tile: order[tile.label]))
        for row in grid.rows
    ]
    return replace(grid, rows=ordered)


def _restored(places: Places, cell: str, label: str, prior: str) -> list[Path]:
    """The shards of an experiment; a label that several priors share is followed by its own."""
    own = label.removesuffix(f"-{prior}")
    paths = [places.restorations(experiment_name(cell, n, prior), 0) for n in (label, own)]
    return _shards(next((path for path in paths if Path(path).exists()), paths[0]))


def _truth(places: Places, cell: str, rows: pd.DataFrame) -> list[Path]:
    """The shards of what should come out; of observations whose truth nobody knows, none."""
    dataset = cell.partition("/")[0]
    if given := _shards(places.truth(dataset, 0), needed=False):
        return given
    compared = [m for m in rows["metric"].unique() if m in METRICS and "truth" in METRICS[m].needs]
    known = rows.loc[rows["metric"].isin(compared), "value"].notna().any()
    return _shards(places.images(dataset, 0)) if known else []


def _shards(first: str, *, needed: bool = True) -> list[Path]:
    """The shards beside the first one, in order."""
    folder = Path(first).parent
    found = sorted(folder.glob("shard-*.safetensors"), key=lambda path: (len(path.name), path))
    if needed and not found:
        raise UserError(
            f"{folder}: its shards are not there; `ddpg remake {folder}` makes again what was "
            "deleted"
        )
    return found


def _known_pictures(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """The wanted ids, of which several may stand in one word with commas between them."""
    words = [
        part for word in wanted for part in ([word] if word in known else word.split(",")) if part
    ]
    unknown = [name for name in words if name not in known]
    if unknown:
        raise UserError(f"--pictures: the study has no {', '.join(unknown)}; {available(known)}")
    return list(dict.fromkeys(words)) or list(known[:MOST_IMAGES])


def _box(text: str) -> tuple[str, Box]:
    """An inset as it is given: of which picture, "" for all, and what of it."""
    match = _INSET.fullmatch(text.replace(" ", ""))
    if not match:
        raise UserError(
            f"--inset: must be x,y,width,height in whole pixels, or id:x,y,width,height, or "
            f"{NO_INSET}; got {shown(text)}"
        )
    left, top, width, height = map(int, match.groups()[1:])
    if not width or not height:
        raise UserError(f"--inset: width and height must be 1 or more, got {shown(text)}")
    return match["image"] or "", Box(top, left, height, width)


def _boxes_of(grid: Grid, boxes: Sequence[tuple[str, Box]]) -> dict[str, list[Box]]:
    """The insets of every picture of a grid."""
    images = [row.image for row in grid.rows]
    for image, _ in boxes:
        if image and image not in images:
            raise UserError(f"--inset: no picture {shown(image)} is drawn; {available(images)}")
    chosen = {
        row.image: [box for image, box in boxes if image in ("", row.image)] for row in grid.rows
    }
    for row in grid.rows:
        height, width = row.size
        for box in chosen[row.image]:
            if box.left + box.width > width or box.top + box.height > height:
                raise UserError(
                    f"--inset: {box.left},{box.top},{box.width},{box.height} reaches beyond "
                    f"{row.image}, which has {width} x {height} pixels"
                )
        if len(chosen[row.image]) > MOST_INSETS:
            raise UserError(
                f"--inset: a picture has room for {MOST_INSETS}, and {row.image} has "
                f"{len(chosen[row.image])}"
            )
    return chosen


def _check_output(results: Path, output: Path) -> None:
    """Figures of a choice must not take the place of the study's own."""
    if output.resolve().is_relative_to(results.resolve()):
        raise UserError(
            f"--output: {output} is in the folder of the study's own results; give another one"
        )
