"""What configuration, sheet and cards know together: mistakes that would kill jobs.

Each check gives problems of rows of the sheet, which :func:`ddpg.study.sheet.problem_lines` tells
once each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ddpg.datasets.entries import ImageEntry
from ddpg.datasets.lists import read_list
from ddpg.errors import UserError
from ddpg.operators.tasks import TASKS
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.limits import PriorLimits, prior_limits
from ddpg.samplers.catalogue import ROW_METHODS
from ddpg.study import card_checks
from ddpg.study.settings.called import Called
from ddpg.study.sheet import Experiment, LineProblem
from ddpg.study.sizes.sides import LEAST, Sides, shown_sides, sides_of


class Planned(card_checks.Planned, Protocol):
    """What the checks ask of a study beside what those of cards do."""

    def prior_of(self, row: Experiment) -> Called: ...


def row_problems(study: Planned) -> Iterator[LineProblem]:
    """What is wrong with the rows of a study's sheet, given its data sets and priors."""
    called = {
        (row.cell.dataset, prior.word): prior.card
        for row in study.experiments
        if ROW_METHODS[row.method].uses_prior
        for prior in [study.prior_of(row)]
    }
    limits = {key: prior_limits(card) for key, card in called.items()}
    labels = {
        key: label_problem(key[0], card, entries_before_fetching(study, key[0]))
        for key, card in sorted(called.items(), key=lambda item: item[0])
        if limits[key].labels
    }
    sizes = {dataset: sides_of(entry.image_size) for dataset, entry in study.entries.items()}
    cards = {
        (degradation, dataset): card_checks.card_problem(
            degradation, sizes[dataset], study.selections[dataset], dataset
        )
        for degradation, dataset in {
            (e.cell.degradation, e.cell.dataset) for e in study.experiments
        }
    }
    for row in study.experiments:
        if row.repeat:
            continue
        dataset = row.cell.dataset
        sides = sizes[dataset]
        problems = [
            _task_problem(row, sides, study.config.motion_kernel.size) if sides else "",
            cards[row.cell.degradation, dataset],
        ]
        if ROW_METHODS[row.method].uses_prior:
            key = (dataset, study.prior_of(row).word)
            card, limit = called[key], limits[key]
            problems += [
                _kind_problem(row, card),
                _size_problem(dataset, sides, card.name, limit) if sides else "",
                "" if sides else _tiling_problem(row, card),
                _steps_problem(row, card.name, limit),
                labels.get(key, ""),
            ]
        yield from (LineProblem(row.line, problem) for problem in problems if problem)


def _task_problem(row: Experiment, sides: Sides, motion_size: int) -> str:
    """What keeps a task from pictures of a size."""
    size = shown_sides(sides)
    dataset, degradation = row.cell.dataset, row.cell.degradation
    task = TASKS[degradation.task]
    if degradation.scale and task.scales and any(side % degradation.scale for side in sides):
        return (
            f"scale: scale {degradation.scale} does not divide the image size {size} of {dataset}"
        )
    if task.name == "compressed_sensing" and any(side & (side - 1) for side in sides):
        return f"task: {task.name} takes powers of two, image_size of {dataset} is {size}"
    drawn = task.name == "motion_deblur"
    taps = motion_size if drawn else task.taps
    if taps > min(sides):
        remedy = "a smaller motion_kernel.size or " if drawn else ""
        return (
            f"task: the {taps} x {taps} kernel of {task.name} does not fit into the image size "
            f"{size} of {dataset}; give {remedy}an image_size of {taps} or more"
        )
    return ""


def _size_problem(dataset: str, sides: Sides, prior: str, limits: PriorLimits) -> str:
    """What keeps a prior from pictures of a size that its network sees as a whole."""
    size, only = shown_sides(sides), limits.image_size
    if only is not None and sides != (only, only):
        return (
            f"dataset: the prior {prior} takes pictures of {only} x {only} only (its classifier "
            f"pools by attention); image_size of {dataset} is {size}"
        )
    multiple = limits.size_multiple
    if any(side % multiple for side in sides):
        near = [n for n in zip(*(_near(side, multiple) for side in sides), strict=True) if min(n)]
        return (
            f"dataset: the prior {prior} takes image sides that are multiples of {multiple}, "
            f"image_size of {dataset} is {size}; give {' or '.join(map(shown_sides, near))}"
        )
    return ""


def _near(side: int, multiple: int) -> tuple[int, int]:
    """The multiples next to a side, 0 for one that is too small."""
    below, above = side // multiple * multiple, -(-side // multiple) * multiple
    return (below if below >= LEAST else 0), above


def _tiling_problem(row: Experiment, prior: Card) -> str:
    """A prior whose answers cannot be put together from tiles, as pictures of any size ask for."""
    if prior.gives == "noise":
        return ""
    return (
        f"dataset: pictures of their own sizes (image_size: native) go through the network in "
        f"tiles, which takes a prior that predicts noise; {prior.name} of {row.cell.dataset} is "
        f"{_PREDICTIONS[prior.gives]}; give an image_size"
    )


_PREDICTIONS = {
    "noise": "a prior that predicts noise",
    "consistency": "a consistency model",
    "closed form": "a prior of the kind gaussian_mixture, whose posteriors are closed forms",
}


def _kind_problem(row: Experiment, prior: Card) -> str:
    """A method that asks for another kind of prior."""
    asked = ROW_METHODS[row.method].asks
    if asked == prior.gives or (asked == "closed form" and prior.has_closed_form):
        return ""
    return (
        f"method: {row.method} needs {_PREDICTIONS[asked]}, but the prior {prior.name} of "
        f"{row.cell.dataset} is {_PREDICTIONS[prior.gives]}; give a data set with such a prior"
    )


def _steps_problem(row: Experiment, prior: str, limits: PriorLimits) -> str:
    """Steps, given or the method's own, beyond a prior's times."""
    steps = row.hyper_parameters.get("steps")
    if limits.times is None or not isinstance(steps, int) or steps <= limits.times:
        return ""
    return (
        f"steps: {row.method} would take {steps} steps, but the prior {prior} has {limits.times} "
        f"times; give 1 to {limits.times}"
    )


def label_problem(dataset: str, card: Card, entries: Sequence[ImageEntry] | None) -> str:
    """What keeps a class-conditional prior from pictures; nothing where they are not known."""
    limits, prior = prior_limits(card), card.name
    if not limits.labels or entries is None:
        return ""
    if missing := [entry.id for entry in entries if entry.label is None]:
        return (
            f"dataset: the prior {prior} needs the class of every picture, but {len(missing)} of "
            f"{len(entries)} pictures of {dataset} have no label, {_some(missing)}; give the list "
            "of its pictures a column 'label', or the prior's card one label for all"
        )
    classes = limits.classes
    foreign = [e.id for e in entries if classes and e.label is not None and e.label >= classes]
    if foreign and classes:
        highest = max(entry.label or 0 for entry in entries)
        counted = " (they look as if counted from 1)" if highest == classes else ""
        return (
            f"dataset: the prior {prior} has the classes 0 to {classes - 1}, but {len(foreign)} "
            f"of {len(entries)} pictures of {dataset} have labels up to {highest}{counted}, "
            f"{_some(foreign)}"
        )
    return ""


def entries_before_fetching(study: Planned, dataset: str) -> list[ImageEntry] | None:
    """The pictures that take part, where card or list know them before anything is fetched."""
    selection, card = study.selections[dataset], study.cards[dataset]
    if selection.entries is not None:
        return list(selection.entries)
    # A list that is looked for in the source may lie in the working tree.
    if card.list_in_source and Path(card.list_in_source).is_file():
        entries = read_list(card.list_in_source).entries
        if len(entries) != card.count:
            raise UserError(
                f"{card.list_in_source}: lists {len(entries)} pictures, the card of {dataset} says "
                f"count: {card.count}"
            )
        return [entries[position] for position in selection.positions]
    return None


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")
