"""Problems of a data set, collected so that one run tells them all."""

from __future__ import annotations

from collections.abc import Iterable

from ddpg.errors import UserError

SHOWN = 20
"""How many problems of a kind are told one by one."""


class Problems:
    """Collects problems by kind, in the order in which the kinds are first met."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def add(self, kind: str, *items: str) -> None:
        """Add problems of a kind; a kind may stand without items."""
        self._kinds.setdefault(kind, []).extend(items)

    @property
    def kinds(self) -> dict[str, list[str]]:
        """What was collected, by kind."""
        return {kind: list(items) for kind, items in self._kinds.items()}

    def raise_any(self, place: str) -> None:
        """Raise what was collected, if anything.

        Args:
            place: what the problems are about, which heads the message.

        Raises:
            UserError: all problems, the first of each kind one by one.
        """
        if not self._kinds:
            return
        lines = [f"{place}: the pictures cannot be used as they are:"]
        for kind, items in self._kinds.items():
            lines += [f"  {kind}{f' ({len(items)}):' if items else ''}", *_shown(items)]
        raise UserError("\n".join(lines))


def _shown(items: list[str]) -> Iterable[str]:
    yield from (f"    {item}" for item in items[:SHOWN])
    if len(items) > SHOWN:
        yield f"    and {len(items) - SHOWN} more"
