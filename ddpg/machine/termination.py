"""SIGTERM: how a scheduler asks a job to go, some seconds before it kills it.

The signal becomes an exception in the main thread, so that temporary files are removed on the way
out and what is finished is kept. Python delivers it only between two of its own instructions, which
one evaluation of a large network can delay for long; then, after :data:`PATIENCE` seconds, the
process ends where it stands. Nothing is lost by that: files get their names only when complete.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 128 + signal.SIGTERM
"""The exit status that a shell reports for a process that ended by SIGTERM."""
PATIENCE = 3.0
"""Seconds that the main thread has to end by itself."""

log = logging.getLogger("ddpg")


class Terminated(BaseException):
    """The process was asked to end. Like KeyboardInterrupt it is no Exception: nothing retries."""

    def __init__(self) -> None:
        super().__init__("stopped by SIGTERM; what is finished is kept")


@contextmanager
def clean_termination() -> Iterator[None]:
    """Within, SIGTERM raises :class:`Terminated` and ends the process within some seconds."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    left = threading.Event()
    threading.Thread(target=_watch, args=(reading, left), name="SIGTERM", daemon=True).start()
    handler = signal.signal(signal.SIGTERM, _raise)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, handler)
        os.close(writing)


def _raise(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb the cleaning
    raise Terminated


def _watch(reading: int, left: threading.Event) -> None:
    """Wait for the signal's number, which arrives at once, whatever the main thread is doing."""
    while received := os.read(reading, 1):
        if received[0] == signal.SIGTERM and not left.wait(PATIENCE):
            log.error("stopped by SIGTERM in the middle of a batch; what is finished is kept")
            os._exit(STATUS)
    os.close(reading)
