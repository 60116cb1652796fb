"""How often, and after what time, an attempt is made again."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ddpg.fetching.errors import MirrorError, PassingError

Result = TypeVar("Result")

log = logging.getLogger(__name__)

RETRIES = 4
TIMEOUT = 30.0
BACKOFF = 1.0


@dataclass(frozen=True)
class Patience:
    """How long a mirror is insisted on.

    Attributes:
        retries: attempts after the first, counted over all that is asked of one mirror for one
            file, whether they bring bytes or not.
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


class Tries:
    """The attempts that one mirror is given for one file.

    They are not counted anew when an attempt brings the file on: a line that breaks for ever, or a
    server that makes a fool of us, ends all the same. What has come is kept for the next run.
    """

    def __init__(self, patience: Patience, address: str) -> None:
        self.patience, self.address = patience, address
        self.failures = 0

    def persist(self, attempt: Callable[[], Result]) -> Result:
        """Attempt again and again, as long as failures may pass.

        Args:
            attempt: raises :class:`PassingError` where a retry makes sense.

        Returns:
            what the attempt returns.

        Raises:
            MirrorError: the last failure.
        """
        while True:
            try:
                return attempt()
            except PassingError as error:
                wait = self._wait_after(error)
                log.info("%s: %s; trying again in %.1f s", self.address, error, wait)
            time.sleep(wait)

    def _wait_after(self, error: PassingError) -> float:
        """Seconds until the next attempt.

        Raises:
            MirrorError: there is none.
        """
        self.failures += 1
        wait = self.patience.pause(self.failures) if error.wait is None else error.wait
        if wait > self.patience.longest:
            raise MirrorError(f"{error}; it asks to wait {wait:.0f} s") from error
        if self.failures > self.patience.retries:
            attempts = f" ({self.failures} attempts)" if self.failures > 1 else ""
            raise MirrorError(f"{error}{attempts}") from error
        return wait
