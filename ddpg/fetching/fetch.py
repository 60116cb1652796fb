"""A file of a card: found, downloaded, verified, and only then given its name."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ddpg.errors import FetchError
from ddpg.fetching import drive, web
from ddpg.fetching.checks import Demand, Sums, measure
from ddpg.fetching.errors import MirrorError
from ddpg.fetching.incoming import Incoming, Patience
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote, shown
from ddpg.files.linking import keep_aside, link_or_copy
from ddpg.files.locking import locked

log = logging.getLogger(__name__)


def fetch(
    remote: Remote, target: Path, *, pins: Path | None, key: str | None = None, **patience: Any
) -> Path:
    """Make sure that a verified file lies at ``target``, which is returned.

    A file that is right already is not downloaded again; one that is wrong is kept aside. A local
    path of the card or its variable becomes a link. Several processes may ask for one target.

    Args:
        pins: lock file of checksums (YAML); enforced where the card gives no sha256, written where
            the file is seen for the first time. None pins nothing.
        key: the file's key in ``pins``; its name if None.
        patience: fields of :class:`ddpg.fetching.incoming.Patience`.

    Raises:
        FetchError: the file cannot be had, or is another one than expected: where it was looked
            for, what was found, and how to put it there by hand.
        UserError: ``pins`` is not a lock file of checksums.
    """
    return Order(remote, pins, key or remote.file, Path(target), Patience(**patience)).fulfil()


@dataclass(frozen=True)
class Order(Demand):
    """A file that is wanted, what is demanded of it, and where it shall lie; see :func:`fetch`."""

    target: Path
    patience: Patience

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
            if self.target.samefile(local) or (present := measure(self.target)) == sums:
                return
            if not self.target.is_symlink():  # a link is replaced: what it leads to stays
                self.cleared(self.judged(present) or "is not the named file")
        link_or_copy(local, self.target)

    def bring(self, mirror: str) -> None:
        """Bring the verified target from one mirror.

        Raises:
            MirrorError: the mirror does not give it.
        """
        incoming = Incoming(self.target, mirror, self.remote.file, self.expected(), self.patience)
        bring(incoming, self.judged, self.target)

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
        instead = f"write the path of the {self.OWN} into the card"
        if variable := self.remote.environment:
            instead = f"set the environment variable {variable} to the path of the {self.OWN}"
        lines = [
            f"{self.remote.file}: cannot be fetched to {self.target}; it was looked for at",
            *(f"  - {place}" for place in places),
            f"  expected: {self.expected()}",
            f"  by hand: put the {self.THING} at {self.target}, or {instead}",
        ]
        return FetchError("\n".join(lines), places)


def bring(incoming: Incoming, judged: Callable[[Sums], str | None], name: Path) -> None:
    """Bring a verified file from its mirror; joined bytes that are wrong get one clean download.

    Args:
        judged: why what has come is not the file, or None.
        name: of which that of a wrong download is made.

    Raises:
        MirrorError: the mirror does not give it.
    """
    log.info("%s: fetching it from %s", incoming.target, shown(incoming.mirror))
    problem = judged(_completed(incoming))
    if problem and incoming.resumed:
        log.info("%s: what was put together %s; beginning anew", incoming.target, problem)
        incoming.discard()
        problem = judged(_completed(incoming))
    if problem is None:
        incoming.publish()
        return
    aside = keep_aside(incoming.data, name)
    incoming.discard()
    raise MirrorError(f"the file there {problem}; it is kept as {aside}")


def _completed(incoming: Incoming) -> Sums:
    """What a file measures, once it has come whole by what its mirror's scheme needs.

    Raises:
        MirrorError: the mirror does not give it, or no file at all, which nobody wants to keep.
    """
    address = incoming.mirror
    if address.startswith(DRIVE_FOLDER):
        raise MirrorError("is a folder, where a file is wanted")
    if address.startswith(DRIVE_FILE):
        drive.download(address.removeprefix(DRIVE_FILE), incoming)
    else:
        if address.startswith("doi:"):
            timeout = incoming.patience.timeout
            address = incoming.persist(partial(web.address_behind, address, timeout))
        incoming.persist(web.Download(address, incoming).attempt)
    sums = measure(incoming.data)
    if incoming.expected.digits != sums.sha256 and (reason := _no_file(incoming)):
        incoming.discard()
        raise MirrorError(reason)
    return sums


def _no_file(incoming: Incoming) -> str:
    """Why what has come is no file at all; nothing if it may be the wanted one."""
    with incoming.data.open("rb") as stream:
        start = stream.read(1024)
    if not start:
        return "sends an empty file"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    page = text.startswith((b"<!doctype html", b"<html"))
    wanted = incoming.name.lower().endswith((".html", ".htm", ".xhtml"))
    return "sends a web page instead of the file" if page and not wanted else ""
