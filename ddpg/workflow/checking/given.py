"""Restorations that another program has made, before the first job: what is there, and fits.

What cannot be right is refused: a wrong size, a file that cannot be read, floats of which nobody
says what is white, two files for one picture, a folder with none of the pictures. A picture without
a restoration is no mistake: it is told, and has an empty field in the tables. Heads of files are
read, not their values; those are looked at by the jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ddpg.errors import UserError
from ddpg.study.names import shortened
from ddpg.study.settings.given import FOLDER, RANGE
from ddpg.study.sheet import Experiment, LineProblem, problem_lines
from ddpg.study.sizes.sides import Sides, sides_of
from ddpg.study.study import Study
from ddpg.validation import listed
from ddpg.workflow.indexes import surveyed_entries


def check_given(study: Study) -> None:
    """Refuse rows whose restorations from elsewhere cannot be taken.

    Raises:
        UserError: all of them at once, with line, column and files.
    """
    found = [
        LineProblem(row.line, problem)
        for row in study.given_rows
        if (ids := _ids(study, row)) is not None
        for problem in _problems(row, ids, sides_of(study.entries[row.cell.dataset].image_size))
    ]
    if found:
        raise UserError(listed(problem_lines(study.config.experiments, found)))


def remarks_on_given(study: Study) -> list[str]:
    """What is missing of restorations from elsewhere, and what belongs to no picture; a line for
    each row that it concerns."""
    return [
        f"{row.path}: {remark}"
        for row in study.given_rows
        for remark in _remarks(row, _ids(study, row), _all_ids(study, row))
    ]


def _ids(study: Study, row: Experiment) -> list[str] | None:
    """The pictures of a row that take part; None before their survey, which alone knows them."""
    dataset = row.cell.dataset
    entries = study.selections[dataset].entries
    known = surveyed_entries(study, dataset) if entries is None else entries
    return None if known is None else [entry.id for entry in known]


def _all_ids(study: Study, row: Experiment) -> list[str] | None:
    """All pictures of its data set, where the card lists them."""
    listing = study.cards[row.cell.dataset].listing
    return None if listing is None else [entry.id for entry in listing.entries]


def _problems(row: Experiment, ids: Sequence[str], sides: Sides | None) -> Iterator[str]:
    from ddpg.pictures import elsewhere

    if row.given is None:
        return
    wrong: dict[str, list[str]] = {}
    there = 0
    for folder in row.given.folders:
        for place, owners in elsewhere.shared(folder, ids).items():
            wrong.setdefault(FOLDER, []).append(f"{place} stands for {' and '.join(owners)}")
        for image in ids:
            try:
                place = elsewhere.held(folder, image)
                there += 1
                head = elsewhere.head_of(place)
            except elsewhere.NotGivenError:
                continue
            except UserError as error:
                wrong.setdefault(FOLDER, []).append(str(error))
                continue
            if head.is_float and not row.given.extent:
                wrong.setdefault(RANGE, []).append(f"{place}: {elsewhere.NO_RANGE}")
            if sides is not None and head.size != sides:
                text = f"{place}: {elsewhere.wrong_size(head.size, sides)}"
                wrong.setdefault(FOLDER, []).append(text)
    broken = [text for folder in row.given.folders for text in elsewhere.unreadable(folder)]
    told = wrong.get(FOLDER, [])
    for text in broken:
        if not any(text in other for other in told):
            wrong.setdefault(FOLDER, []).append(text)
    if not there:
        yield (
            f"{FOLDER}: {row.given.folder} holds no restoration of any picture of "
            f"{row.cell.dataset}: files are named after the pictures, such as {ids[0]}.png, or "
            "are safetensors files of tensors named so"
        )
    for column, texts in wrong.items():
        yield f"{column}: {shortened(texts, between='; ')}"


def _remarks(
    row: Experiment, ids: Sequence[str] | None, every_id: Sequence[str] | None
) -> Iterator[str]:
    from ddpg.pictures import elsewhere

    if row.given is None:
        return
    if ids is None:
        yield (
            "which of its pictures were restored elsewhere is known once survey_dataset has run; "
            "survey_given then tells"
        )
        return
    for folder in row.given.folders:
        missing = [image for image in ids if not elsewhere.is_there(folder, image)]
        if missing:
            yield f"{folder} holds no restoration of {len(missing)} of {len(ids)} pictures, " + (
                shortened(missing)
            )
        if every_id is not None and (surplus := elsewhere.surplus(folder, every_id)):
            yield f"{folder} holds what belongs to no picture: {shortened(surplus)}"
