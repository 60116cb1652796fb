"""Progress for people: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from ddpg.machine.terminal import told_in_words

log = logging.getLogger(__name__)

LOG_SECONDS = 10.0
"""A log file gets a line at most this often."""


class _LogStream:
    """What tqdm writes its bar to where there is no terminal: lines of the log."""

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            log.info(line)
        return len(text)

    def flush(self) -> None:
        """The log flushes itself."""


@contextmanager
def steps_bar(label: str, total: int) -> Iterator[tqdm]:
    """A bar of ``total`` network evaluations; call its ``update(n)``."""
    terminal = sys.stderr.isatty() and not told_in_words()
    with tqdm(
        desc=label,
        total=total,
        unit="eval",
        file=sys.stderr if terminal else _LogStream(),
        mininterval=0.2 if terminal else LOG_SECONDS,
        maxinterval=LOG_SECONDS,
        ncols=None if terminal else 80,
    ) as bar:
        yield bar


@contextmanager
def bytes_bar(label: str, start: int) -> Iterator[tqdm]:
    """A bar of bytes, of which ``start`` are there already, on a terminal; call its ``update(n)``.

    Who knows how many there will be sets its ``total``.
    """
    with tqdm(
        desc=label,
        initial=start,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        file=sys.stderr,
        mininterval=0.2,
        disable=not sys.stderr.isatty(),
    ) as bar:
        yield bar
