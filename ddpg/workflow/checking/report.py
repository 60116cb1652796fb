"""A study in words, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ddpg.comparison.statistics.reasons import joined
from ddpg.errors import CorruptFileError, MissingLibraryError, OutdatedFileError, UserError
from ddpg.study.settings.called import Called
from ddpg.study.sizes.sides import Sides, sides_of
from ddpg.study.study import Study
from ddpg.workflow.checking.arithmetic import reckoned
from ddpg.workflow.checking.given import remarks_on_given
from ddpg.workflow.checking.needs import (
    Need,
    bytes_free,
    bytes_of,
    bytes_there,
    files_of,
    gigabytes,
    network_needs,
    parts_to_fetch,
    to_fetch,
    typical_sides,
)
from ddpg.workflow.checking.speed import evaluation_seconds, workers
from ddpg.workflow.checking.weights import weights_problems
from ddpg.workflow.status import Row
from ddpg.workflow.terminal.words import counted, duration

_WRONG = (CorruptFileError, MissingLibraryError)
"""What no run can mend, of what keeps a network from being loaded."""


def report(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """Lines that say what a study is and what it takes; its network is timed on the way.

    Args:
        rows: how far it is, of :func:`ddpg.workflow.status.read_status`.

    Raises:
        UserError: after all lines, what is wrong: weights that are not those of their card's
            network, a network that cannot be loaded here, a disk that has no room.
    """
    yield f"{study.config.name}: {study.file}, {study.config.experiments}"
    yield ""
    yield from _asked(study)
    yield ""
    yield from _left(rows)
    problems = list(weights_problems(study.called_priors.values()))
    yield from _time(study, network_needs(study, rows), problems)
    fetched = to_fetch(study)
    if fetched:
        yield f"to be fetched    {', '.join(fetched)}"
    room = _room(study)
    yield f"files            about {files_of(study):,}; {room[0]}"
    problems += filter(None, [room[1]])
    if problems:
        raise UserError("\n".join(problems))
    yield ""
    yield "nothing is wrong that can be seen before it runs"


def _asked(study: Study) -> Iterator[str]:
    for dataset in study.used_datasets:
        count = study.selections[dataset].count
        noun = "observation" if study.is_given(dataset) else "picture"
        unknown = "" if study.cards[dataset].has_truth else " without a truth"
        size = _size(study, dataset)
        yield (
            f"data set         {dataset}: {counted(count, noun)}{unknown}, {size}, "
            f"in {counted(study.shard_count(dataset), 'shard')}; prior {study.priors[dataset].name}"
        )
    tasks = Counter(cell.degradation.name for cell in study.cells.values())
    yield f"cells            {len(study.cells)}: {_several(tasks)}"
    labels = Counter(experiment.label for experiment in study.experiments)
    yield f"experiments      {len(study.experiments)}: {_several(labels)}"
    yield f"metrics          {', '.join(study.config.metrics)}"
    yield from (f"from elsewhere   {remark}" for remark in remarks_on_given(study))


def _several(names: Counter[str]) -> str:
    return ", ".join(f"{name} x{n}" if n > 1 else name for name, n in names.items())


def _size(study: Study, dataset: str) -> str:
    sides = sides_of(study.entries[dataset].image_size)
    if sides is not None:
        return " x ".join(map(str, sides))
    typical = typical_sides(study, dataset)
    known = f", {typical[0] * typical[1]:,} pixels on average" if typical else ""
    return f"each of its own size{known}"


def _left(rows: Sequence[Row]) -> Iterator[str]:
    total = sum(shard.images for row in rows for shard in row.shards)
    left = sum(row.images_left for row in rows)
    done = f", {total - left:,} of them done" if left < total else ""
    yield f"restorations     {counted(total, 'picture')}{done}"


class _Evaluation(NamedTuple):
    """What an evaluation of a network takes.

    Attributes:
        seconds: None where nothing tells.
        told: how that is known, or why it is not.
        is_reckoned: whether it was not measured.
    """

    seconds: float | None
    told: str
    is_reckoned: bool = False


def _time(study: Study, needs: Sequence[Need], problems: list[str]) -> Iterator[str]:
    """The cost of what is left, timed here where the network is there.

    Args:
        problems: what is wrong with the weights; a file that cannot be loaded is added.
    """
    if not needs:
        yield "network          nothing is left to evaluate"
        return
    at_once, machine = workers()
    total: float | None = 0.0
    by_arithmetic: dict[str, None] = {}
    for need in needs:
        name, each = need.prior.card.name, _evaluation(study, need, problems)
        yield f"network          {name}: {need.evaluations:,.0f} evaluations are left{each.told}"
        if total is not None and each.seconds is not None:
            total += need.work * each.seconds
        else:
            total = None
        if each.is_reckoned:
            by_arithmetic[name] = None
    if total is not None:
        how = f", by arithmetic for {joined([*by_arithmetic])}" if by_arithmetic else ""
        yield (
            f"time             about {duration(total / at_once)} on {machine}, if nothing else "
            f"runs{how}; figures and tables take a few minutes more"
        )


def _evaluation(study: Study, need: Need, problems: list[str]) -> _Evaluation:
    """Time an evaluation, or reckon it of a network that is not fetched yet."""
    prior, sides = need.prior, typical_sides(study, need.dataset)
    if sides is None:
        why = "the sizes of the pictures are known once they are surveyed"
        return _Evaluation(None, f"; not timed: {why}")
    try:
        seconds, on = evaluation_seconds(prior.card, sides, prior.execution, prior.files)
    except (UserError, ValueError) as error:
        if parts_to_fetch(prior.card):
            return _reckoned(prior, sides)
        why = str(error)
        if isinstance(error, _WRONG) and not isinstance(error, OutdatedFileError):
            if not any(why in problem for problem in problems):
                problems.append(why)
            why = "it cannot be loaded, see below"
        return _Evaluation(None, f"; not timed: {why}")
    return _Evaluation(seconds, f", {seconds:.2g} s each on {on}, timed now")


def _reckoned(prior: Called, sides: Sides) -> _Evaluation:
    """An evaluation by arithmetic, where the card tells the network."""
    try:
        guess = reckoned(prior.card, sides, prior.execution)
    except (UserError, ValueError):
        return _Evaluation(None, "; not timed: it has to be fetched first")
    return _Evaluation(
        guess.seconds,
        f"; not here yet: {guess.operations / 1e12:.2g} TFLOP each by its card, "
        f"{guess.seconds:.2g} s at {guess.speed / 1e9:.3g} GFLOP/s, as measured now on {guess.on}",
        is_reckoned=True,
    )


def _room(study: Study) -> tuple[str, str]:
    """How much space a study takes; and what is wrong with it, if anything."""
    root = study.places.root
    free, needed = bytes_free(root), bytes_of(study)
    if needed is None:
        return (
            f"their space is known once the pictures are surveyed; {gigabytes(free)} are free",
            "",
        )
    more = max(0, needed - bytes_there(root))
    text = f"about {gigabytes(needed)} in {root}, {gigabytes(free)} are free"
    if more < free:
        return text, ""
    problem = f"{root}: about {gigabytes(more)} more are needed, and {gigabytes(free)} are free"
    return text, problem
