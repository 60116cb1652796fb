"""A folder of files: of Google Drive, or unpacked from an archive, or a user's own."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddpg.archives import ArchiveError
from ddpg.archives.reading import MAX_BYTES, MAX_FILES, unpack
from ddpg.errors import FetchError
from ddpg.fetching import drive
from ddpg.fetching.checks import Expected, Sums, measure, measure_folder
from ddpg.fetching.errors import MirrorError
from ddpg.fetching.fetch import Order, bring
from ddpg.fetching.incoming import Incoming, Patience
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote
from ddpg.files.linking import keep_aside, link_or_copy
from ddpg.files.writing import write_json

log = logging.getLogger(__name__)


def fetch_folder(
    remote: Remote,
    target: Path,
    *,
    pins: Path | None,
    key: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
    **patience: Any,
) -> Path:
    """Make sure that a verified folder of files lies at ``target``, which is returned.

    An archive is verified by its own size and sha256 before it is unpacked. Where a mirror is a
    folder of Google Drive, size and sha256 are those of all files together, whatever they come
    from: see :func:`ddpg.fetching.checks.measure_folder`. A folder that the user has put there, or
    names, in place of an archive is taken as it is.

    Args:
        remote: an archive, or a folder of Google Drive.
        pins, key, patience: as for :func:`ddpg.fetching.fetch.fetch`.
        max_files: the most members that it may hold.

    Raises:
        FetchError: as for :func:`ddpg.fetching.fetch.fetch`.
        ArchiveError: the archive is the expected one, and yet damaged or unsafe.
        UserError: ``pins`` is not a lock file of checksums.
    """
    key, insistence = key or remote.file, Patience(**patience)
    order = FolderOrder(remote, pins, key, Path(target), insistence, max_bytes, max_files)
    return order.fulfil()


@dataclass(frozen=True)
class FolderOrder(Order):
    """A folder that is wanted, see :func:`fetch_folder`."""

    max_bytes: int
    max_files: int

    THING = "folder"
    OWN = "folder or the archive"

    @property
    def by_contents(self) -> bool:
        """Whether the checksum is that of the folder's files, not that of an archive."""
        return any(mirror.startswith(DRIVE_FOLDER) for mirror in self.remote.mirrors)

    @property
    def archive_expected(self) -> Expected:
        """What is demanded of an archive."""
        return Expected() if self.by_contents else self.expected()

    @property
    def origin_file(self) -> Path:
        """Where it is noted of which archive the folder is."""
        return self.target.with_name(f".{self.target.name}.origin.json")

    def problem(self) -> str | None:
        """Why the target is not right as it is, or None; "" if there is nothing."""
        if not self.target.is_dir():
            return "is a file, where a folder shall lie" if self.target.exists() else ""
        if not any(self.target.iterdir()):
            return ""
        if self.by_contents:
            return self.judged(measure_folder(self.target))
        archive, contents = self._origin()
        if archive is None:
            log.info("%s: is there already, and taken as it is", self.target)
            return None
        if (sums := measure_folder(self.target)) != contents:
            return f"has changed since it was unpacked: it has {sums}; then it had {contents}"
        return self.judged(archive)

    def adopt(self, local: Path, named: str) -> None:
        """Use a folder or an archive of the user's; it stays where it is."""
        if local.is_dir():
            problem = self.judged(measure_folder(local)) if self.by_contents else None
        else:
            sums = measure(local)
            problem = self.archive_expected.problem(sums)
        if problem:
            raise FetchError(f"{local} ({named}) {problem}")
        if local.is_dir():
            if not self.target.exists() or not self.target.samefile(local):
                self._make_way(named)
                self.origin_file.unlink(missing_ok=True)
                link_or_copy(local, self.target)
        elif self._origin()[0] != sums or self.problem() is not None:  # else of an earlier run
            self._make_way(named)
            try:
                self._unpack(local, sums)
            except MirrorError as error:
                raise FetchError(f"{local} ({named}): {error}") from error

    def _make_way(self, named: str) -> None:
        if self.target.is_symlink():
            self.target.unlink()
        elif self.target.exists():
            empty = self.target.is_dir() and not any(self.target.iterdir())
            self.cleared("" if empty else f"gives way to what {named} says", "replaced")

    def bring(self, mirror: str) -> None:
        """Download a folder, or an archive into a hidden folder, from which it is unpacked."""
        if mirror.startswith(DRIVE_FOLDER):
            self._from_drive(mirror.removeprefix(DRIVE_FOLDER))
        else:
            self._from_archive(mirror)

    def _from_archive(self, mirror: str) -> None:
        """Download, unpack and only then pin and remove an archive."""
        name, expected = self.remote.file, self.archive_expected
        archive = self.target.with_name(f".{self.target.name}.download") / name
        archive.parent.mkdir(exist_ok=True)
        if not archive.is_file() or expected.problem(measure(archive)):
            incoming = Incoming(archive, mirror, name, expected, self.patience)
            bring(incoming, expected.problem, self.target.with_name(name))
        try:  # to unpack what has come, or what an interrupted run has left
            self._unpack(archive, measure(archive))
        except (ArchiveError, MirrorError) as error:  # another attempt would end the same way
            shutil.rmtree(archive.parent)
            if expected.digits or isinstance(error, MirrorError):
                raise
            raise MirrorError(str(error)) from error
        shutil.rmtree(archive.parent)

    def _from_drive(self, folder_id: str) -> None:
        """Download a folder file by file; what an interrupted run has completed is kept."""
        files = drive.list_folder(folder_id, self.patience)
        staging = self.target.with_name(f".{self.target.name}.partial")
        staging.mkdir(exist_ok=True)
        for path in [path for path in staging.rglob("*") if path.is_file()]:
            if path.relative_to(staging) not in files and not path.name.startswith("."):
                path.unlink()  # it has left the folder meanwhile
        any_file = Expected()  # what is demanded is demanded of the whole
        for name, identity in files.items():
            path = staging / name
            if path.is_file():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            mirror = f"{DRIVE_FILE}{identity}"
            try:
                bring(
                    Incoming(path, mirror, path.name, any_file, self.patience),
                    any_file.problem,
                    path,
                )
            except MirrorError as error:
                raise MirrorError(f"{name} in it: {error}") from error
        staging.rename(self.target)
        self._pin(measure_folder(self.target))

    def _unpack(self, archive: Path, sums: Sums) -> None:
        """Unpack, note of which archive the folder is, and only then pin it.

        What cannot be unpacked must not become what is expected.
        """
        unpack(archive, self.target, max_bytes=self.max_bytes, max_files=self.max_files)
        contents = measure_folder(self.target)
        write_json(self.origin_file, {"archive": sums, "contents": contents})
        self._pin(contents if self.by_contents else sums)

    def _pin(self, sums: Sums) -> None:
        """Pin the folder that lies at the target, unless it is not the right one."""
        if problem := self.judged(sums):
            aside = keep_aside(self.target, self.target)
            raise MirrorError(f"the folder there {problem}; it is kept as {aside}")

    def _origin(self) -> tuple[Sums | None, Sums | None]:
        """Sums of the archive that the folder was unpacked from, and of what was in it."""
        try:
            note = json.loads(self.origin_file.read_text(encoding="utf-8"))
            return Sums(*note["archive"]), Sums(*note["contents"])
        except (OSError, ValueError, KeyError, TypeError):  # absent, or not what was written here
            return None, None
