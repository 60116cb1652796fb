"""A folder of files: of Google Drive, or unpacked from an archive, or a user's own."""

from __future__ import annotations

import logging
from functools import partial as bound
from pathlib import Path

from ddpg.fetching.archives import MAX_BYTES, MAX_FILES
from ddpg.fetching.checks import measure, measure_folder, shown_sums
from ddpg.fetching.errors import FetchError, MirrorError
from ddpg.fetching.fetch import cleared, ensured
from ddpg.fetching.folder_sources import (
    Limits,
    by_contents,
    from_archive,
    from_drive,
    origin_file,
    origin_of,
    set_aside,
    unpack_noted,
)
from ddpg.fetching.job import Job, guarded
from ddpg.fetching.patience import BACKOFF, RETRIES, TIMEOUT, Patience
from ddpg.fetching.remote import DRIVE_FOLDER, Remote, shown
from ddpg.files.linking import link_or_copy

log = logging.getLogger(__name__)


def fetch_folder(
    remote: Remote,
    target: Path,
    *,
    pins: Path | None,
    key: str | None = None,
    progress: bool = True,
    retries: int = RETRIES,
    timeout: float = TIMEOUT,
    backoff: float = BACKOFF,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
) -> Path:
    """Make sure that a verified folder of files lies at a path.

    An archive is verified by its own size and sha256 before it is unpacked. Where a mirror is a
    folder of Google Drive, size and sha256 are those of all files together, whatever they come
    from: see :func:`ddpg.fetching.checks.measure_folder`. A folder that the user has put there, or
    names, in place of an archive is taken as it is.

    Args:
        remote: an archive, or a folder of Google Drive.
        target: where the folder shall lie.
        pins, key, progress, retries, timeout, backoff: as for :func:`ddpg.fetching.fetch.fetch`.
        max_bytes: the most that an archive may write.
        max_files: the most members that it may hold.

    Returns:
        ``target``.

    Raises:
        FetchError: as for :func:`ddpg.fetching.fetch.fetch`.
        ArchiveError: the archive is the expected one, and yet damaged or unsafe.
        UserError: ``pins`` is not a lock file of checksums.
    """
    patience = Patience(retries, timeout, backoff)
    job = Job(remote, Path(target), pins, key or remote.file, patience, progress, "folder")
    limits = Limits(max_bytes, max_files)
    adopt, download = bound(_adopt, limits=limits), bound(_download, limits=limits)
    return guarded(job, lambda job: ensured(job, _problem, adopt, download))


def _problem(job: Job) -> str | None:
    """Why the target is not right as it is, or None; "" if there is nothing."""
    if not job.target.is_dir():
        return "is a file, where a folder shall lie" if job.target.exists() else ""
    if not any(job.target.iterdir()):
        return ""
    found = measure_folder(job.target)
    if by_contents(job):
        return job.judged(found)
    origin = origin_of(job.target)
    if origin is None:
        log.info("%s: is there already, and taken as it is", job.target)
        return None
    archive, contents = origin
    if found == contents:
        return job.judged(archive)
    return (
        f"has changed since it was unpacked: it has {shown_sums(found)}; "
        f"then it had {shown_sums(contents)}"
    )


def _adopt(job: Job, local: Path, named: str, limits: Limits) -> None:
    """Use a folder or an archive of the user's; it stays where it is."""
    if local.is_file():
        return _adopt_archive(job, local, named, limits)
    if by_contents(job) and (problem := job.judged(measure_folder(local))):
        raise FetchError(f"{local} ({named}) {problem}")
    if job.target.exists():
        if job.target.samefile(local):
            return None
        _make_way(job, named)
    origin_file(job.target).unlink(missing_ok=True)
    link_or_copy(local, job.target)
    return None


def _adopt_archive(job: Job, local: Path, named: str, limits: Limits) -> None:
    found = measure(local)
    expected = job.expected()
    problem = None if by_contents(job) else expected.problem(found)
    if problem is not None:
        raise FetchError(f"{local} ({named}) {problem}; {expected.accept}")
    origin = origin_of(job.target)
    if origin and origin[0] == found and _problem(job) is None:
        return  # unpacked by an earlier run
    if job.target.exists():
        _make_way(job, named)
    unpack_noted(job, local, limits)
    # Only now is it pinned: what cannot be unpacked must not become what is expected.
    if problem := job.judged(measure_folder(job.target) if by_contents(job) else found):
        raise FetchError(f"{local} ({named}) {problem}; {set_aside(job)}")


def _make_way(job: Job, named: str) -> None:
    if job.target.is_symlink():
        job.target.unlink()
    else:
        empty = job.target.is_dir() and not any(job.target.iterdir())
        cleared(job, "" if empty else f"gives way to what {named} says", "replaced")


def _download(job: Job, reasons: list[str], limits: Limits) -> None:
    for mirror in job.remote.mirrors:
        try:
            if mirror.startswith(DRIVE_FOLDER):
                from_drive(job, mirror.removeprefix(DRIVE_FOLDER))
            else:
                from_archive(job, mirror, limits)
            if by_contents(job) and (problem := job.judged(measure_folder(job.target))):
                raise MirrorError(f"the folder there {problem}; {set_aside(job)}")
        except MirrorError as error:
            reasons.append(f"{shown(mirror)}: {error}")
        else:
            return
    raise job.failure(reasons)
