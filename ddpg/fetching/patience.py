"""How often, and after what time, an attempt is made again."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ddpg.fetching.errors import MirrorError, PassingError

log = logging.getLogger(__name__)

GAIN = 1 << 20
"""Bytes that an attempt must have added for the count of attempts to begin anew."""


RETRIES = 4
TIMEOUT = 30.0
BACKOFF = 1.0


@dataclass(frozen=True)
class Patience:
    """How long a mirror is insisted on.

    Attributes:
        retries: attempts after the first that bring nothing new.
        timeout: seconds of silence after which a connection is given up.
        backoff: seconds before the first retry; each further one waits twice as long.
        longest: seconds that are waited at most.
    """

    retries: int = RETRIES
    timeout: float = TIMEOUT
    backoff: float = BACKOFF
    longest: float = 120.0

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"retries must be at least 0, got {self.retries!r}")
        if not self.timeout > 0:
            raise ValueError(f"timeout must be positive, got {self.timeout!r}")
        if not self.backoff >= 0:
            raise ValueError(f"backoff must be at least 0 seconds, got {self.backoff!r}")

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures, drawn so that many jobs do not return at once."""
        wait = min(self.backoff * 2 ** min(failures - 1, 16), self.longest)
        return wait * random.uniform(0.75, 1.0)  # noqa: S311 - nothing secret, no result


def persist(
    attempt: Callable[[], None], size: Callable[[], int], patience: Patience, shown: str
) -> None:
    """Attempt again and again, as long as failures may pass.

    Attempts that bring the file on do not count: a large file over a bad line is got in the end.

    Args:
        attempt: raises :class:`PassingError` where a retry makes sense.
        size: bytes that are there so far.
        patience: when to give up.
        shown: the address, for the log.

    Raises:
        MirrorError: the last failure.
    """
    failures, most = 0, size()
    while True:
        try:
            return attempt()
        except PassingError as error:
            if size() >= most + GAIN:
                failures, most = 0, size()
            failures += 1
            wait = patience.pause(failures) if error.wait is None else error.wait
            if wait > patience.longest:
                raise MirrorError(f"{error}; it asks to wait {wait:.0f} s") from error
            if failures > patience.retries:
                tries = f" ({failures} attempts)" if failures > 1 else ""
                raise MirrorError(f"{error}{tries}") from error
            log.info("%s: %s; trying again in %.1f s", shown, error, wait)
        time.sleep(wait)
