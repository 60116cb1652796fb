"""Where folders come from: archives and folders of Google Drive."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from ddpg.fetching import drive
from ddpg.fetching.archives import MAX_BYTES, MAX_FILES, unpack_locked
from ddpg.fetching.checks import Sums, keep_aside, measure, measure_folder
from ddpg.fetching.errors import ArchiveError, FetchError, MirrorError
from ddpg.fetching.fetch import download_file
from ddpg.fetching.job import Job
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote, shown
from ddpg.files.writing import replacing


@dataclass(frozen=True)
class Limits:
    """How much an archive may write."""

    max_bytes: int = MAX_BYTES
    max_files: int = MAX_FILES


def by_contents(job: Job) -> bool:
    """Whether the checksum is that of the folder's files."""
    return any(mirror.startswith(DRIVE_FOLDER) for mirror in job.remote.mirrors)


def from_archive(job: Job, mirror: str, limits: Limits) -> None:
    """Download an archive into a hidden folder, unpack it, and only then pin and remove it."""
    work = job.target.with_name(f".{job.target.name}.download")
    work.mkdir(exist_ok=True)
    card = replace(job.remote, mirrors=(mirror,))
    if by_contents(job):
        card = replace(card, size=None, sha256=None, sha256_prefix="")
    pins = None if by_contents(job) else job.pins
    order = replace(job, remote=card, target=work / card.file, pins=pins, thing="file")
    order = replace(order, aside=job.target.with_name(card.file))
    found = _downloaded(order)
    try:
        unpack_noted(job, order.target, limits)
    except ArchiveError as error:
        order.target.unlink()
        if order.expected().verifiable:
            raise
        raise MirrorError(str(error)) from error
    if pins is not None and (problem := order.judged(found)):
        raise MirrorError(f"the file there {problem}; {set_aside(job)}")
    shutil.rmtree(work)


def from_drive(job: Job, folder_id: str) -> None:
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


def unpack_noted(job: Job, archive: Path, limits: Limits) -> None:
    """Unpack, and note of which archive the folder is."""
    unpack_locked(archive, job.target, max_bytes=limits.max_bytes, max_files=limits.max_files)
    note_origin(job.target, measure(archive))


def set_aside(job: Job) -> str:
    """Move the folder away, and say where to."""
    return f"it is kept as {keep_aside(job.target, job.target)}"


def note_origin(folder: Path, archive: Sums) -> None:
    """Write down the sums of the archive and of what is in the folder now."""
    sums = {"archive": archive, "contents": measure_folder(folder)}
    with replacing(origin_file(folder)) as temporary:
        temporary.write_text(json.dumps(sums), encoding="utf-8")


def origin_file(folder: Path) -> Path:
    """Where the note lies."""
    return folder.with_name(f".{folder.name}.origin.json")


def origin_of(folder: Path) -> tuple[Sums, Sums] | None:
    """Sums of the archive that a folder was unpacked from, and of what was in it, if noted."""
    try:
        noted = json.loads(origin_file(folder).read_text(encoding="utf-8"))
        return Sums(*noted["archive"]), Sums(*noted["contents"])
    except (OSError, ValueError, KeyError, TypeError):  # absent, or not what this program wrote
        return None
