"""A file on its way: what is there of it, what it may become, how often it is asked for again."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import pydantic
from pydantic import Field

from ddpg.fetching.checks import Expected
from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.fetching.remote import shown
from ddpg.files.writing import write_json
from ddpg.machine.disk import human, lack_of_space

LONGEST = 120.0
"""Seconds that are waited before an attempt at most."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Source:
    """Where the bytes of a partial file come from.

    Attributes:
        validator: names this version of the file in an ``If-Range`` (RFC 9110, section 13.1.5).
        size: bytes of the whole file, if they are known.
    """

    mirror: str
    validator: str = ""
    size: int | None = None


@dataclass
class Incoming:
    """A file on its way from one mirror; its bytes so far are in ``.NAME.partial`` beside it.

    Attempts are not counted anew when one brings the file on: a line that breaks for ever, or a
    server that makes a fool of us, ends all the same. What has come is kept for the next run.

    Attributes:
        name: of the file, for people.
        resumed: whether bytes of several answers were joined, so that they may not be one file's.
        failures: attempts that have failed.
    """

    target: Path
    mirror: str
    name: str
    expected: Expected
    patience: Patience
    resumed: bool = False
    failures: int = 0

    def __post_init__(self) -> None:
        self.data = self.target.with_name(f".{self.target.name}.partial")
        self.notes = self.target.with_name(f".{self.target.name}.partial.json")

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

    @property
    def whole(self) -> int | None:
        """Bytes of the whole file, if the card or the server has said it."""
        source = self.source
        announced = source.size if source else None
        return announced if self.expected.size is None else self.expected.size

    def note(self, source: Source) -> None:
        """Write down where the bytes come from."""
        write_json(self.notes, asdict(source))

    def discard(self) -> None:
        """Remove the partial file."""
        self.data.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)
        self.resumed = False

    def publish(self) -> None:
        """Give the file its final name; the bytes reach the disk before the name changes."""
        with self.data.open("rb") as stream:
            os.fsync(stream.fileno())
        self.data.replace(self.target)
        self.notes.unlink(missing_ok=True)

    def refuse_offer(self, size: int | None) -> None:
        """Refuse a file that is said to have another size than the expected one."""
        if self.expected.size is not None and size not in (None, self.expected.size):
            raise MirrorError(f"offers {size} bytes, expected {self.expected.size}")

    def refuse_for_space(self, missing: int) -> None:
        """Refuse a file for whose missing bytes the disk has no room."""
        if problem := lack_of_space(self.data.parent, missing, self.name):
            raise MirrorError(problem)

    @contextmanager
    def counted(self, received: int) -> Iterator[Callable[[int, int | None], None]]:
        """A function that is told how many bytes are there, of how many: it shows them in a bar.

        Where nobody knows how many there are, half of what the disk has left may come. The function
        raises a MirrorError for more.

        Args:
            received: bytes that are there already.
        """
        from ddpg.machine.progress import bytes_bar

        room = received + shutil.disk_usage(self.data.parent).free // 2
        with bytes_bar(self.name, received) as bar:

            def count(received: int, whole: int | None) -> None:
                if received > (room if whole is None else whole):
                    self.discard()
                    what = f"the expected {whole} bytes"
                    if whole is None:
                        half = f"{human(room)}, half of what the disk has left"
                        what = f"{half}, and does not say how much"
                    raise MirrorError(f"sends more than {what}")
                bar.total = whole
                bar.update(received - bar.n)

            yield count

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
                log.info("%s: %s; trying again in %.1f s", shown(self.mirror), error, wait)
            time.sleep(wait)

    def _pause(self) -> float:
        """Seconds until the next attempt, drawn so that many jobs do not return at once."""
        wait = min(self.patience.backoff * 2 ** min(self.failures - 1, 16), LONGEST)
        return wait * random.uniform(0.75, 1.0)  # noqa: S311 - nothing secret, no result
