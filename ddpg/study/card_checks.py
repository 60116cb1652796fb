"""What a degradation's card and the pictures know of each other: mistakes that would kill jobs.

Among them are those of data sets that hold observations which somebody else has made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ddpg import pictures
from ddpg.datasets.arrays import inspect_array, is_array, opened_array
from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.entries import ImageEntry
from ddpg.errors import UserError
from ddpg.metrics.catalogue import METRICS
from ddpg.study.config import DatasetEntry, StudyConfig
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.names import shortened
from ddpg.study.selection import Selection
from ddpg.study.sheet import Experiment, LineProblem
from ddpg.study.sizes.sides import Sides, shown_sides, sides_of


def card_problem(
    degradation: Degradation, sides: Sides | None, selection: Selection, dataset: str
) -> str:
    """What keeps a card's kernels and masks from pictures of a size; "" if nothing does.

    What a file holds is not looked at here, only that it is there and how large it is; of pictures
    of their own sizes the survey knows more, see :mod:`ddpg.stages.sizes.checking`.
    """
    if not degradation.card:
        return ""
    ids = None if selection.entries is None else tuple(entry.id for entry in selection.entries)
    try:
        for given in filter(None, (degradation.kernel, degradation.mask)):
            if not pictures.is_by_words(given) and Path(given).is_dir():
                for image in ids or ():
                    pictures.file_of(given, image)
        if sides is None:
            return ""
        return _kernel_problem(degradation, sides, dataset) or _mask_problem(
            degradation, sides, ids, dataset
        )
    except UserError as error:
        return f"task: the card {degradation.card}: {error}"


def _kernel_problem(degradation: Degradation, sides: Sides, dataset: str) -> str:
    if not degradation.kernel:
        return ""
    side = kernel_side(degradation.kernel)
    if side <= min(sides):
        return ""
    return (
        f"task: the card {degradation.card}: the {side} x {side} kernel {degradation.kernel} does "
        f"not fit into the image size {shown_sides(sides)} of {dataset}"
    )


def _mask_problem(
    degradation: Degradation, sides: Sides, ids: tuple[str, ...] | None, dataset: str
) -> str:
    mask = degradation.mask
    if not mask:
        return ""
    seen = degradation.observed(sides)
    if pictures.is_by_words(mask):
        pictures.draw_mask(mask, seen)
        return ""
    files = (
        {pictures.file_of(mask, image) for image in ids or ()}
        if Path(mask).is_dir()
        else {Path(mask)}
    )
    for file in sorted(files):
        if pictures.size_of(file) != seen:
            shown = " x ".join(map(str, reversed(pictures.size_of(file))))
            whose = "pictures" if seen == sides else "observations"
            return (
                f"task: the card {degradation.card}: the mask {file} has {shown} pixels, the "
                f"{whose} of {dataset} have {seen[1]} x {seen[0]}"
            )
    return ""


class Planned(Protocol):
    """What the checks ask of a study, see :class:`ddpg.study.study.Study`."""

    config: StudyConfig
    experiments: list[Experiment]
    entries: dict[str, DatasetEntry]
    cards: dict[str, DatasetCard]
    selections: dict[str, Selection]


def given_problems(study: Planned) -> Iterator[LineProblem]:
    """What is wrong with the rows of data sets that hold observations."""
    rows: dict[str, list[Experiment]] = {}
    for row in study.experiments:
        if study.cards[row.cell.dataset].observations and not row.repeat:
            rows.setdefault(row.cell.dataset, []).append(row)
    for dataset, own in rows.items():
        first = own[0]
        yield from (LineProblem(first.line, problem) for problem in _problems(study, first))
        for row in own[1:]:
            if row.cell.degradation != first.cell.degradation:
                yield LineProblem(
                    row.line,
                    f"task: {dataset} holds observations, those of line {first.line} by "
                    f"{first.cell.degradation.key}: they cannot be of {row.cell.degradation.key} "
                    "as well; give a data set for each",
                )


def _problems(study: Planned, row: Experiment) -> Iterator[str]:
    """What is wrong with a data set and its degradation."""
    dataset, degradation = row.cell.dataset, row.cell.degradation
    card, sides = study.cards[dataset], sides_of(study.entries[dataset].image_size)
    if degradation.is_drawn_for_each or degradation.task == "motion_deblur":
        yield (
            f"task: {degradation.name} draws a kernel, a mask or rows for every picture, and "
            f"nobody knows those of the observations of {dataset}; give a card a file, or a folder "
            "with one for each"
        )
    if not card.has_truth:
        names = study.config.metric_names
        if all("truth" in METRICS[name].needs for name in names):
            yield (
                f"dataset: the observations of {dataset} come without a truth, which all metrics "
                f"of the study need ({', '.join(names)}); add one that does not, such as "
                "consistency or blur-effect, or give the card truth: FOLDER"
            )
    entries = study.selections[dataset].entries
    if entries is None:
        return
    yield from filter(None, [_truth_problem(card, entries)])
    listing = card.listing
    if card.source.kind == "folder" and listing is not None and listing.exact:
        yield from _file_problems(card, entries, degradation, sides)


def _truth_problem(card: DatasetCard, entries: Sequence[ImageEntry]) -> str:
    """Truths that are not there."""
    if card.truth is None:
        return ""
    if not Path(card.truth).is_dir():
        return f"dataset: truth of {card.name}: there is no folder {card.truth}"
    problems = []
    for entry in entries:
        try:
            pictures.file_of(card.truth, entry.id)
        except UserError as error:
            problems.append(str(error))
    return f"dataset: truth of {card.name}: {shortened(problems, between='; ')}" if problems else ""


def _file_problems(
    card: DatasetCard,
    entries: Sequence[ImageEntry],
    degradation: Degradation,
    sides: Sides | None,
) -> Iterator[str]:
    """Observations of other sizes than the degradation gives, and arrays of an unknown range."""
    seen = degradation.observed(sides) if sides else None
    wrong, unknown = [], []
    for entry in entries:
        file = Path(card.source.folder) / entry.file
        if not file.is_file():
            continue  # the survey tells
        try:
            if is_array(file) and opened_array(file).dtype.kind == "f" and card.range is None:
                unknown.append(entry.file)
            width, height = inspect_array(file) if is_array(file) else _size_of(file)
        except UserError:
            continue  # the survey tells
        if seen is not None and (height, width) != seen:
            wrong.append(f"{entry.file} has {width} x {height}")
    if unknown:
        yield (
            f"dataset: {card.name}: {shortened(unknown, between='; ')}: arrays of floats do not "
            "say what is black and what is white; give the card range: [0, 1], or [-1, 1] for what "
            "ddpg export wrote"
        )
    if wrong and seen and sides:
        yield (
            f"dataset: {card.name}: by {degradation.key} a picture of image_size "
            f"{shown_sides(sides)} is observed as {seen[1]} x {seen[0]} pixels; "
            f"{shortened(wrong, between='; ')}"
        )


def _size_of(file: Path) -> tuple[int, int]:
    """Width and height from the head of a picture."""
    height, width = pictures.size_of(file)[:2]
    return width, height
