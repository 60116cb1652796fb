"""What the index of a data set tells before the first job, where a survey has made one.

Pictures that are fetched first are not known to card and sheet, nor are the sizes of pictures that
have their own. Once they have been surveyed they are, and a mistake in labels or sizes need not
wait for the job that trips over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ddpg.datasets.entries import ImageEntry
from ddpg.datasets.index import Row, read_index
from ddpg.errors import UserError
from ddpg.jobs.resources import Survey
from ddpg.priors.cards.limits import prior_limits
from ddpg.stages.sizes.checking import size_problems
from ddpg.study.checks import entries_before_fetching, label_problem
from ddpg.study.places import fetched_folder
from ddpg.study.sheet import Experiment, LineProblem, problem_lines
from ddpg.study.sizes.demands import Demands
from ddpg.study.study import Study
from ddpg.validation import listed
from ddpg.workflow.records import record_of


def check_indexes(study: Study) -> None:
    """Refuse rows whose prior, kernel or mask cannot take the pictures that an index names.

    Raises:
        UserError: all of them at once, with line, prior and pictures.
    """
    found = [*_problems(study), *_size_problems(study)]
    problems = list(problem_lines(study.config.experiments, found))
    if problems:
        raise UserError(listed(problems))


def _problems(study: Study) -> Iterator[LineProblem]:
    rows: dict[tuple[str, str], list[Experiment]] = {}
    for row in study.experiments:
        if row.prior and not row.repeat:
            rows.setdefault((row.cell.dataset, study.prior_of(row).word), []).append(row)
    for (dataset, _), calling in sorted(rows.items()):
        card = study.prior_of(calling[0]).card
        if not prior_limits(card).labels:
            continue
        if entries_before_fetching(study, dataset) is not None:
            continue  # the study itself has looked at them
        if problem := label_problem(dataset, card, surveyed_entries(study, dataset)):
            yield from (LineProblem(row.line, problem) for row in calling)


def unknown_sizes(study: Study) -> list[str]:
    """What the plan cannot compare yet, a line for each data set of pictures of their own sizes."""
    return [
        f"{dataset}: the sizes of its pictures (image_size: native) are known once survey_dataset "
        "has run; check_sizes then tells which kernel, mask or scale does not fit, before anything "
        "is observed"
        for dataset in study.used_datasets
        if study.has_own_sizes(dataset) and survey_of(study, dataset) is None
    ]


def _size_problems(study: Study) -> Iterator[LineProblem]:
    """Rows whose kernel or mask does not fit pictures whose own sizes are known by now."""
    motion = study.config.motion_kernel.size
    for dataset in filter(study.has_own_sizes, study.used_datasets):
        rows = surveyed_rows(study, dataset) or []
        for path, cell in study.cells.items():
            if cell.dataset != dataset:
                continue
            for problem in size_problems(rows, Demands.of(cell.degradation, motion)):
                for experiment in study.in_cell(path):
                    yield LineProblem(experiment.line, f"task: {cell.degradation.name}: {problem}")


def surveyed_entries(study: Study, dataset: str) -> list[ImageEntry] | None:
    """The pictures that take part, by an index that is still asked for; None without one."""
    rows = surveyed_rows(study, dataset)
    if rows is None:
        return None
    return [ImageEntry(id=row.id, file=row.source, label=row.label) for row in rows]


def surveyed_rows(study: Study, dataset: str) -> list[Row] | None:
    """The rows of the pictures that take part, by such an index; None without one."""
    if (index := survey_of(study, dataset)) is None:
        return None
    try:
        rows = read_index(index)
    except UserError:
        return None  # damaged: the job that reads it says so
    if len(rows) != study.cards[dataset].count:
        return None
    return [rows[position] for position in study.selections[dataset].positions]


def survey_of(study: Study, dataset: str) -> Path | None:
    """The index of a data set that is still asked for, unread; None without one.

    An index is stale where the card has changed since, or what was fetched.
    """
    index = Path(study.places.index(dataset))
    fetched = Path(f"{fetched_folder(dataset)}.json")
    recorded = str((record_of(str(index)) or {}).get("params", ""))
    if not index.is_file() or repr(Survey.planned(study, dataset)) not in recorded:
        return None
    if fetched.is_file() and fetched.stat().st_mtime > index.stat().st_mtime:
        return None
    return index
