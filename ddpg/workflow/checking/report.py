"""A study in words, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ddpg.errors import CorruptFileError, MissingLibraryError, OutdatedFileError, UserError
from ddpg.study.sizes.sides import Sides, sides_of
from ddpg.study.study import Study
from ddpg.workflow.checking.arithmetic import Reckoned, reckoned
from ddpg.workflow.checking.given import remarks_on_given
from ddpg.workflow.checking.needs import (
    Need,
    bytes_free,
    bytes_of,
    bytes_there,
    files_of,
    gigabytes,
    network_needs,
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


def _time(study: Study, needs: Sequence[Need], problems: list[str]) -> Iterator[str]:
    """The cost of what is left, timed here where the network is there.

    Args:
        problems: what is wrong with the weights; a file that cannot be loaded is added.
    """
    if not needs:
        yield "network          nothing is left to evaluate"
        return
    at_once, machine = workers()
    wanted = [text.partition(" (")[0] for text in to_fetch(study)]
    hours: float | None = 0.0
    reckoned_ones: list[str] = []
    for need in needs:
        card = need.prior.card
        text = f"network          {card.name}: {need.evaluations:,.0f} evaluations are left"
        sides = typical_sides(study, need.dataset)
        if sides is None:
            hours = None
            yield f"{text}; not timed: the sizes of the pictures are known once they are surveyed"
            continue
        try:
            seconds, on = evaluation_seconds(
                card,
                sides,
                need.prior.execution,
                need.prior.files,
            )
        except (UserError, ValueError) as error:
            waits = any(part.endswith(f" of {card.name}") for part in wanted)
            guess = _by_arithmetic(need, sides) if waits else None
            if guess is not None:
                hours = hours + need.work * guess.seconds if hours is not None else None
                reckoned_ones.append(card.name)
                yield (
                    f"{text}; not here yet: {guess.operations / 1e12:.2g} TFLOP each by its card, "
                    f"{guess.seconds:.2g} s at {guess.speed / 1e9:.3g} GFLOP/s, as measured now "
                    f"on {guess.on}"
                )
                continue
            hours = None
            why = "it has to be fetched first" if waits else str(error)
            outdated = isinstance(error, OutdatedFileError)
            if isinstance(error, _WRONG) and not outdated and not waits:
                why = "it cannot be loaded, see below"
                if not any(str(error) in problem for problem in problems):
                    problems.append(str(error))
            yield f"{text}; not timed: {why}"
            continue
        if hours is not None:
            hours += need.work * seconds
        yield f"{text}, {seconds:.2g} s each on {on}, timed now"
    if hours is not None:
        how = f", by arithmetic for {' and '.join(reckoned_ones)}" if reckoned_ones else ""
        yield (
            f"time             about {duration(hours / at_once)} on {machine}, if nothing else "
            f"runs{how}; figures and tables take a few minutes more"
        )


def _by_arithmetic(need: Need, sides: Sides) -> Reckoned | None:
    """What an evaluation of a network takes that is not here; None where its card does not tell."""
    try:
        return reckoned(need.prior.card, sides, need.prior.execution)
    except (UserError, ValueError):
        return None  # the line then says that it has to be fetched first


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
