"""A folder of files: of Google Drive, or unpacked from an archive, or a user's own."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass, replace
from functools import partial as bound
from pathlib import Path

from ddpg.fetching import drive
from ddpg.fetching.archives import MAX_BYTES, MAX_FILES, unpack_locked
from ddpg.fetching.checks import Sums, keep_aside, measure, measure_folder, shown_sums
from ddpg.fetching.errors import ArchiveError, FetchError, MirrorError
from ddpg.fetching.fetch import cleared, download_file, ensured
from ddpg.fetching.job import Job, guarded
from ddpg.fetching.patience import BACKOFF, RETRIES, TIMEOUT, Patience
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote, shown
from ddpg.files.linking import link_or_copy
from ddpg.files.writing import replacing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much an archive may write."""

    max_bytes: int = MAX_BYTES
    max_files: int = MAX_FILES


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
    if _by_contents(job):
        return job.judged(found)
    origin = _origin_of(job.target)
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
    if _by_contents(job) and (problem := job.judged(measure_folder(local))):
        raise FetchError(f"{local} ({named}) {problem}")
    if job.target.exists():
        if job.target.samefile(local):
            return None
        _make_way(job, named)
    _origin_file(job.target).unlink(missing_ok=True)
    link_or_copy(local, job.target)
    return None


def _adopt_archive(job: Job, local: Path, named: str, limits: Limits) -> None:
    found = measure(local)
    expected = job.expected()
    problem = None if _by_contents(job) else expected.problem(found)
    if problem is not None:
        raise FetchError(f"{local} ({named}) {problem}; {expected.accept}")
    origin = _origin_of(job.target)
    if origin and origin[0] == found and _problem(job) is None:
        return  # unpacked by an earlier run
    if job.target.exists():
        _make_way(job, named)
    _unpack_noted(job, local, limits)
    # Only now is it pinned: what cannot be unpacked must not become what is expected.
    if problem := job.judged(measure_folder(job.target) if _by_contents(job) else found):
        raise FetchError(f"{local} ({named}) {problem}; {_set_aside(job)}")


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
                _from_drive(job, mirror.removeprefix(DRIVE_FOLDER))
            else:
                _from_archive(job, mirror, limits)
            if _by_contents(job) and (problem := job.judged(measure_folder(job.target))):
                raise MirrorError(f"the folder there {problem}; {_set_aside(job)}")
        except MirrorError as error:
            reasons.append(f"{shown(mirror)}: {error}")
        else:
            return
    raise job.failure(reasons)


def _by_contents(job: Job) -> bool:
    """Whether the checksum is that of the folder's files."""
    return any(mirror.startswith(DRIVE_FOLDER) for mirror in job.remote.mirrors)


def _from_archive(job: Job, mirror: str, limits: Limits) -> None:
    """Download an archive into a hidden folder, unpack it, and only then pin and remove it."""
    work = job.target.with_name(f".{job.target.name}.download")
    work.mkdir(exist_ok=True)
    card = replace(job.remote, mirrors=(mirror,))
    if _by_contents(job):
        card = replace(card, size=None, sha256=None, sha256_prefix="")
    pins = None if _by_contents(job) else job.pins
    order = replace(job, remote=card, target=work / card.file, pins=pins, thing="file")
    order = replace(order, aside=job.target.with_name(card.file))
    found = _downloaded(order)
    try:
        _unpack_noted(job, order.target, limits)
    except ArchiveError as error:
        order.target.unlink()
        if order.expected().verifiable:
            raise
        raise MirrorError(str(error)) from error
    if pins is not None and (problem := order.judged(found)):
        raise MirrorError(f"the file there {problem}; {_set_aside(job)}")
    shutil.rmtree(work)


def _from_drive(job: Job, folder_id: str) -> None:
    """Download a folder file by file; what an interrupted run has completed is kept."""
    files = drive.list_folder(folder_id, job.patience)
    staging = job.target.with_name(f".{job.target.name}.partial")

    def fetch_one(file: drive.DriveFile, path: Path) -> None:
        card = Remote(file.path.name, (f"{DRIVE_FILE}{file.id}",))
        order = replace(job, remote=card, target=path, pins=None, thing="file")
        try:
            _from_one_mirror(order, judge=True)
        except MirrorError as error:
            raise MirrorError(f"{file.path} in it: {error}") from error

    drive.download_files(files, staging, fetch_one)
    staging.rename(job.target)


def _downloaded(order: Job) -> Sums:
    """The archive of an order; one that an interrupted run has left is used."""
    if order.target.is_file():
        found = measure(order.target)
        if order.expected().problem(found) is None:
            return found
    _from_one_mirror(order, judge=False)
    return measure(order.target)


def _from_one_mirror(order: Job, *, judge: bool) -> None:
    """Download a part of a folder; its failure is the mirror's."""
    try:
        download_file(order, [], judge=judge)
    except FetchError as error:
        if not error.reasons:  # the disk, not the mirror
            raise
        (mirror,) = order.remote.mirrors
        raise MirrorError(error.reasons[0].removeprefix(f"{shown(mirror)}: ")) from error


def _unpack_noted(job: Job, archive: Path, limits: Limits) -> None:
    """Unpack, and note of which archive the folder is."""
    unpack_locked(archive, job.target, max_bytes=limits.max_bytes, max_files=limits.max_files)
    _note_origin(job.target, measure(archive))


def _set_aside(job: Job) -> str:
    """Move the folder away, and say where to."""
    return f"it is kept as {keep_aside(job.target, job.target)}"


def _note_origin(folder: Path, archive: Sums) -> None:
    """Write down the sums of the archive and of what is in the folder now."""
    sums = {"archive": archive, "contents": measure_folder(folder)}
    with replacing(_origin_file(folder)) as temporary:
        temporary.write_text(json.dumps(sums), encoding="utf-8")


def _origin_file(folder: Path) -> Path:
    """Where the note lies."""
    return folder.with_name(f".{folder.name}.origin.json")


def _origin_of(folder: Path) -> tuple[Sums, Sums] | None:
    """Sums of the archive that a folder was unpacked from, and of what was in it, if noted."""
    try:
        noted = json.loads(_origin_file(folder).read_text(encoding="utf-8"))
        return Sums(*noted["archive"]), Sums(*noted["contents"])
    except (OSError, ValueError, KeyError, TypeError):  # absent, or not what this program wrote
        return None
