"""Why values are missing, merged over images: short enough to stand below a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ddpg.files.long_table import reason_in
from ddpg.study.names import shortened

MOST_REASONS = 3
"""Different reasons that are told; of more, the number."""

_NUMBER = re.compile(r"\d[\d.]*(?:e[+-]?\d+)?")


def merged(notes: Iterable[tuple[str, str]], total: int) -> str:
    """Return the reasons of some missing values, each once, with the images that it concerns.

    Images are named where a note names its image (see :func:`ddpg.files.long_table.note_of`) and
    the reason is not that of all. Reasons of images that differ in their numbers alone, such as the
    step at which each diverged, are told by the first of them.

    Args:
        notes: image and note of each missing value.
        total: number of images, with those that have a value.

    >>> merged([("a", "a: dps diverged"), ("b", "b: dps diverged")], 3)
    'a, b: dps diverged'
    >>> merged([("a", "a: dps diverged"), ("b", "b: dps diverged")], 2)
    'dps diverged'
    >>> merged([("a", "no backbone"), ("b", "no backbone")], 3)
    'no backbone'
    """
    of_all: set[str] = set()
    of_images: dict[str, dict[str, str]] = {}  # reason without its numbers -> image -> reason
    for image, text in notes:
        note = text.strip()
        reason = reason_in(note, image)
        if reason != note:
            of_images.setdefault(_NUMBER.sub("#", reason), {})[image] = reason
        elif note:
            of_all.add(note)
    texts = [_told(reasons, total) for reasons in of_images.values()]
    return _enough(sorted(of_all) + sorted(texts))


def _told(reasons: dict[str, str], total: int) -> str:
    """One reason of some images, which they share but for numbers."""
    first = next(iter(reasons.values()))
    text = first if len(set(reasons.values())) == 1 else f"{first}, or alike"
    return text if len(reasons) == total else f"{shortened(list(reasons))}: {text}"


def joined(parts: Sequence[str], *, last: str = " and ", between: str = ", ") -> str:
    """Return words as a list in a sentence.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return last.join([between.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _enough(texts: list[str]) -> str:
    """The first of many reasons, and how many more there are."""
    more = len(texts) - MOST_REASONS
    return "; ".join(texts[:MOST_REASONS] + [f"and {more} other reasons"] * (more > 0))
