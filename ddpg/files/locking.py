"""One process at a time for one target."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

log = logging.getLogger(__name__)

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers: Lustre without ``-o flock``, NFS without ``lockd``."""


@contextmanager
def locked(target: Path, *, optional: bool = False) -> Iterator[None]:
    """Hold the lock of a target, waiting for whoever holds it; folders that lead to it are made.

    The lock is a hidden file beside the target. The holder removes it while it still holds it:
    filelock gives no lock on a removed file, so nobody who waits is misled. The operating system
    lets go of the lock when its holder dies in whatever way.

    Args:
        optional: go on without a lock, and say so, where the file system has none. A mere file
            that stands for a lock would outlive a job that was killed on another machine.
    """
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    place = target.with_name(f".{target.name}.lock")
    lock = FileLock(place, fallback_to_soft=not optional)
    held = _acquire(lock, target, optional)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        if held:
            lock.release()


def _acquire(lock: BaseFileLock, target: Path, optional: bool) -> bool:
    """Wait for the lock; False: there is none, and none is needed."""
    from filelock import Timeout

    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("%s: another process is at it; waiting", target)
            lock.acquire(poll_interval=0.1)
    except OSError as error:
        if not optional or error.errno not in NO_LOCKS:
            raise
        log.info("%s: no lock, the file system has none (%s)", target, error.strerror)
        return False
    return True
