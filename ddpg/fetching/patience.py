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
from typing import Annotated, TypeVar

import pydantic
from pydantic import Field

from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.files.writing import replacing

LONGEST = 120.0
"""Seconds that are waited before an attempt at most."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where the bytes of a partial file come from."""

    mirror: str
    validator: str = ""
    """Names this version of the file in an ``If-Range`` (RFC 9110, section 13.1.5), or is empty."""
    size: int | None = None
    """Bytes of the whole file, or None."""


class Partial:
    """The bytes of a target that are there so far, in ``.NAME.partial`` beside it.

    Attributes:
        resumed: whether bytes of several answers were joined, so that they may not be one file's.
    """

    def __init__(self, target: Path) -> None:
        self.data = target.with_name(f".{target.name}.partial")
        self.notes = target.with_name(f".{target.name}.partial.json")
        self.resumed = False

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

    def note(self, source: Source) -> None:
        """Write down where the bytes come from."""
        with replacing(self.notes) as temporary:
            temporary.write_text(json.dumps(asdict(source)), encoding="utf-8")

    def discard(self) -> None:
        """Remove the partial file."""
        self.data.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)
        self.resumed = False

    def publish(self, target: Path) -> None:
        """Give the file its final name; the bytes reach the disk before the name changes."""
        with self.data.open("rb") as stream:
            os.fsync(stream.fileno())
        self.data.replace(target)
        self.notes.unlink(missing_ok=True)


@pydantic.dataclasses.dataclass(frozen=True)
class Patience:
    """How long a mirror is insisted on."""

    retries: Annotated[int, Field(ge=0)] = 4
    """Attempts after the first, counted over all that is asked of one mirror for one file, whether
    they bring bytes or not."""
    timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds of silence after which a connection is given up."""
    backoff: Annotated[float, Field(ge=0)] = 1.0
    """Seconds before the first retry; each further one waits twice as long."""


class Tries:
    """The attempts that one mirror is given for one file.

    They are not counted anew when an attempt brings the file on: a line that breaks for ever, or a
    server that makes a fool of us, ends all the same. What has come is kept for the next run.
    """

    def __init__(self, patience: Patience, address: str) -> None:
        self.patience, self.address = patience, address
        self.failures = 0

    def persist(self, attempt: Callable[[], Result]) -> Result:
        """What an attempt returns, made again and again as long as it raises a PassingError.

        Raises:
            MirrorError: the last failure.
        """
        while True:
            try:
                return attempt()
            except PassingError as error:
                self.failures += 1
                wait = self._pause() if error.wait is None else error.wait
                if wait > LONGEST:
                    raise MirrorError(f"{error}; it asks to wait {wait:.0f} s") from error
                if self.failures > self.patience.retries:
                    attempts = f" ({self.failures} attempts)" if self.failures > 1 else ""
                    raise MirrorError(f"{error}{attempts}") from error
                log.info("%s: %s; trying again in %.1f s", self.address, error, wait)
            time.sleep(wait)

    def _pause(self) -> float:
        """Seconds until the next attempt, drawn so that many jobs do not return at once."""
        wait = min(self.patience.backoff * 2 ** min(self.failures - 1, 16), LONGEST)
        return wait * random.uniform(0.75, 1.0)  # noqa: S311 - nothing secret, no result
