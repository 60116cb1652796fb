"""What rules call: ``ddpg job VERB``, one verb for each job.

The options of a verb are the fields of its job, see :mod:`ddpg.jobs.fields`. Everything heavy is
imported inside the function that carries a job out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ddpg.cli.options import set_threads
from ddpg.errors import UserError
from ddpg.jobs.comparison import (
    ExactComparison,
    GridFigure,
    KernelFigure,
    Page,
    Paragraph,
    Plots,
    PosteriorComparison,
    Provenance,
    SetComparison,
    Tables,
    TrajectoryFigure,
    Tuning,
)
from ddpg.jobs.evaluation import (
    BestScores,
    Collection,
    Evaluation,
    ObservationEvaluation,
    SampleEvaluation,
    SetEvaluation,
)
from ddpg.jobs.fields import Job
from ddpg.jobs.given import GivenAdoption, GivenSurvey
from ddpg.jobs.observation import Adoption, Observation
from ddpg.jobs.resources import (
    BackboneSearch,
    CheckpointFetching,
    Conversion,
    DatasetFetching,
    Preparation,
    SizeCheck,
    Survey,
    TruthPreparation,
)
from ddpg.jobs.restoration import Recording, Restoration
from ddpg.study.sizes.sides import given_sides


def _called(function: str) -> Callable[..., None]:
    """What carries a job out: ``module:function`` of the package, imported when it is called."""
    module, _, name = function.partition(":")

    def carry_out(job: Job, **how: Any) -> None:
        getattr(import_module(f"ddpg.{module}"), name)(job, **how)

    return carry_out


def _computed(function: str) -> Callable[[Any], None]:
    """The same with as many threads as the job says, one where it says nothing of them."""

    def carry_out(job: Any) -> None:
        set_threads(getattr(job, "threads", 1))
        _called(function)(job)

    return carry_out


def _on_device(function: str) -> Callable[[Any], None]:
    """The same on the device that the job asks for, or on a GPU where it has one."""

    def carry_out(job: Any) -> None:
        from ddpg.machine.devices import claimed_device

        set_threads(job.threads)
        asked = job.device if hasattr(job, "device") else "cuda" if job.gpus else "cpu"
        with claimed_device(asked) as device:
            _called(function)(job, device=device)

    return carry_out


def _fetch_dataset(job: DatasetFetching) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.fetching import fetch_dataset

    fetch_dataset(read_card(job.card), job.output, pins=job.pins, record=job.record)


def _survey_dataset(job: Survey) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.survey import survey_dataset

    survey_dataset(read_card(job.card), job.output, fetched=job.fetched)


def _prepare_images(job: Preparation) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.index import listed_rows
    from ddpg.datasets.places import root_folder
    from ddpg.stages.preparation import index_rows, prepare_observations, prepare_rows
    from ddpg.study.selection import parse_positions

    card, positions = read_card(job.card), parse_positions(job.positions)
    if card.source.prior:
        from ddpg.stages.exact.drawing import draw_pictures

        entries = card.listed()
        return draw_pictures(
            card.source.prior,
            job.output,
            dataset=card.name,
            images=[entries[position].id for position in positions],
            sides=given_sides(job.image_size),
            seed=card.source.seed,
        )
    root = root_folder(card, job.fetched)
    rows = index_rows(job.index, positions) if job.index else listed_rows(card, positions, root)
    if card.observations:
        return prepare_observations(rows, root, job.output, extent=card.range)
    return prepare_rows(rows, root, job.output, image_size=job.image_size, crop=job.crop)


def _prepare_truth(job: TruthPreparation) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.index import listed_rows
    from ddpg.datasets.places import root_folder
    from ddpg.stages.preparation import index_rows, prepare_truth
    from ddpg.study.selection import parse_positions

    card = read_card(job.card)
    root, everything = root_folder(card, job.fetched), range(card.count)
    rows = index_rows(job.index, everything) if job.index else listed_rows(card, everything, root)
    chosen = [rows[position] for position in parse_positions(job.positions)]
    others = [row.id for row in rows]
    prepare_truth(
        chosen,
        job.truth,
        job.output,
        image_size=job.image_size,
        others=others,
        extent=card.range,
    )


def _fetch_checkpoint(job: CheckpointFetching) -> None:
    from ddpg.priors.checkpoints.fetching import fetch_checkpoint

    how: dict[str, Any] = {"pins": job.pins, "record": job.record, "seen": job.seen}
    fetch_checkpoint(job.prior, job.part, job.output, **how)


def _convert_checkpoint(job: Conversion) -> None:
    from ddpg.priors.cards.card import read_card
    from ddpg.priors.checkpoints.conversion import convert_checkpoint, convert_random
    from ddpg.priors.checkpoints.fetching import check_given, obtain

    card, source = read_card(job.prior), job.checkpoint
    if source is not None:
        check_given(card, job.part, source, pins=job.pins)
    elif card.part(job.part)[0].random_seed is not None:
        return convert_random(card, job.part, job.output, dtype=job.dtype)
    else:
        source = obtain(card, job.part, pins=job.pins, record=job.record)
    return convert_checkpoint(card, job.part, source, job.output, dtype=job.dtype)


def _find_backbone(job: BackboneSearch) -> None:
    from ddpg.metrics.backbones import record_backbone

    record_backbone(job.net, job.output, pins=job.pins)


def _collect(job: Collection) -> None:
    from ddpg.files.long_table import collect

    folder = job.first.parent
    for part in reversed(Path(next(iter(job.shards))).parts):
        if folder.name != part or job.first.name != "shard-0.csv":
            first = Path(next(iter(job.shards))) / "shard-0.csv"
            raise UserError(f"--first: must end in {first}, got {job.first}")
        folder = folder.parent
    tables = [
        folder / experiment / f"shard-{shard}.csv"
        for experiment, count in job.shards.items()
        for shard in range(int(count))
    ]
    collect(tables, job.output)


def _tables(job: Tables) -> None:
    from ddpg.comparison.tables.writing import write_tables

    write_tables(
        job.metrics,
        job.folder,
        published_csv=job.published,
        latex=job.latex,
        given=job.given,
    )


def _plots(job: Plots) -> None:
    from ddpg.comparison.figures.plots import draw_plots

    draw_plots(job.metrics, job.folder, reference=job.reference or None, sweeps=job.sweeps)


def _kernels(job: KernelFigure) -> None:
    from ddpg.comparison.figures.kernel import draw_kernels

    draw_kernels(job.observations, job.output)


def _grid(job: GridFigure) -> None:
    from ddpg.comparison.figures.grid import draw_grid
    from ddpg.comparison.grids import collect
    from ddpg.comparison.statistics.measurements import read_metrics
    from ddpg.files.tensors import read_ids

    shards, rest = divmod(len(job.restorations), len(job.labels))
    if rest or not shards:
        counts = f"{len(job.restorations)} files for {len(job.labels)} labels"
        raise UserError(f"--restorations: {counts}")
    restorations = {
        label: job.restorations[i * shards : (i + 1) * shards] for i, label in enumerate(job.labels)
    }
    images = [name for shard in job.observations for name in read_ids(shard)]
    shown, metrics = job.images or images[: job.count], read_metrics(*job.metrics)
    apart = job.apart == "yes"
    grid = collect(job.cell, job.truth, job.observations, restorations, metrics, shown, apart=apart)
    draw_grid(grid, job.output)


def _trajectories(job: TrajectoryFigure) -> None:
    from ddpg.comparison.figures.trajectory import draw_trajectories

    draw_trajectories(job.files, job.output, apart=job.apart == "yes")


def _tune(job: Tuning) -> None:
    from ddpg.machine.devices import claimed_device
    from ddpg.stages.tuning.protocol import tune
    from ddpg.study.study import Study

    set_threads(job.threads)
    with claimed_device(job.device) as device:
        tune(Study(json.loads(job.config)), job.output, device=device)


VERBS: dict[str, tuple[type[Job], Callable[[Any], None]]] = {
    "fetch-dataset": (DatasetFetching, _fetch_dataset),
    "survey-dataset": (Survey, _survey_dataset),
    "check-sizes": (SizeCheck, _called("stages.sizes.checking:check_sizes")),
    "prepare-images": (Preparation, _prepare_images),
    "fetch-checkpoint": (CheckpointFetching, _fetch_checkpoint),
    "convert-checkpoint": (Conversion, _convert_checkpoint),
    "find-backbone": (BackboneSearch, _find_backbone),
    "prepare-truth": (TruthPreparation, _prepare_truth),
    "observe": (Observation, _computed("stages.observations:observe")),
    "adopt": (Adoption, _computed("stages.observations:adopt")),
    "restore": (Restoration, _on_device("stages.restoration:restore_shard")),
    "survey-given": (GivenSurvey, _called("stages.given.survey:survey_given")),
    "take-given": (GivenAdoption, _computed("stages.given.adoption:take_restorations")),
    "evaluate": (Evaluation, _on_device("stages.evaluation:evaluate")),
    "evaluate-observations": (
        ObservationEvaluation,
        _computed("stages.observed.evaluation:evaluate_observations"),
    ),
    "evaluate-samples": (SampleEvaluation, _computed("stages.samples:evaluate_samples")),
    "evaluate-sets": (SetEvaluation, _on_device("stages.measured_sets.evaluation:evaluate_sets")),
    "best-scores": (BestScores, _computed("stages.exact.scores:best_scores")),
    "collect": (Collection, _collect),
    "tables": (Tables, _tables),
    "plots": (Plots, _plots),
    "posterior": (PosteriorComparison, _called("comparison.posterior.writing:write_posterior")),
    "exact": (ExactComparison, _called("comparison.posterior.exact:write_exact")),
    "sets": (SetComparison, _called("comparison.sets:write_sets")),
    "kernels": (KernelFigure, _kernels),
    "grid": (GridFigure, _grid),
    "trajectory": (Recording, _on_device("stages.trajectory:record_image")),
    "trajectories": (TrajectoryFigure, _trajectories),
    "tune-study": (Tuning, _tune),
    "provenance": (Provenance, _called("stages.provenance:write_provenance")),
    "paragraph": (Paragraph, _called("comparison.paragraph:write_paragraph")),
    "page": (Page, _called("comparison.page.page:write_page")),
}
"""Every job in the order of the data: what it takes, and what carries it out."""


def add_jobs(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """Add a verb for each job that a rule calls."""
    verbs = parser.add_subparsers(dest="job_verb", required=True, metavar="VERB")
    for name, (job, carry_out) in VERBS.items():
        words = " ".join((job.__doc__ or "").split())
        added = verbs.add_parser(name, help=words, description=words, parents=[common])
        job.add_options(added)
        added.set_defaults(run=partial(_run, job, carry_out), verb=f"job {name}")


def _run(job: type[Job], carry_out: Callable[[Any], None], options: argparse.Namespace) -> None:
    carry_out(job.parsed(options))
