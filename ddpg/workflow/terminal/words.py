"""What the jobs of a study are called, and what is said when one is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ddpg.comparison.statistics.reasons import joined
from ddpg.comparison.style import task_name
from ddpg.files.costs import FAILURE, costs_so_far, mean_seconds
from ddpg.operators.tasks import model_words
from ddpg.study.cost import work
from ddpg.study.names import number_name
from ddpg.study.sheet import Cell, Experiment
from ddpg.study.study import Study
from ddpg.workflow.terminal.pace import Kind

OF_THE_WHOLE = {
    "collect_metrics": "all measurements in one table",
    "collect_samples": "all measurements of samples in one table",
    "collect_sets": "all measurements of sets in one table",
    "collect_best": "all best scores in one table",
    "tune": "hyper-parameters chosen",
    "tables": "tables",
    "plots": "figures",
    "posterior": "posterior: table and figure",
    "sets": "tables of sets of pictures",
    "exact": "exact posterior: table and figure",
    "kernels": "figure of the kernels",
    "provenance": "record of the study",
    "paragraph": "paragraph on what was run",
    "page": "page",
}
"""The rules whose jobs are about the whole study, and what these make."""
_DEEDS = {
    "fetch_dataset": "fetched",
    "survey_dataset": "surveyed",
    "check_sizes": "sizes looked at",
    "prepare_images": "prepared",
    "fetch_checkpoint": "fetched",
    "convert_checkpoint": "converted",
    "find_backbone": "looked for",
    "prepare_truth": "prepared as truth",
    "observe": "observed",
    "adopt": "taken as observed",
    "survey_given": "what was restored elsewhere looked at",
    "take_given": "taken as restored elsewhere",
    "evaluate": "measured",
    "evaluate_observations": "measured as observed",
    "evaluate_samples": "measured in all samples",
    "evaluate_sets": "all pictures measured together",
    "best_scores": "best scores reckoned",
    "grid": "grid of pictures",
    "trajectory": "trajectory recorded",
    "trajectories": "figure of trajectories",
}

_STAGES: Mapping[str, tuple[str, ...]] = {
    "measurements": (
        *("evaluate", "evaluate_observations", "evaluate_samples", "evaluate_sets"),
        *("best_scores", "collect_metrics", "collect_samples", "collect_sets", "collect_best"),
    ),
    "figures": ("grid", "trajectory", "trajectories", "plots", "kernels"),
    "tables": ("tables", "posterior", "sets", "exact", "provenance", "paragraph"),
    "the page": ("page",),
}
"""The last stages of a study: what they make -> their rules."""

WORDED = frozenset({"all", "restore", *OF_THE_WHOLE, *_DEEDS})
"""The rules that have words; another one is told by its name."""


@dataclass(frozen=True)
class Job:
    """A job as Snakemake's records have it.

    Attributes:
        rule: its name.
        wildcards: of its rule.
        output: the files that it makes.
        begun: seconds since 1970.
    """

    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    output: Sequence[str] = ()
    begun: float = 0.0


def title(job: Job, study: Study | None) -> str:
    """A job by what it is about, such as "idpg, motion deblurring 0.05"."""
    if job.rule in OF_THE_WHOLE:
        return OF_THE_WHOLE[job.rule]
    named = dict(job.wildcards)
    shard = named.pop("shard", "")
    parts = [_value(name, value, study) for name, value in named.items()]
    if shard and _several_shards(job, study):
        parts.append(f"shard {shard}")
    return ", ".join(parts) or job.rule


def finished(job: Job, study: Study | None, seconds: float) -> tuple[str, int]:
    """What is said of a job that is done, and how many pictures it has restored."""
    took, name = duration(seconds), title(job, study)
    if job.rule == "restore":
        return _restored(job, name, took)
    if job.rule in OF_THE_WHOLE:
        return f"{name}, {took}", 0
    deed = _DEEDS.get(job.rule, job.rule)
    if count := pictures_of(job, study):
        deed = f"{counted(count, 'picture')} {deed}"
    return f"{name}: {deed}, {took}", 0


def _restored(job: Job, name: str, took: str) -> tuple[str, int]:
    costs = next((path for path in job.output if path.endswith(".csv")), "")
    rows = costs_so_far(Path(costs))
    if (each := mean_seconds(rows)) is None:
        return f"{name}: restored, {took}", 0
    reasons = [reason for row in rows if (reason := row.get(FAILURE))]
    several = " each" * (len(rows) > 1)
    text = f"{name}: {counted(len(rows), 'picture')}, {duration(each)}{several}"
    if reasons:
        text += f"; {len(reasons)} of them could not be restored: {reasons[0]}"
    return text, len(rows)


def kind(rule: str, wildcards: Mapping[str, str], study: Study | None) -> Kind:
    """Which jobs take the same time as this one."""
    experiment = _experiment(wildcards, study)
    if experiment is None or study is None:
        return Kind(rule)
    pictures = float(pictures_of(Job(rule, wildcards), study) or 1)
    if rule == "trajectory":
        pictures = 1.0  # of the first picture
    elif rule != "restore":
        return Kind(rule, work=pictures)
    return Kind(rule, experiment.method, experiment.path, pictures * work(experiment))


def stages(rules: Iterable[str]) -> str:
    """What some rules make, by the last stages of a study; "" for rules of earlier ones alone.

    >>> stages({"page", "grid", "plots", "tables"})
    'figures, tables and the page'
    """
    asked = set(rules)
    return joined([name for name, members in _STAGES.items() if asked & {*members}])


def pictures_of(job: Job, study: Study | None) -> int:
    """How many pictures a job is about; 0 where that is not known."""
    dataset = _dataset(job.wildcards, study)
    shard = job.wildcards.get("shard", "")
    if study is None or dataset not in study.selections or not shard.isdecimal():
        return 0
    return study.shard(dataset, int(shard)).count


def duration(seconds: float) -> str:
    """A time for people: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 0.1 else f"{seconds:.1g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def counted(number: int, noun: str) -> str:
    """ "1 picture", "6 pictures"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _value(name: str, value: str, study: Study | None) -> str:
    if study is not None and name == "cell" and value in study.cells:
        return _cell(study.cells[value], study)
    experiment = _experiment({name: value}, study)
    if study is None or experiment is None:
        return f"LPIPS's backbone {value}" if name == "net" else value
    again = f", repetition {experiment.repeat}" if experiment.repeat else ""
    return f"{experiment.label}, {_cell(experiment.cell, study)}{again}"


def _cell(cell: Cell, study: Study) -> str:
    """A cell, as exactly as the study needs it: "motion deblurring 0.05"."""
    degradation = cell.degradation
    name = degradation.card or task_name(degradation.task, degradation.scale)
    words = name if degradation.card else name[:1].lower() + name[1:]
    if len(study.models[degradation.name, degradation.scale]) > 1:
        words += f" ({model_words(degradation.task, degradation.operator)})"
    dataset = f"{cell.dataset}, " if len(study.used_datasets) > 1 else ""
    noise = number_name(cell.sigma_y) if cell.sigma_y else "without noise"
    return f"{dataset}{words} {noise}"


def _experiment(wildcards: Mapping[str, str], study: Study | None) -> Experiment | None:
    return study.by_path.get(wildcards.get("experiment", "")) if study is not None else None


def _dataset(wildcards: Mapping[str, str], study: Study | None) -> str:
    if (experiment := _experiment(wildcards, study)) is not None:
        return experiment.cell.dataset
    cell = study.cells.get(wildcards.get("cell", "")) if study is not None else None
    return cell.dataset if cell is not None else wildcards.get("dataset", "")


def _several_shards(job: Job, study: Study | None) -> bool:
    dataset = _dataset(job.wildcards, study)
    return study is None or dataset not in study.selections or study.shard_count(dataset) > 1
