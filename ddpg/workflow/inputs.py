"""What each rule reads, as functions of a job's wildcards, and what the study makes for people.

Where those files lie is said in :mod:`ddpg.study.places`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, wraps
from types import SimpleNamespace
from typing import Any

from ddpg.comparison.products import (
    EXACT,
    PARAGRAPH,
    PLOTS,
    POSTERIOR,
    PUBLISHED,
    SETS,
    SWEEPS,
    TABLES,
    TRAJECTORY_METHODS,
    latex_files,
)
from ddpg.jobs.comparison import all_latex
from ddpg.metrics.catalogue import METRICS, SET_METRICS
from ddpg.pictures.belongings import file_of
from ddpg.priors.cards.own_files import fetched_parts
from ddpg.study.names import OBSERVED
from ddpg.study.sheet import Experiment
from ddpg.study.study import Study


class Inputs:
    """The input functions of a study's rules.

    Args:
        local: marks a file of the user's, which never lies on object storage.
        ancient: marks a file that must be there first, and whose date does not matter.
    """

    def __init__(
        self, study: Study, local: Callable[[str], Any], ancient: Callable[[str], Any] = str
    ) -> None:
        self._study, self._local, self._places = study, local, study.places
        self._ancient = ancient

    # resources

    def archive(self, wildcards: Any) -> list[Any]:
        """The archive of a data set that lies in one on this machine."""
        archive = self._study.cards[wildcards.dataset].source.archive
        return self._own([archive] if archive else [])

    def fetched_dataset(self, wildcards: Any) -> list[str]:
        """The record of a data set that had to be fetched."""
        folder = self._study.fetched_folder(wildcards.dataset)
        return [f"{folder}.json"] if folder else []

    def surveyed_pictures(self, wildcards: Any) -> list[Any]:
        """The user's own pictures that a survey reads; those in a package are no inputs."""
        return self._own(self._study.source_files(wildcards.dataset))

    def source_pictures(self, wildcards: Any) -> list[Any]:
        """The user's own pictures that a shard is prepared from."""
        return self._own(self._study.source_files(wildcards.dataset, int(wildcards.shard)))

    def truth_pictures(self, wildcards: Any) -> list[Any]:
        """The truths of a shard of observations, which lie in a folder of the user's."""
        card = self._study.cards[wildcards.dataset]
        part = self._study.shard(wildcards.dataset, int(wildcards.shard))
        if part.entries is None:
            return self._own([card.truth or ""])
        return self._own(str(file_of(card.truth or "", entry.id)) for entry in part.entries)

    def index(self, wildcards: Any) -> list[str]:
        """A data set's index.

        Where the card says which picture is which none is needed: a changed picture then concerns
        its own shard alone, although the survey runs again.
        """
        exact = self._study.index_is_exact(wildcards.dataset)
        return [] if exact else [self._places.index(wildcards.dataset)]

    def surveyed_index(self, wildcards: Any) -> str:
        """A data set's index."""
        return self._places.index(wildcards.dataset)

    def fetched_checkpoint(self, wildcards: Any) -> list[str]:
        """The record of a checkpoint that has to be fetched."""
        return self._study.fetched_checkpoints(wildcards.prior, wildcards.part)

    # observations, restorations, evaluations

    def observed_truth(self, wildcards: Any) -> str:
        """The prepared pictures behind a shard of a cell."""
        return self._places.images(self._study.cells[wildcards.cell].dataset, wildcards.shard)

    def known_truth(self, wildcards: Any) -> str | list[str]:
        """What should come out of a shard of a cell; nothing where nobody knows it."""
        dataset = self._study.cells[wildcards.cell].dataset
        return self._study.truth_file(dataset, wildcards.shard) or []

    def checked_sizes(self, wildcards: Any) -> list[Any]:
        """That the pictures of a cell fit, where only their survey knows their sizes.

        It need not be newer than the observations: another row, which asks more of the sizes,
        observes no other cell again.
        """
        files = self._size_checks([self._study.cells[wildcards.cell].dataset])
        return [self._ancient(file) for file in files]

    def observations(self, wildcards: Any) -> str:
        """The observations that an experiment restores."""
        return self._places.observations(self._row(wildcards).cell.path, wildcards.shard)

    def given_index(self, wildcards: Any) -> str:
        """The index of the pictures that were restored elsewhere."""
        return self._places.index(self._row(wildcards).cell.dataset)

    def given_surveys(self, _wildcards: Any) -> list[str]:
        """What the restorations are that another program has made."""
        return [self._places.given(row.path) for row in self._study.given_rows]

    def weights(self, wildcards: Any) -> list[str]:
        """The converted checkpoint of an experiment's prior, where it needs one."""
        return self._part(wildcards, "weights")

    def classifier(self, wildcards: Any) -> list[str]:
        """The converted checkpoint of its classifier, where it needs one."""
        return self._part(wildcards, "classifier")

    def images_at_a_time(self, wildcards: Any) -> int:
        """A resource, because a result does not depend on it; 0 is what suits the device."""
        return self._study.prior_of(self._row(wildcards)).execution.batch_size or 0

    def restored_truth(self, wildcards: Any) -> str | list[str]:
        """What should come out of a shard of an experiment; nothing where nobody knows it."""
        return self._study.truth_file(self._row(wildcards).cell.dataset, wildcards.shard) or []

    def measured_observations(self, wildcards: Any) -> list[str]:
        """The observations that a shard's restorations are compared with, where a metric asks."""
        row = self._row(wildcards)
        needed = any("observation" in METRICS[m].needs for m in self._study.config.metric_names)
        return [self._places.observations(row.cell.path, wildcards.shard)] if needed else []

    def backbone(self, _wildcards: Any) -> list[str]:
        """What was found of the files that the metrics need from the web; the same for all jobs."""
        return self._files_of(METRICS, self._study.config.metric_names)

    def all_backbones(self, _wildcards: Any) -> list[str]:
        """The same with those of metrics of sets."""
        config = self._study.config
        of_pictures = self._files_of(METRICS, config.metric_names)
        return [*of_pictures, *self._files_of(SET_METRICS, config.set_metric_names)]

    def set_backbones(self, _wildcards: Any) -> list[str]:
        """What was found of the files that metrics of sets need."""
        return self._files_of(SET_METRICS, self._study.config.set_metric_names)

    @staticmethod
    def _files_of(catalogue: Mapping[str, Any], metrics: Iterable[str]) -> list[str]:
        return _records(name for metric in metrics for name in catalogue[metric].files)

    def shard_metrics(self, _wildcards: Any) -> list[str]:
        """The metrics of every shard of every experiment, in the order of the sheet, then those of
        the observations."""
        experiments = [(row.path, row.cell.dataset) for row in self._study.experiments]
        cells = self._study.cells.items()
        observed = [(f"{path}/{OBSERVED}", cell.dataset) for path, cell in cells]
        return [
            self._places.evaluations(path, shard)
            for path, dataset in [*experiments, *observed]
            for shard in range(self._study.shard_count(dataset))
        ]

    def sampled_restorations(self, wildcards: Any) -> list[str]:
        """The restorations of a shard that are samples of one posterior, in order."""
        rows = self._study.sampled[wildcards.experiment]
        return [self._places.restorations(row.path, wildcards.shard) for row in rows]

    def sampled_costs(self, wildcards: Any) -> list[str]:
        """What these have cost."""
        rows = self._study.sampled[wildcards.experiment]
        return [self._places.restorations(row.path, wildcards.shard, "csv") for row in rows]

    def shard_samples(self, _wildcards: Any) -> list[str]:
        """The measurements of the samples of every shard."""
        return [
            self._places.samples(path, shard)
            for path, rows in self._study.sampled.items()
            for shard in range(self._study.shard_count(rows[0].cell.dataset))
        ]

    def set_truth(self, wildcards: Any) -> list[str]:
        """The prepared pictures of all shards of an experiment."""
        dataset = self._row(wildcards).cell.dataset
        shards = range(self._study.shard_count(dataset))
        return [self._study.truth_file(dataset, shard) for shard in shards]

    def set_restorations(self, wildcards: Any) -> list[str]:
        """The restorations of all its shards."""
        return self._all_shards(wildcards, "safetensors")

    def set_costs(self, wildcards: Any) -> list[str]:
        """What these have cost."""
        return self._all_shards(wildcards, "csv")

    def experiment_sets(self, _wildcards: Any) -> list[str]:
        """The measurements of sets of every experiment."""
        return [self._places.sets(row.path) for row in self._study.measured_sets]

    def sets(self, _wildcards: Any) -> list[str]:
        """The long table of sets, for a study that asks for it."""
        return [self._places.of_sets] if self._study.measured_sets else []

    def shard_best(self, _wildcards: Any) -> list[str]:
        """The best scores of every shard of every cell whose pictures are drawn."""
        return [
            self._places.best_scores(cell, shard)
            for cell in self._study.drawn
            for shard in range(self._study.shard_count(self._study.cells[cell].dataset))
        ]

    def cell_shard(self, wildcards: Any) -> str:
        """The observations of a shard of a cell."""
        return self._places.observations(wildcards.cell, wildcards.shard)

    def tuned_with(self, _wildcards: Any) -> list[str]:
        """The converted checkpoints of the priors that a tuning calls."""
        rows = [row for row in self._study.experiments if row.prior]
        files = [file for row in rows for file in self._study.prior_of(row).files.values()]
        return sorted(set(files))

    # comparison

    def best(self, _wildcards: Any) -> list[str]:
        """The long table of the best scores, for a study of pictures that are drawn."""
        return [self._places.best] if self._study.drawn else []

    def posterior(self, _wildcards: Any) -> list[str]:
        """The long table of the samples, for a study that has any."""
        return [self._places.posterior] if self._study.sampled else []

    def published(self, _wildcards: Any) -> list[Any]:
        """The table of published figures, for a study that asks for them."""
        published = self._study.config.published
        return [self._local(published)] if published else []

    def kernels(self, _wildcards: Any) -> list[str]:
        """The observations that show each data set's motion kernels once."""
        first: dict[str, str] = {}
        for cell in self._motion_cells:
            first.setdefault(self._study.cells[cell].dataset, cell)
        return [
            self._places.observations(cell, shard)
            for cell in first.values()
            for shard in self._shown(cell)
        ]

    def cell_truth(self, wildcards: Any) -> list[str]:
        """The prepared pictures that a cell shows."""
        dataset = self._study.cells[wildcards.cell].dataset
        shards = self._shown(wildcards.cell)
        return [file for k in shards if (file := self._study.truth_file(dataset, k))]

    def cell_observations(self, wildcards: Any) -> list[str]:
        """Their observations."""
        cell = wildcards.cell
        return [self._places.observations(cell, shard) for shard in self._shown(cell)]

    def cell_restorations(self, wildcards: Any) -> list[str]:
        """Their restorations: the shards of the first experiment, then those of the next."""
        return self._of_cell(wildcards.cell, self._places.restorations)

    def cell_metrics(self, wildcards: Any) -> list[str]:
        """The metrics of their restorations and of their observations."""
        cell = wildcards.cell
        observed = [self._places.evaluations(f"{cell}/{OBSERVED}", s) for s in self._shown(cell)]
        return [*self._of_cell(cell, self._places.evaluations), *observed]

    def first_observations(self, wildcards: Any) -> str:
        """The observation whose restoration is recorded."""
        return self._places.observations(self._row(wildcards).cell.path, 0)

    def first_truth(self, wildcards: Any) -> str | list[str]:
        """The picture behind it; nothing where nobody knows it."""
        return self._study.truth_file(self._row(wildcards).cell.dataset, 0) or []

    def trajectories(self, wildcards: Any) -> list[str]:
        """The trajectories of a cell that are drawn."""
        rows = self._walkers(wildcards.cell)
        return [self._places.trajectory(row.path) for row in rows]

    def indexes(self, _wildcards: Any) -> list[str]:
        """The indexes of the data sets that take part, with the checksum of every picture."""
        used = self._study.used_datasets
        return [self._places.index(dataset) for dataset in used]

    def size_checks(self, _wildcards: Any) -> list[str]:
        """What was compared of the sizes of data sets whose pictures have their own."""
        return self._size_checks(self._study.used_datasets)

    def checkpoints(self, _wildcards: Any) -> list[str]:
        """The records of all fetched checkpoints that an experiment calls."""
        return [
            record
            for name, card in self._study.called_priors.items()
            for part in fetched_parts(card)
            for record in self._study.fetched_checkpoints(name, part)
        ]

    def recorded_names(self, wildcards: Any) -> list[str]:
        """What the record of the study calls its input, in its order."""
        sheet = self._study.config.experiments
        records = self.checkpoints(wildcards)
        return [*self.indexes(wildcards), sheet, self._places.metrics, *records]

    def prepared_pictures(self, _wildcards: Any) -> list[str]:
        """All pictures that take part."""
        return [
            self._places.images(dataset, shard)
            for dataset in self._study.used_datasets
            for shard in range(self._study.shard_count(dataset))
        ]

    def page_figures(self, _wildcards: Any) -> list[str]:
        """The figures of the page: of the whole study, then the trajectories."""
        return [*self._plots(), *self._of_samples(), *self._drawn_trajectories()]

    def page_grids(self, _wildcards: Any) -> list[str]:
        """The pictures of every cell, ready for the page."""
        return [self._places.figure(f"grids/{cell}", "json") for cell in self._study.cells]

    def products(self, _wildcards: Any) -> list[str]:
        """Everything that the study makes for people.

        Of every figure both files: one that was removed by hand is missed.
        """
        places = self._places
        grids = [places.figure(f"grids/{cell}", "png") for cell in self._study.cells]
        pictures = [*self._plots(), *self._of_samples(), *grids, *self._drawn_trajectories()]
        made = [*(POSTERIOR if self._study.sampled else ()), *(EXACT if self._study.drawn else ())]
        made += [*(SETS if self._study.measured_sets else ())]
        return [
            *(places.metrics, places.provenance, places.page, places.table(PARAGRAPH)),
            *self.posterior(None),
            *self.best(None),
            *self.sets(None),
            *(places.table(name) for name in made),
            *(places.table(name) for name in table_titles(self._study)),
            *(places.table(file) for name in all_latex(self._study) for file in latex_files(name)),
            *(f"{png.removesuffix('.png')}.{kind}" for png in pictures for kind in ("pdf", "png")),
        ]

    # parts

    def _own(self, paths: Iterable[str]) -> list[Any]:
        """Files of the user's as inputs. Snakemake would take braces in a name for a wildcard: a
        path with braces is no input, and known by what it holds, as all are, in the spec."""
        return [self._local(path) for path in paths if not {"{", "}"} & set(path)]

    def _size_checks(self, datasets: Iterable[str]) -> list[str]:
        return [
            self._places.sizes(name)
            for name in datasets
            if self._study.has_own_sizes(name) and not self._study.is_given(name)
        ]

    def _row(self, wildcards: Any) -> Experiment:
        return self._study.by_path[wildcards.experiment]

    def _all_shards(self, wildcards: Any, suffix: str) -> list[str]:
        shards = range(self._study.shard_count(self._row(wildcards).cell.dataset))
        path = wildcards.experiment
        return [self._places.restorations(path, shard, suffix) for shard in shards]

    def _part(self, wildcards: Any, part: str) -> list[str]:
        row = self._row(wildcards)
        files = self._study.prior_of(row).files if row.prior else {}
        return [files[part]] if part in files else []

    def _shown(self, cell: str) -> range:
        """The shards that hold the pictures which the qualitative figures show."""
        return range(self._study.shown_shards(self._study.cells[cell].dataset))

    def _of_cell(self, cell: str, path: Callable[[str, int], str]) -> list[str]:
        return [
            path(row.path, shard)
            for row in self._study.in_cell(cell)
            for shard in self._shown(cell)
        ]

    @cached_property
    def _motion_cells(self) -> list[str]:
        cells = self._study.cells.items()
        return [path for path, cell in cells if cell.degradation.task == "motion_deblur"]

    def _plots(self) -> list[str]:
        sweeps = [f"{SWEEPS}/{parameter}" for parameter in self._study.swept]
        names = [*PLOTS, *sweeps, *(["kernels"] if self._motion_cells else [])]
        return [self._places.figure(name, "png") for name in names]

    def _of_samples(self) -> list[str]:
        """The figures of how good samples are, and of the gaps to the exact posterior, for a study
        that has any."""
        names = [*(["exact"] if self._study.drawn else [])]
        names += ["posterior"] if self._study.sampled else []
        return [self._places.figure(name, "png") for name in names]

    def _walkers(self, cell: str) -> list[Experiment]:
        if not self._study.cards[self._study.cells[cell].dataset].has_truth:
            return []  # a trajectory shows how near the truth each step is
        return [row for row in self._study.in_cell(cell) if row.label in TRAJECTORY_METHODS]

    def _drawn_trajectories(self) -> list[str]:
        """Of the first cell of each task of each data set in which a method walks that is drawn."""
        first: dict[tuple[str, str], str] = {}
        for path, cell in self._study.cells.items():
            if self._walkers(path):
                first.setdefault((cell.dataset, cell.degradation.task), path)
        return [self._places.figure(f"trajectories/{path}", "png") for path in first.values()]


def _records(backbones: Iterable[str]) -> list[str]:
    """Where it is recorded what was found of files from the web, each once."""
    return [f"resources/backbones/{name}.json" for name in dict.fromkeys(backbones)]


def table_titles(study: Study) -> dict[str, str]:
    """The files of the tables with their titles; those beside the paper where it is asked for."""
    return {**TABLES, **(PUBLISHED if study.config.published else {})}


def input_functions(
    study: Study, local: Callable[[str], Any], ancient: Callable[[str], Any] = str
) -> Any:
    """The public methods of :class:`Inputs`, ready for Snakemake.

    It inspects a function's signature several times for each of thousands of jobs, which costs more
    than the functions themselves; these have theirs ready.
    """
    inputs = Inputs(study, local, ancient)
    names = [name for name in vars(Inputs) if not name.startswith("_")]
    return SimpleNamespace(**{name: _ready(getattr(inputs, name)) for name in names})


def _ready(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(method)
    def function(wildcards: Any) -> Any:
        return method(wildcards)

    del function.__wrapped__  # its signature is looked for there
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function
