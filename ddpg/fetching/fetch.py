"""A file of a card: found, downloaded, verified, and only then given its name."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial as bound
from pathlib import Path
from typing import Any

from ddpg.fetching import drive, web
from ddpg.fetching.checks import Expected, Sums, keep_aside, measure
from ddpg.fetching.errors import FetchError, MirrorError
from ddpg.fetching.patience import Partial, Patience, Tries
from ddpg.fetching.pins import expected_by, pinned, refused_by_pin
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, PublishedFile, Remote, shown
from ddpg.files.linking import link_or_copy
from ddpg.files.locking import locked

log = logging.getLogger(__name__)


def fetch(
    remote: Remote,
    target: Path,
    *,
    pins: Path | None,
    key: str | None = None,
    progress: bool = True,
    **patience: Any,
) -> Path:
    """Make sure that a verified file lies at ``target``, which is returned.

    A file that is right already is not downloaded again; one that is wrong is kept aside. A local
    path of the card or its variable becomes a link. Several processes may ask for one target.

    Args:
        pins: lock file of checksums (YAML); enforced where the card gives no sha256, written where
            the file is seen for the first time. None pins nothing.
        key: the file's key in ``pins``; its name if None.
        patience: fields of :class:`ddpg.fetching.patience.Patience`.

    Raises:
        FetchError: the file cannot be had, or is another one than expected: where it was looked
            for, what was found, and how to put it there by hand.
        UserError: ``pins`` is not a lock file of checksums.
    """
    key = key or remote.file
    return Order(remote, Path(target), pins, key, Patience(**patience), progress).fulfil()


@dataclass(frozen=True)
class Order:
    """A file that is wanted, where it shall lie, and what is demanded of it; see :func:`fetch`.

    Attributes:
        aside: the name from which that of a wrong download is made; the target's if None.
        final: whether the file is pinned; otherwise only what is known already is enforced.
    """

    remote: Remote
    target: Path
    pins: Path | None
    key: str
    patience: Patience
    progress: bool
    aside: Path | None = None
    final: bool = True

    THING = "file"
    OWN = "file"
    """What a user may name instead."""

    def fulfil(self) -> Path:
        """The target, once it is right.

        Raises:
            FetchError: it cannot be had; or the disk is full, a folder is read-only, and so on.
        """
        try:
            local = self.remote.override()
            if local is None and self.problem() is None:  # no lock: its folder may be read-only
                return self.target
            with locked(self.target):
                if local is not None:
                    self.adopt(*local)
                elif (problem := self.problem()) is not None:  # another process may have been at it
                    self.download(self.cleared(problem))
        except OSError as error:
            place = error.filename or self.target
            raise FetchError(f"{self.remote.file}: {place}: {error.strerror or error}") from error
        return self.target

    def download(self, reasons: list[str]) -> None:
        """Bring the target, whose lock is held, from the first mirror that gives it.

        Raises:
            FetchError: no mirror gives it.
        """
        for mirror in self.remote.mirrors:
            try:
                return self.bring(mirror)
            except MirrorError as error:
                log.info("%s: %s", shown(mirror), error)
                reasons.append(f"{shown(mirror)}: {error}")
        raise self.failure(reasons)

    def problem(self) -> str | None:
        """Why the target is not right as it is, or None; "" if there is nothing."""
        if self.target.is_dir():
            raise FetchError(
                f"{self.target}: is a folder, where the file {self.remote.file} shall lie"
            )
        return self.judged(measure(self.target)) if self.target.is_file() else ""

    def adopt(self, local: Path, named: str) -> None:
        """Use what the user has on this machine, given what names it; it stays where it is."""
        if local.is_dir():
            raise FetchError(
                f"{local}: {named} names this folder, which holds no {self.remote.file}"
            )
        sums = measure(local)
        if problem := self.judged(sums):
            raise FetchError(f"{local} ({named}) {problem}")
        if self.target.is_file():
            if self.target.samefile(local) or measure(self.target) == sums:
                return
            if not self.target.is_symlink():  # a link is replaced: what it leads to stays
                self.cleared(self.judged(measure(self.target)) or "is not the named file")
        link_or_copy(local, self.target)

    def bring(self, mirror: str) -> None:
        """Bring the verified target; joined bytes that are wrong get one clean download.

        Raises:
            MirrorError: the mirror does not give it.
        """
        partial, tries = Partial(self.target), Tries(self.patience, shown(mirror))
        log.info("%s: fetching it from %s", self.target, shown(mirror))
        problem = self._completed(mirror, partial, tries)
        if problem and partial.resumed:
            log.info("%s: what was put together %s; beginning anew", self.target, problem)
            partial.discard()
            problem = self._completed(mirror, partial, tries)
        if problem is None:
            partial.publish(self.target)
            return
        aside = keep_aside(partial.data, self.aside or self.target, measure(partial.data))
        partial.discard()
        raise MirrorError(f"the file there {problem}; it is kept as {aside}")

    def _completed(self, mirror: str, partial: Partial, tries: Tries) -> str | None:
        """Complete the partial file by what the mirror's scheme needs.

        Returns:
            why what has come is not the file, None if it is.

        Raises:
            MirrorError: the mirror does not give it, or no file at all, which nobody wants to keep.
        """
        expected, label, timeout = self.expected(), self.remote.file, self.patience.timeout
        if mirror.startswith(DRIVE_FOLDER):
            raise MirrorError("is a folder, where a file is wanted")
        if mirror.startswith(DRIVE_FILE):
            identity = mirror.removeprefix(DRIVE_FILE)
            drive.download(identity, partial, expected, label, self.patience, self.progress)
        else:
            if mirror.startswith("doi:"):
                mirror = tries.persist(bound(web.address_behind, mirror, timeout))
            download = web.Download(mirror, partial, expected, label, timeout, self.progress)
            tries.persist(download.attempt)
        sums = measure(partial.data)
        if expected.sha256 != sums.sha256 and (reason := _no_file(partial.data, label)):
            partial.discard()
            raise MirrorError(reason)
        return self.judged(sums) if self.final else expected.problem(sums)

    def expected(self) -> Expected:
        """What the card demands; where it gives no checksum, what the pin demands."""
        card = self.remote
        prefix = card.prefix if isinstance(card, PublishedFile) else ""
        sums = None if card.sha256 or self.pins is None else pinned(self.pins, self.key)
        if sums is None or self.pins is None:
            accept = "if the new one is right, write its size and sha256 into the card"
            return Expected(card.size, card.sha256, prefix, "" if prefix else accept)
        demand = expected_by(self.pins, self.key, sums)
        size = sums.size if card.size is None else card.size
        return replace(demand, size=size, prefix=prefix)

    def judged(self, sums: Sums) -> str | None:
        """Why something is not the expected thing, or None; then it is pinned if it has to be."""
        expected = self.expected()
        problem = expected.problem(sums)
        if problem is None and not expected.sha256 and self.pins is not None:
            return refused_by_pin(self.pins, self.key, sums) or None
        return "; ".join(filter(None, (problem, expected.accept))) if problem else None

    def cleared(self, problem: str, suffix: str = "sha256-mismatch") -> list[str]:
        """Make room for the right file or folder; what was there is kept.

        Returns:
            what is to be said of it if the right one cannot be had.
        """
        if not problem:
            if self.target.is_dir() and not self.target.is_symlink():
                self.target.rmdir()  # it is empty
            else:
                self.target.unlink(missing_ok=True)  # a link to nothing
            return []
        aside = keep_aside(self.target, self.target, suffix=suffix)
        log.warning("%s: %s; it is kept as %s", self.target, problem, aside)
        return [f"{self.target}: {problem}; it is kept as {aside}"]

    def failure(self, reasons: Iterable[str]) -> FetchError:
        """The one message when every place has failed."""
        places = list(reasons) or ["no address is known"]
        lines = [f"{self.remote.file}: cannot be fetched to {self.target}; it was looked for at"]
        lines += [f"  - {place}" for place in places]
        instead = f"write the path of the {self.OWN} into the card"
        if variable := self.remote.environment:
            instead = f"set the environment variable {variable} to the path of the {self.OWN}"
        lines.append(f"  expected: {self.expected()}")
        lines.append(f"  by hand: put the {self.THING} at {self.target}, or {instead}")
        return FetchError("\n".join(lines), places)


def _no_file(path: Path, wanted: str) -> str:
    """Why what has come is no file at all; nothing if it may be the wanted one."""
    with path.open("rb") as stream:
        start = stream.read(1024)
    if not start:
        return "sends an empty file"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    page = text.startswith((b"<!doctype html", b"<html"))
    wanted_page = wanted.lower().endswith((".html", ".htm", ".xhtml"))
    return "sends a web page instead of the file" if page and not wanted_page else ""
