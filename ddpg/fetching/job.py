"""One order: a remote, where it shall lie, and what is demanded of it by card or pin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ddpg.fetching.checks import Expected, Sums
from ddpg.fetching.errors import FetchError
from ddpg.fetching.patience import Patience
from ddpg.fetching.pins import expected_by, pin, pinned
from ddpg.fetching.remote import Remote


@dataclass(frozen=True)
class Job:
    """The arguments of one call of :func:`ddpg.fetching.fetch.fetch`, or its like for folders.

    Attributes:
        remote: what is wanted.
        target: where it shall lie.
        pins: lock file of checksums, None for none.
        key: the key in it.
        patience: timeouts and retries.
        progress: whether a terminal shows a bar.
        thing: "file" or "folder", for messages.
        aside: the name from which that of a wrong download is made; the target's if None.
    """

    remote: Remote
    target: Path
    pins: Path | None
    key: str
    patience: Patience
    progress: bool
    thing: str = "file"
    aside: Path | None = None

    def expected(self) -> Expected:
        """What the card demands; where it gives no checksum, what the pin demands."""
        card = self.remote
        sums = None if card.sha256 or self.pins is None else pinned(self.pins, self.key)
        if sums is None or self.pins is None:
            accept = "if the new one is right, write its size and sha256 into the card"
            accept = "" if card.sha256_prefix else accept
            return Expected(card.size, card.sha256, card.sha256_prefix, accept)
        demand = expected_by(self.pins, self.key, sums)
        size = sums.size if card.size is None else card.size
        return replace(demand, size=size, prefix=card.sha256_prefix)

    def judged(self, found: Sums) -> str | None:
        """Why something is not the expected thing, or None; then it is pinned if it has to be."""
        expected = self.expected()
        problem = expected.problem(found)
        if problem is None and not expected.sha256 and self.pins is not None:
            expected = expected_by(self.pins, self.key, pin(self.pins, self.key, found))
            problem = expected.problem(found)
        return "; ".join(filter(None, (problem, expected.accept))) if problem else None

    def failure(self, reasons: Iterable[str]) -> FetchError:
        """The one message when every place has failed."""
        places = list(reasons) or ["no address is known"]
        lines = [f"{self.remote.file}: cannot be fetched to {self.target}; it was looked for at"]
        lines += [f"  - {place}" for place in places]
        lines += [f"  expected: {self.expected()}", f"  by hand: {self._by_hand()}"]
        return FetchError("\n".join(lines), places)

    def _by_hand(self) -> str:
        what = "file" if self.thing == "file" else "folder or the archive"
        where = f"set the environment variable {self.remote.environment} to the path of the {what}"
        if not self.remote.environment:
            where = f"write the path of the {what} into the card"
        return f"put the {self.thing} at {self.target}, or {where}"


def guarded(job: Job, work: Callable[[Job], Path]) -> Path:
    """Do the work of a job; what the disk refuses becomes a message.

    Raises:
        FetchError: the disk is full, a folder is read-only, and so on.
    """
    try:
        return work(job)
    except OSError as error:
        place = error.filename or job.target
        raise FetchError(f"{job.remote.file}: {place}: {error.strerror or error}") from error
