"""The progress of a download: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


@contextmanager
def bytes_bar(label: str, total: int | None, start: int, *, wanted: bool) -> Iterator[tqdm]:
    """A bar of bytes; call its ``update(n)``.

    Args:
        label: what stands before the bar.
        total: bytes of the whole file, None if unknown.
        start: bytes that are there already.
        wanted: False for no bar at all.
    """
    from tqdm import tqdm

    with tqdm(
        desc=label,
        total=total,
        initial=start,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        file=sys.stderr,
        mininterval=0.2,
        disable=not (wanted and sys.stderr.isatty()),
    ) as bar:
        yield bar
