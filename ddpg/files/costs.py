"""What each restored image has cost: a table beside every shard of restorations."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddpg.errors import CorruptFileError
from ddpg.files.checksums import REMEDY
from ddpg.files.csv_files import read_rows, write_rows

MEASURES = ("seconds", "network_evaluations", "peak_memory_mib")
SETTINGS = "settings"
"""The column that says how the network was run, and on what; empty for methods without one."""
FAILURE = "failure"
"""The column that says why there is no restoration of the image; empty where there is one."""
_COLUMNS = ("image", *MEASURES, SETTINGS, FAILURE)

_BATCH = re.compile(r"(?:up to )?(\d+) images? at a time")


def at_a_time(images: int) -> str:
    """A batch size in words, as settings tell it."""
    return "1 image at a time" if images == 1 else f"up to {images} images at a time"


def merged_settings(settings: Mapping[str, int]) -> dict[str, int]:
    """Settings, each with how often it was met, the most frequent first.

    Those that differ only in the number of images at a time, which free memory and the size of the
    last shard may decide, become one with the largest number.
    """
    counts: Counter[str] = Counter()
    largest: dict[str, int] = {}
    for text, count in settings.items():
        batch = _BATCH.search(text)
        common = _BATCH.sub("{}", text)
        counts[common] += count
        largest[common] = max(largest.get(common, 1), int(batch[1]) if batch else 1)
    return {
        common.replace("{}", at_a_time(largest[common])): count
        for common, count in counts.most_common()
    }


def write_costs(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one row per image: its id under ``image``, :data:`MEASURES`, :data:`SETTINGS` and
    :data:`FAILURE`."""
    write_rows(path, _COLUMNS, rows)


def read_costs(path: Path, images: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of images, in their order.

    Raises:
        CorruptFileError: the file has changed since it was written, or lacks an image.
    """
    costs = {row["image"]: row for row in read_rows(path, _COLUMNS, optional=[FAILURE])}
    if missing := [name for name in images if name not in costs]:
        raise CorruptFileError(path, f"has no row for {', '.join(missing)}; {REMEDY}")
    return [costs[name] for name in images]


def costs_so_far(path: Path) -> list[dict[str, str]]:
    """Read the rows of a shard for who watches a run: unchecked, and none where it is no table."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    except (OSError, csv.Error, UnicodeDecodeError):
        return []


def mean_seconds(costs: Sequence[Mapping[str, str]]) -> float | None:
    """Return seconds per image of the rows of :func:`costs_so_far`; None where they do not tell."""
    try:
        return sum(float(row["seconds"]) for row in costs) / len(costs)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def failures_among(costs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return image -> why it has no restoration, of the rows of :func:`read_costs`."""
    return {row["image"]: row[FAILURE] for row in costs if row[FAILURE]}
