"""One process at a time for one target."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of a target, waiting for whoever holds it; folders that lead to it are made.

    The lock is a hidden file beside the target. The holder removes it while it still holds it:
    filelock gives no lock on a removed file, so nobody who waits is misled.
    """
    from filelock import FileLock, Timeout

    target.parent.mkdir(parents=True, exist_ok=True)
    place = target.with_name(f".{target.name}.lock")
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("%s: another process is at it; waiting", target)
        lock.acquire(poll_interval=0.1)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        lock.release()
