"""A file of a card: found, downloaded, verified, and only then given its name."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable
from pathlib import Path

from ddpg.fetching import drive, web
from ddpg.fetching.checks import Expected, Sums, keep_aside, measure
from ddpg.fetching.errors import FetchError, MirrorError
from ddpg.fetching.job import Job, guarded
from ddpg.fetching.patience import BACKOFF, RETRIES, TIMEOUT, Partial, Patience, Tries
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote, scheme_of, shown
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
    retries: int = RETRIES,
    timeout: float = TIMEOUT,
    backoff: float = BACKOFF,
) -> Path:
    """Make sure that a verified file lies at a path.

    A file that is right already is not downloaded again; one that is wrong is kept aside. A local
    path of the card or its variable becomes a link. Several processes may ask for one target.

    Args:
        remote: the file.
        target: where it shall lie.
        pins: lock file of checksums (YAML); enforced where the card gives no sha256, written where
            the file is seen for the first time. None pins nothing.
        key: the file's key in ``pins``; its name if None.
        progress: whether a terminal shows a bar.
        retries: attempts per mirror after the first, whether they bring bytes or not.
        timeout: seconds of silence after which a connection is given up.
        backoff: seconds before the first retry, twice as long before each further one.

    Returns:
        ``target``.

    Raises:
        FetchError: the file cannot be had, or is another one than expected: where it was looked
            for, what was found, and how to put it there by hand.
        UserError: ``pins`` is not a lock file of checksums.
    """
    patience = Patience(retries, timeout, backoff)
    job = Job(remote, Path(target), pins, key or remote.file, patience, progress)
    return guarded(job, lambda job: ensured(job, _problem, _adopt, download_file))


def ensured(
    job: Job,
    problem: Callable[[Job], str | None],
    adopt: Callable[[Job, Path, str], None],
    download: Callable[[Job, list[str]], None],
) -> Path:
    """The target of a job, be it a file or a folder, once it is right.

    Args:
        job: the order.
        problem: why the target is not right as it is; None if it is, "" if there is nothing.
        adopt: uses what the user has on this machine, given what names it.
        download: gets it from elsewhere, given what is to be said if that fails.
    """
    local = job.remote.override()
    if local is None and problem(job) is None:  # before the lock: its folder may be read-only
        return job.target
    with locked(job.target):
        if local is not None:
            adopt(job, *local)
        elif (trouble := problem(job)) is not None:  # another process may have been at it
            download(job, cleared(job, trouble))
    return job.target


def _problem(job: Job) -> str | None:
    """Why the target is not right as it is, or None; "" if there is nothing."""
    if job.target.is_dir():
        raise FetchError(f"{job.target}: is a folder, where the file {job.remote.file} shall lie")
    return job.judged(measure(job.target)) if job.target.is_file() else ""


def cleared(job: Job, problem: str, suffix: str = "sha256-mismatch") -> list[str]:
    """Make room for the right file or folder; what was there is kept.

    Returns:
        what is to be said of it if the right one cannot be had.
    """
    if not problem:
        if job.target.is_dir() and not job.target.is_symlink():
            job.target.rmdir()  # it is empty
        else:
            job.target.unlink(missing_ok=True)  # a link to nothing
        return []
    aside = keep_aside(job.target, job.target, suffix=suffix)
    log.warning("%s: %s; it is kept as %s", job.target, problem, aside)
    return [f"{job.target}: {problem}; it is kept as {aside}"]


def _adopt(job: Job, local: Path, named: str) -> None:
    """Use a file of the user's; it stays where it is."""
    if local.is_dir():
        raise FetchError(f"{local}: {named} names this folder, which holds no {job.remote.file}")
    found = measure(local)
    problem = job.judged(found)
    if problem is not None:
        raise FetchError(f"{local} ({named}) {problem}")
    if job.target.is_file():
        if job.target.samefile(local) or measure(job.target) == found:
            return
        if not job.target.is_symlink():  # a link is replaced: what it leads to stays
            cleared(job, job.judged(measure(job.target)) or "is not the named file")
    link_or_copy(local, job.target)


def download_file(job: Job, reasons: list[str], *, judge: bool = True) -> None:
    """Download the target of a job, whose lock is held, from the first mirror that gives it.

    Args:
        job: the order.
        reasons: places that have failed before.
        judge: whether a file is pinned; otherwise only what is known already is enforced.

    Raises:
        FetchError: no mirror gives the file, or the disk has no room.
    """
    for mirror in job.remote.mirrors:
        try:
            _from_mirror(job, mirror, judge=judge)
        except MirrorError as error:
            log.info("%s: %s", shown(mirror), error)
            reasons.append(f"{shown(mirror)}: {error}")
        else:
            return
    raise job.failure(reasons)


def _from_mirror(job: Job, mirror: str, *, judge: bool) -> None:
    """Download, verify and publish; bytes of mixed versions get one more, clean download."""
    expected, partial = job.expected(), Partial(job.target)
    log.info("%s: fetching it from %s", job.target, shown(mirror))
    tries = Tries(job.patience, shown(mirror))
    _transfer(job, mirror, partial, expected, tries)
    problem = _refused(job, partial, expected, judge=judge)
    if problem and partial.source and partial.source.mixed:
        log.info("%s: what was put together %s; beginning anew", job.target, problem)
        partial.discard()
        _transfer(job, mirror, partial, expected, tries)
        problem = _refused(job, partial, expected, judge=judge)
    if problem is None:
        return partial.publish(job.target)
    aside = keep_aside(partial.data, job.aside or job.target, measure(partial.data))
    partial.discard()
    raise MirrorError(f"the file there {problem}; it is kept as {aside}")


def _refused(job: Job, partial: Partial, expected: Expected, *, judge: bool) -> str | None:
    """Why what has come is not the file, None if it is.

    Raises:
        MirrorError: it is no file at all, which nobody wants to keep.
    """
    found = measure(partial.data)
    if expected.sha256 != found.sha256 and (reason := _no_file(partial.data, job, found)):
        partial.discard()
        raise MirrorError(reason)
    return job.judged(found) if judge else expected.problem(found)


def _no_file(path: Path, job: Job, found: Sums) -> str:
    if not found.size and job.remote.size != 0:
        return "sends an empty file"
    with path.open("rb") as stream:
        start = stream.read(1024).removeprefix(codecs.BOM_UTF8).lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html"))
    wanted = job.remote.file.lower().endswith((".html", ".htm", ".xhtml"))
    return "" if wanted or not page else "sends a web page instead of the file"


def _transfer(job: Job, mirror: str, partial: Partial, expected: Expected, tries: Tries) -> None:
    """Complete the partial file by what the mirror's scheme needs."""
    scheme, label = scheme_of(mirror), job.remote.file
    if mirror.startswith(DRIVE_FOLDER):
        raise MirrorError("is a folder, where a file is wanted")
    if scheme in ("http", "https"):
        web.download(mirror, partial, expected, label=label, tries=tries, progress=job.progress)
    elif mirror.startswith(DRIVE_FILE):
        drive.download(
            mirror.removeprefix(DRIVE_FILE),
            partial,
            expected,
            label=label,
            patience=job.patience,
            progress=job.progress,
        )
    else:
        address = tries.persist(lambda: web.address_behind(mirror, job.patience))
        web.download(address, partial, expected, label=label, tries=tries, progress=job.progress)
