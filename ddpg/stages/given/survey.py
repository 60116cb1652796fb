"""What restorations of another program are: looked at once, for tables, page and record.

The record is one JSON object: ``experiment``, the row's identity in the long table; ``said``, a
sentence; ``formats``, how many pictures came in which form; ``missing`` and ``unusable``, the
pictures without a restoration with the reasons; ``surplus``, what belongs to no picture.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ddpg.datasets.index import read_index
from ddpg.errors import UserError
from ddpg.files.writing import write_json
from ddpg.jobs.given import GivenSurvey
from ddpg.pictures import elsewhere
from ddpg.stages.given.adoption import range_of, reason_of
from ddpg.study.names import shortened
from ddpg.study.selection import parse_positions
from ddpg.study.sizes.sides import Sides, sides_of

log = logging.getLogger(__name__)

_LISTS = ("missing", "unusable", "surplus")
NAMED = 3
"""Pictures and files that the sentence names; of more, the number."""


def survey_given(job: GivenSurvey) -> None:
    """Look at all restorations of a row and write down what they are.

    Raises:
        UserError: the index cannot be read, or there is no such folder.
    """
    rows = read_index(job.index)
    known = [row.id for row in rows]
    images = [known[position] for position in parse_positions(job.positions)]
    found = [
        _of_repeat(
            repeat,
            looked_at(
                elsewhere.folder_of(job.folder, repeat),
                images,
                known,
                range_of(job.range),
                sides_of(job.image_size),
            ),
        )
        for repeat in range(job.repeats)
    ]
    content = {"experiment": dict(job.columns), "repeats": job.repeats, **_together(found)}
    content["said"] = sentence(content, len(images) * job.repeats)
    log.info("%s: %s", job.columns["label"], content["said"])
    write_json(job.output, content)


def looked_at(
    folder: str,
    images: Sequence[str],
    known: Collection[str],
    extent: elsewhere.Range | None,
    sides: Sides | None,
) -> dict[str, Any]:
    """What a folder holds.

    Args:
        folder: of one restoration of each picture.
        images: ids of those that take part.
        known: ids of the whole data set: a restoration of another of them is not surplus.
        extent: of floats, the values of black and white.
        sides: of what was to be restored; None where each picture has its own.
    """
    formats: Counter[str] = Counter()
    missing, unusable = [], []
    for image in images:
        try:
            _, words = elsewhere.read_restoration(elsewhere.held(folder, image), extent, sides)
            formats[words] += 1
        except elsewhere.NotGivenError:
            missing.append(image)
        except UserError as error:
            unusable.append(f"{image}: {reason_of(error, folder)}")
    surplus = elsewhere.surplus(folder, known)
    return {"formats": formats, "missing": missing, "unusable": unusable, "surplus": surplus}


def _of_repeat(repeat: int, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the folder of a further restoration holds, with its name before those of pictures."""
    before = f"{elsewhere.REPEAT}{repeat}/" if repeat else ""
    return {**found, **{name: [f"{before}{x}" for x in found[name]] for name in _LISTS}}


def _together(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several folders hold."""
    formats: Counter[str] = sum((one["formats"] for one in found), Counter())
    lists = {name: [x for one in found for x in one[name]] for name in _LISTS}
    return {"formats": dict(formats.most_common()), **lists}


def sentence(content: Mapping[str, Any], asked: int) -> str:
    """What tables and page say of a row: that it was not run here, its formats, what is amiss.

    >>> parts = {"formats": {"8-bit PNG": 5}, "missing": ["cat"], "unusable": [], "surplus": []}
    >>> sentence(parts, 6)
    'restored elsewhere, cost not known; given as 8-bit PNG; 1 of 6 is missing: cat'
    """
    formats = content["formats"]
    counted = [f"{words} ({n})" if len(formats) > 1 else words for words, n in formats.items()]
    parts = ["restored elsewhere, cost not known"]
    parts += [f"given as {' and '.join(counted)}"] if counted else []
    for name, singular, plural in (
        ("missing", f"of {asked} is missing", f"of {asked} are missing"),
        ("unusable", f"of {asked} cannot be taken", f"of {asked} cannot be taken"),
        ("surplus", "more belongs to no picture", "more belong to no picture"),
    ):
        if names := content[name]:
            verb = singular if len(names) == 1 else plural
            parts.append(f"{len(names)} {verb}: {shortened([*map(_printable, names)], NAMED)}")
    return "; ".join(parts)


def _printable(name: str) -> str:
    """A name from outside without control characters, not endless."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= 200 else f"{text[:197]}..."
