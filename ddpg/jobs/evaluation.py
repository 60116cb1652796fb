"""What the jobs that measure take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ddpg.jobs.code import (
    FETCHING,
    OBSERVED,
    code_of,
    evaluation_code,
    measured_observation_code,
    metric_data,
    plugin_data,
)
from ddpg.jobs.fields import Job, Spec, as_path, file, machine, setting
from ddpg.jobs.observation import Degrading
from ddpg.metrics.catalogue import METRICS, NETS, at_noise
from ddpg.priors.cards.identity import card_identity
from ddpg.study.names import OBSERVED as OBSERVATION
from ddpg.study.names import number_name
from ddpg.study.sizes.sides import SizeWord, size_word

if TYPE_CHECKING:
    from ddpg.study.degradations import Degradation
    from ddpg.study.sheet import Cell, Experiment
    from ddpg.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Evaluation(Job):
    """Measure the restorations of a shard."""

    columns: Mapping[str, str] = setting("what the long table says of the experiment")
    settings: str = setting("what the method was run with, in words", default="")
    hyper_parameters: Mapping[str, str] = setting("by column of the long table", default=None)
    origins: Mapping[str, str] = setting("where each of them comes from", default=None)
    images: tuple[str, ...] = setting("ids; default: all of the shard", default=())
    metrics: tuple[str, ...] = setting("names of metrics")
    degradation: Mapping[str, str] = setting(
        "what the observations are of, for metrics that ask for them", default=None
    )
    margin: int = setting("pixels at each edge that are not measured", default=0, silent=True)
    truth: Path | None = file("the prepared pictures, where they are known", default=None)
    restorations: Path = file("what is measured")
    costs: Path = file("of the restorations (CSV)")
    observations: Path | None = file("what was restored, where a metric asks", default=None)
    backbones: tuple[Path, ...] = file("what find-backbone found", default=())
    threads: int | None = machine("threads on a CPU")
    gpus: int = machine("0, the default: measure on the CPU", default=0)
    output: Path = file("the measurements (CSV)")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What the metrics of a shard depend on besides truth and restorations."""
        row = study.by_path[experiment]
        degradation = row.cell.degradation
        metrics = _metrics(study, row.cell)
        observed = any("observation" in METRICS[metric].needs for metric in metrics)
        return cls.spec(
            columns=columns_of(row),
            settings=row.settings,
            hyper_parameters=row.columns,
            origins=row.column_origins,
            metrics=metrics,
            margin=study.margin(row.cell.path),
            degradation=_in_words(degradation) if observed else None,
            code=evaluation_code(metrics, degradation if observed else None) + metric_data(metrics),
        )


def _in_words(degradation: Degradation) -> dict[str, str]:
    """What makes a degradation's operator, but for what is stored with the observations."""
    words = {
        "task": degradation.task,
        "operator": degradation.operator,
        "scale": str(degradation.scale or ""),
        "share": "" if degradation.share is None else repr(degradation.share),
        "weights": " ".join(map(repr, degradation.weights or ())),
    }
    return {name: word for name, word in words.items() if word}


@dataclass(frozen=True, kw_only=True)
class SampleEvaluation(Job):
    """Measure the restorations of a shard as samples of the posterior."""

    columns: Mapping[str, str] = setting("what the long table says of the experiment")
    images: tuple[str, ...] = setting("ids; default: all of the shard", default=())
    between: tuple[str, ...] = setting("metrics between samples: haarpsi, lpips")
    lpips_net: Literal["alex", "squeeze", "vgg"] = setting("LPIPS's network", default="alex")
    margin: int = setting("pixels at each edge that are not measured", default=0, silent=True)
    truth: Path = file("the prepared pictures")
    restorations: tuple[Path, ...] = file("the samples, each with one restoration of every picture")
    costs: tuple[Path, ...] = file("of the restorations (CSV), in the same order")
    backbones: tuple[Path, ...] = file("what find-backbone found", default=())
    threads: int | None = machine("threads on a CPU")
    output: Path = file("the measurements (CSV)")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What these measurements of a shard depend on besides truth and restorations."""
        row = study.by_path[experiment]
        names = study.config.metric_names
        nets = [METRICS[name].weights for name in names if METRICS[name].weights in NETS]
        return cls.spec(
            columns=columns_of(row),
            between=("haarpsi", *(["lpips"] if nets else [])),
            lpips_net=nets[0] if nets else "alex",
            margin=study.margin(row.cell.path),
            code=code_of("ddpg.stages.samples", without=[FETCHING, *OBSERVED]),
        )


@dataclass(frozen=True, kw_only=True)
class SetEvaluation(Job):
    """Measure all restorations of an experiment together against all truths."""

    columns: Mapping[str, str] = setting("what the long table says of the experiment")
    metrics: tuple[str, ...] = setting("names of metrics of sets")
    margin: int = setting("pixels at each edge that are not measured", default=0)
    truth: tuple[Path, ...] = file("the prepared pictures, a file for each shard")
    restorations: tuple[Path, ...] = file("what is measured, in the same order")
    costs: tuple[Path, ...] = file("of the restorations (CSV), in the same order")
    backbones: tuple[Path, ...] = file("what find-backbone found", default=())
    threads: int | None = machine("threads on a CPU")
    gpus: int = machine("0, the default: measure on the CPU", default=0)
    output: Path = file("the measurements (CSV)")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What these measurements depend on besides truths and restorations."""
        row = study.by_path[experiment]
        return cls.spec(
            columns=columns_of(row),
            metrics=tuple(study.config.set_metric_names),
            margin=study.margin(row.cell.path),
            code=code_of("ddpg.stages.measured_sets.evaluation", without=[FETCHING, *OBSERVED]),
        )


@dataclass(frozen=True, kw_only=True)
class ObservationEvaluation(Job):
    """Measure what was observed of a shard."""

    columns: Mapping[str, str] = setting("what the long table says of it")
    images: tuple[str, ...] = setting("ids; default: all of the shard", default=())
    metrics: tuple[str, ...] = setting("names of metrics")
    margin: int = setting("pixels at each edge that are not measured", default=0, silent=True)
    degradation: Mapping[str, str] = setting("what the observations are of")
    image_size: SizeWord = setting(
        "of what was observed, where nobody knows it", default="native", silent=True
    )
    truth: Path | None = file("the prepared pictures, where they are known", default=None)
    observations: Path = file("what is measured")
    backbones: tuple[Path, ...] = file("what find-backbone found", default=())
    threads: int | None = machine("threads on a CPU")
    output: Path = file("the measurements (CSV)")

    @classmethod
    def planned(cls, study: Study, cell: str) -> Spec:
        """What the metrics of a shard's observations depend on besides truth and observations."""
        here = study.cells[cell]
        metrics = _metrics(study, here)
        row = {"method": OBSERVATION, "label": OBSERVATION, "prior": "", "repeat": "0"}
        return cls.spec(
            columns={**_cell_columns(here), **row},
            metrics=metrics,
            margin=study.margin(cell),
            degradation=_in_words(here.degradation),
            **_unknown_size(study, here.dataset),
            code=measured_observation_code(metrics, here.degradation)
            + plugin_data(here.degradation)
            + metric_data(metrics),
        )


def _unknown_size(study: Study, dataset: str) -> dict[str, Any]:
    """The size of pictures that nobody knows; nothing of others, which tell it themselves."""
    if study.cards[dataset].has_truth:
        return {}
    return {"image_size": size_word(study.entries[dataset].image_size)}


def _metrics(study: Study, cell: Cell) -> tuple[str, ...]:
    """What is measured in a cell, each once."""
    names = (at_noise(name, cell.sigma_y) for name in study.config.metric_names)
    return tuple(dict.fromkeys(names))


def columns_of(row: Experiment) -> dict[str, str]:
    """An experiment's identity in the long tables."""
    return {
        **_cell_columns(row.cell),
        "method": row.method,
        "label": row.label,
        "prior": row.prior,
        "repeat": str(row.repeat),
    }


def _cell_columns(cell: Cell) -> dict[str, str]:
    return {
        "dataset": cell.dataset,
        "task": cell.degradation.name,
        "operator": cell.degradation.operator,
        "scale": str(cell.degradation.scale or ""),
        "sigma_y": number_name(cell.sigma_y),
    }


@dataclass(frozen=True, kw_only=True)
class BestScores(Degrading):
    """Compute the best scores that any method can have, of pictures that are drawn from a prior."""

    columns: Mapping[str, str] = setting("what the long table says of the cell")
    image_size: SizeWord = setting("side of squares in pixels, or HEIGHTxWIDTH")
    prior: str = setting("name or card of the prior that the pictures were drawn from")
    observations: Path = file("the shard's observations")
    output: Path = file("the scores (CSV)")

    @classmethod
    def planned(cls, study: Study, cell: str) -> Spec:
        """What the best scores of a shard depend on besides the observations."""
        known = study.cells[cell]
        row = next(row for row in study.experiments if row.cell == known)
        prior = str(study.cards[known.dataset].source.prior)
        columns = columns_of(row) | {"method": "exact", "label": "best", "repeat": "0"}
        return cls.spec(
            **cls.cell_settings(study, cell),
            columns=columns,
            image_size=size_word(study.entries[known.dataset].image_size),
            prior=as_path(prior),
            code=code_of("ddpg.stages.exact.scores", without=[FETCHING]),
            besides={"prior_identity": card_identity(prior)},
        )


@dataclass(frozen=True, kw_only=True)
class Collection(Job):
    """Put the tables of all shards into one."""

    first: Path = file("the first table; the others lie beside it")
    shards: Mapping[str, str] = setting("number of shards of each experiment, a folder")
    output: Path = file("the long table (CSV)")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """Which tables make up the long table, in the order of the sheet."""
        counts = {path: str(count) for path, count in cls.counted(study).items()}
        return cls.spec(shards=counts, code=code_of("ddpg.files.long_table"))

    @classmethod
    def counted(cls, study: Study) -> dict[str, int]:
        """The number of shards of each experiment, then of what was observed in each cell."""
        observed = {f"{path}/{OBSERVATION}": cell for path, cell in study.cells.items()}
        return _shards(study, {row.path: row.cell for row in study.experiments} | observed)


@dataclass(frozen=True, kw_only=True)
class SetCollection(Collection):
    """Put the measurements of sets of pictures into one table."""

    @classmethod
    def counted(cls, study: Study) -> dict[str, int]:
        """One each."""
        return {row.path: 1 for row in study.measured_sets}


@dataclass(frozen=True, kw_only=True)
class BestCollection(Collection):
    """Put the best scores of all shards into one table."""

    @classmethod
    def counted(cls, study: Study) -> dict[str, int]:
        """Of the cells of drawn pictures."""
        return _shards(study, {path: study.cells[path] for path in study.drawn})


@dataclass(frozen=True, kw_only=True)
class SampleCollection(Collection):
    """Put the measurements of samples of all shards into one table."""

    @classmethod
    def counted(cls, study: Study) -> dict[str, int]:
        """Of the first of the experiments that are samples of one posterior."""
        return _shards(study, {path: rows[0].cell for path, rows in study.sampled.items()})


def _shards(study: Study, cells: Mapping[str, Cell]) -> dict[str, int]:
    return {path: study.shard_count(cell.dataset) for path, cell in cells.items()}
