"""What a study takes: calls of networks, files, bytes. Nothing here imports torch."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import fetched_parts
from ddpg.samplers.catalogue import ROW_METHODS
from ddpg.study.cost import call_cost, evaluations
from ddpg.study.settings.called import Called
from ddpg.study.sizes.sides import Sides, sides_of
from ddpg.study.study import Study
from ddpg.workflow.indexes import surveyed_rows
from ddpg.workflow.status import Row

FULL_PRECISION = 1.5
"""How much longer an evaluation takes with gradients, which are in float32 where others may be in
half precision."""
_PREPARED, _OBSERVED, _RESTORED = 3, 12, 8
"""Bytes a pixel: 8 bits, float32, and half precision with a compressed picture."""
_FILES_OF_SHARD, _FILES_OF_EXPERIMENT, _FILES_OF_STUDY = 4, 7, 60
"""Of an observation or a prepared shard; of an experiment's shard, beside its pictures; the rest:
each with logs and measures of the jobs."""


@dataclass(frozen=True)
class Need:
    """What restorations with a network take that are not done yet.

    Attributes:
        dataset: whose pictures they are.
        prior: what they call.
        evaluations: of the network.
        work: the same, gradients counted as the evaluations that they take the time of.
    """

    dataset: str
    prior: Called
    evaluations: float
    work: float


def network_needs(study: Study, rows: Iterable[Row]) -> list[Need]:
    """What is left to be evaluated, by data set, whose entry has the size, and by prior."""
    sums: dict[tuple[str, str], Need] = {}
    for row in rows:
        experiment = row.experiment
        dataset, prior = experiment.cell.dataset, study.prior_of(experiment)
        calls = evaluations(experiment) * row.images_left
        factor = call_cost(experiment.method, experiment.hyper_parameters)
        if ROW_METHODS[experiment.method].differentiates:
            factor *= FULL_PRECISION
        old = sums.get((dataset, prior.word), Need(dataset, prior, 0.0, 0.0))
        sums[dataset, prior.word] = replace(
            old, evaluations=old.evaluations + calls, work=old.work + factor * calls
        )
    return [need for need in sums.values() if need.evaluations]


def typical_sides(study: Study, dataset: str) -> Sides | None:
    """Height and width of a data set's pictures; of such with sizes of their own those of a square
    with as many pixels as they have on average, and None before they have been surveyed."""
    if (sides := sides_of(study.entries[dataset].image_size)) is not None:
        return sides
    rows = surveyed_rows(study, dataset)
    if not rows:
        return None
    side = round(math.sqrt(sum(row.width * row.height for row in rows) / len(rows)))
    return side, side


def bytes_of(study: Study) -> int | None:
    """About how much the results of a study take on a disk, once all are there; None where sizes
    are not known before the survey."""
    total = 0.0
    areas: dict[str, int] = {}
    for dataset in study.used_datasets:
        if (sides := typical_sides(study, dataset)) is None:
            return None
        areas[dataset] = sides[0] * sides[1]
        total += _PREPARED * areas[dataset] * study.selections[dataset].count
    for cell in study.cells.values():
        reduced = areas[cell.dataset] / (cell.degradation.scale or 1) ** 2
        total += _OBSERVED * reduced * study.selections[cell.dataset].count
    for experiment in study.by_path.values():
        dataset = experiment.cell.dataset
        total += _RESTORED * areas[dataset] * study.selections[dataset].count
    return int(total)


def files_of(study: Study) -> int:
    """About how many files a study leaves."""
    shards = {dataset: study.shard_count(dataset) for dataset in study.used_datasets}
    total = _FILES_OF_STUDY + 10 * len(study.cells)
    total += sum(_FILES_OF_SHARD * count for count in shards.values())
    total += sum(_FILES_OF_SHARD * shards[cell.dataset] for cell in study.cells.values())
    for experiment in study.by_path.values():
        dataset = experiment.cell.dataset
        total += _FILES_OF_EXPERIMENT * shards[dataset] + study.selections[dataset].count
    return total


def bytes_there(folder: str) -> int:
    """What is in a folder already."""
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def bytes_free(folder: str) -> int:
    """Free space where a folder is, or will be."""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def to_fetch(study: Study) -> list[str]:
    """What has to come from the web before the first restoration, with its size if known."""
    wanted = []
    for dataset in study.used_datasets:
        folder, remote = study.fetched_folder(dataset), study.cards[dataset].source.remote
        if folder and remote and not Path(f"{folder}.json").is_file():
            wanted.append(f"data set {dataset}{_size(remote.size)}")
    for name, card in study.called_priors.items():
        for part in parts_to_fetch(card):
            wanted.append(f"{part} of {name}{_size(card.part(part)[0].size)}")
    return wanted


def parts_to_fetch(card: Card) -> list[str]:
    """The parts of a prior that have to come from the web and are not here."""
    return [
        part
        for part in fetched_parts(card)
        if not Path(f"resources/checkpoints/{card.name}/{part}.json").is_file()
    ]


def gigabytes(count: float) -> str:
    """Bytes for people: "0.12 GB"."""
    return f"{count / 1e9:.2g} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"


def _size(count: int | None) -> str:
    return f" ({gigabytes(count)})" if count else ""
