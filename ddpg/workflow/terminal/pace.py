"""How fast a run goes, and how long it will take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice


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
        return (exact, exact[:2], exact[:1])


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
    _ended: int = 0
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
        self._ended += 1
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

    def seconds_to_go(self, now: float, running: Iterable[float] = ()) -> float | None:
        """Seconds until all jobs are done, at the pace so far; None where nothing tells.

        A job that has no like among those that are done takes as long as they do on average, unless
        it restores: of these a first one must be done.

        Args:
            running: when the jobs that are at work began.
        """
        if self._begun is None or not self._worked:
            return None
        gone = sum(now - begun for begun in islice(running, 10_000))
        work, mean = 0.0, self._worked / self._ended
        for kind, count in self._left.items():
            speed = next((self._speeds[n] for n in kind.likes if n in self._speeds), None)
            if speed:
                work += count * kind.work * speed[0] / speed[1]
            elif kind.rule == "restore":
                return None
            else:
                work += count * mean
        at_once = (self._worked + gone) / max(1e-3, now - self._begun)
        return max(0.0, work - gone) / max(at_once, 1e-3)
