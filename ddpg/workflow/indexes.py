"""What the index of a data set tells before the first job, where a survey has made one.

Pictures that are fetched first are not known to card and sheet. Once they have been surveyed they
are, and a mistake in their labels need not wait for the job that trips over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ddpg.datasets.entries import ImageEntry
from ddpg.datasets.index import read_index
from ddpg.errors import UserError
from ddpg.jobs.resources import Survey
from ddpg.priors.cards.limits import prior_limits
from ddpg.samplers.catalogue import METHODS
from ddpg.study.checks import entries_before_fetching, label_problem
from ddpg.study.sheet import LineProblem, problem_lines
from ddpg.study.study import Study
from ddpg.validation import listed
from ddpg.workflow.records import record_of


def check_indexes(study: Study) -> None:
    """Refuse rows whose prior cannot take the pictures that an index names.

    Raises:
        UserError: all of them at once, with line, prior and pictures.
    """
    problems = list(problem_lines(study.config.experiments, _problems(study)))
    if problems:
        raise UserError(listed(problems))


def _problems(study: Study) -> Iterator[LineProblem]:
    called = {e.cell.dataset for e in study.experiments if METHODS[e.method].uses_prior}
    for dataset in sorted(called):
        if not prior_limits(study.priors[dataset]).labels:
            continue
        if entries_before_fetching(study, dataset) is not None:
            continue  # the study itself has looked at them
        problem = label_problem(dataset, study.priors[dataset], surveyed_entries(study, dataset))
        for row in study.experiments:
            of_prior = row.cell.dataset == dataset and METHODS[row.method].uses_prior
            if problem and of_prior and not row.repeat:
                yield LineProblem(row.line, problem)


def surveyed_entries(study: Study, dataset: str) -> list[ImageEntry] | None:
    """The pictures that take part, by an index that is still asked for; None without one.

    An index is stale where the card has changed since, or what was fetched.
    """
    index = Path(study.places.index(dataset))
    fetched = Path(f"resources/datasets/{dataset}.json")
    recorded = str((record_of(str(index)) or {}).get("params", ""))
    if not index.is_file() or repr(Survey.planned(study, dataset)) not in recorded:
        return None
    if fetched.is_file() and fetched.stat().st_mtime > index.stat().st_mtime:
        return None
    try:
        rows = read_index(index)
    except UserError:
        return None  # damaged: the job that reads it says so
    if len(rows) != study.cards[dataset].count:
        return None
    taken = (rows[position] for position in study.selections[dataset].positions)
    return [ImageEntry(id=row.id, file=row.source, label=row.label) for row in taken]
