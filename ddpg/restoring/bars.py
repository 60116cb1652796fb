"""Bars for people at a terminal: the picture and, of several, the whole, with the time to go."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from PIL import Image
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ddpg.restoring.places import Place

_FORMAT = "{desc:<24.24} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} to go"
_FINE = 1000
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError)


class Bars:
    """Shows how far pictures are; nothing where the error output is no terminal.

    Args:
        sizes: pixels of every picture.
    """

    def __init__(self, sizes: list[int]) -> None:
        self._off = not sys.stderr.isatty()
        self._sizes = sizes
        self._whole = self._bar(f"{len(sizes)} pictures", 1) if len(sizes) > 1 else None
        self._current: tqdm | None = None
        self._number = 0

    @contextmanager
    def picture(self, number: int, name: str) -> Iterator[Bars]:
        """Within, :meth:`tell` tells of this picture; then it counts as done, however it ended."""
        bar = self._bar(name, 0)
        self._current, self._number = bar, number
        try:
            yield self
        finally:
            bar.close()
            self._show_whole(1.0)

    def tell(self, share: float) -> None:
        """So much of the picture is done."""
        if self._current is not None:
            _set(self._current, share)
        self._show_whole(share)

    def say(self, line: str) -> None:
        """Print a line, above the bars where there are some."""
        if self._off:
            print(line, flush=True)
        else:
            tqdm.write(line, file=sys.stdout)

    def close(self) -> None:
        """Take the bars away."""
        if self._whole is not None:
            self._whole.close()

    def _show_whole(self, share: float) -> None:
        if self._whole is not None:
            done = sum(self._sizes[: self._number]) + share * self._sizes[self._number]
            _set(self._whole, done / max(1, sum(self._sizes)))

    def _bar(self, name: str, position: int) -> tqdm:
        return tqdm(
            desc=name,
            total=_FINE,
            bar_format=_FORMAT,
            position=position,
            leave=False,
            disable=self._off,
            file=sys.stderr,
            dynamic_ncols=True,
        )


def above_bars() -> AbstractContextManager[None]:
    """Within, lines of the log do not run into the bars."""
    return logging_redirect_tqdm([logging.getLogger("ddpg")])


def _set(bar: tqdm, share: float) -> None:
    bar.update(round(share * _FINE) - bar.n)


def pixels_of(places: list[Place]) -> list[int]:
    """Pixels of every picture by its header; 1 where it has none that can be read."""
    return [_pixels(place) for place in places]


def _pixels(place: Place) -> int:
    try:
        if not place.source.is_file():  # reading a pipe waits for its writer
            return 1
        with Image.open(place.source) as picture:
            return picture.width * picture.height
    except (*_UNREADABLE, Image.DecompressionBombError):  # the reader will have the words
        return 1
