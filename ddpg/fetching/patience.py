"""A file on its way, and how often an attempt to complete it is made again."""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.files.writing import replacing


@dataclass(frozen=True)
class Source:
    """Where the bytes of a partial file come from.

    Attributes:
        mirror: the address.
        etag, last_modified: what the server calls this version of the file, or empty.
        size: bytes of the whole file, or None.
        mixed: whether bytes may come from several versions, so that only a checksum can tell.
    """

    mirror: str
    etag: str = ""
    last_modified: str = ""
    size: int | None = None
    mixed: bool = False

    @property
    def validator(self) -> str:
        """What an ``If-Range`` may hold (RFC 9110, section 13.1.5): no weak tag."""
        strong = self.etag and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified


class Partial:
    """The bytes of a target that are there so far.

    Args:
        target: the final name; the partial file is ``.NAME.partial`` beside it.
    """

    def __init__(self, target: Path) -> None:
        self.data = target.with_name(f".{target.name}.partial")
        self.notes = target.with_name(f".{target.name}.partial.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.data.stat().st_size if self.data.is_file() else 0

    @property
    def source(self) -> Source | None:
        """Where they come from; None if that is not known."""
        try:
            return Source(**json.loads(self.notes.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # absent, or not what this program wrote
            return None

    def begin(self, source: Source) -> None:
        """Forget the bytes and begin anew."""
        self.data.write_bytes(b"")
        self.note(source)

    def note(self, source: Source) -> None:
        """Write down where the bytes come from."""
        with replacing(self.notes) as temporary:
            temporary.write_text(json.dumps(asdict(source)), encoding="utf-8")

    def discard(self) -> None:
        """Remove the partial file."""
        self.data.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def publish(self, target: Path) -> None:
        """Give the file its final name; the bytes reach the disk before the name changes."""
        with self.data.open("rb") as stream:
            os.fsync(stream.fileno())
        self.data.replace(target)
        self.notes.unlink(missing_ok=True)


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
