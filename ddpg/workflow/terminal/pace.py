"""How fast a run goes, and how long it will take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

OVERRUN = 0.1
"""What a job that has taken longer than others of its kind is expected to take yet, as a share of
the time that it has taken."""


@dataclass(frozen=True)
class Kind:
    """What jobs have in common that take the same time.

    Attributes:
        rule: what they do.
        method: of restorations, the method.
        experiment: what exactly, where the time depends on it.
        work: how much there is of it, in a unit of the rule's own.
    """

    rule: str
    method: str = ""
    experiment: str = ""
    work: float = 1.0

    @property
    def likes(self) -> tuple[tuple[str, ...], ...]:
        """Names under which its speed is kept, the most exact one first."""
        exact = (self.rule, self.method, self.experiment)
        names: tuple[tuple[str, ...], ...] = (exact, exact[:2], exact[:1])
        if self.rule == "trajectory":  # a restoration whose steps are kept
            names += Kind("restore", self.method, self.experiment).likes
        return names


@dataclass
class Pace:
    """Counts jobs and pictures, and reckons from the work that is done how long the rest takes."""

    total: int = 0
    done: int = 0
    pictures: int = 0
    """Restored so far."""
    _left: Counter[Kind] = field(default_factory=Counter)
    _speeds: dict[tuple[str, ...], list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0, 0.0])
    )
    """Seconds and work of what is done."""
    _worked: float = 0.0
    _begun: float | None = None
    _restoring_since: float | None = None

    def expect(self, kinds: Iterable[Kind]) -> None:
        """The jobs that there will be."""
        self._left.update(kinds)

    def begin(self, kind: Kind, now: float) -> None:
        """A job begins."""
        if self._begun is None:
            self._begun = now
        if kind.rule == "restore" and self._restoring_since is None:
            self._restoring_since = now

    def finish(self, kind: Kind, seconds: float, pictures: int = 0) -> None:
        """A job has ended well, so many seconds after it began."""
        self._left[kind] -= 1
        if not self._left[kind]:
            del self._left[kind]
        self._worked += seconds
        self.pictures += pictures
        for like in kind.likes:
            speed = self._speeds[like]
            speed[0] += seconds
            speed[1] += kind.work

    def pictures_per_second(self, now: float) -> float | None:
        """Pictures restored a second since the first restoration began; None before the first."""
        if not self.pictures or self._restoring_since is None:
            return None
        return self.pictures / max(1e-3, now - self._restoring_since)

    def seconds_to_go(self, now: float, running: Iterable[tuple[Kind, float]] = ()) -> float | None:
        """Seconds until all jobs are done whose like has been done, at the pace so far.

        None where nothing tells: before a first restoration is done, and where no job is left but
        those of :attr:`unknown`.

        Args:
            running: the jobs that are at work, and when they began.
        """
        seconds = {kind: self._seconds(kind) for kind in self._left}
        if self._begun is None or not self._worked or not any(seconds.values()):
            return None
        if any(kind.rule == "restore" and each is None for kind, each in seconds.items()):
            return None
        work = sum(count * (seconds[kind] or 0.0) for kind, count in self._left.items())
        gone = 0.0
        for kind, begun in running:
            gone += (taken := now - begun)
            if each := seconds.get(kind):
                work -= min(taken, each - OVERRUN * taken)
        at_once = (self._worked + gone) / max(1e-3, now - self._begun)
        return max(0.0, work) / max(min(at_once, self._left.total()), 1e-3)

    @property
    def unknown(self) -> set[str]:
        """The rules of jobs that are left and of which none has been done: how long they take,
        nothing tells."""
        return {kind.rule for kind in self._left if self._seconds(kind) is None}

    def _seconds(self, kind: Kind) -> float | None:
        """What a job of a kind takes, by those that are most like it; None where there is none."""
        speed = next((self._speeds[n] for n in kind.likes if n in self._speeds), None)
        return kind.work * speed[0] / speed[1] if speed else None
