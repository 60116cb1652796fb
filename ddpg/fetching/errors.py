"""What can go wrong when something is fetched."""

from __future__ import annotations

from collections.abc import Iterable

from ddpg.errors import UserError


def plain(text: object, longest: int = 300) -> str:
    """Words of a server or an archive as one printable line, shortened if they are long."""
    line = "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in str(text)
    )
    return line if len(line) <= longest else f"{line[:longest]} ..."


class FetchError(UserError):
    """A file or folder that cannot be had; the message says what was tried and what to do.

    Attributes:
        reasons: every place where it was looked for, with what was found there.
    """

    def __init__(self, message: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class ArchiveError(UserError):
    """An archive that is damaged, or holds what must not be unpacked."""

    def __init__(self, message: str) -> None:
        super().__init__(plain(message, 2000))


class MirrorError(Exception):
    """One place failed for good; the next one may do better. The reason is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(plain(" ".join(reason.split()), 2000))


class PassingError(MirrorError):
    """One attempt failed in a way that may pass; ``wait`` is what the server asks for, if any."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
