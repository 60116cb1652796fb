"""A folder of files: of Google Drive, or unpacked from an archive, or a user's own."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ddpg.fetching import drive
from ddpg.fetching.archives import MAX_BYTES, MAX_FILES, unpack_locked
from ddpg.fetching.checks import Sums, keep_aside, measure, measure_folder
from ddpg.fetching.errors import ArchiveError, FetchError, MirrorError
from ddpg.fetching.fetch import Order
from ddpg.fetching.patience import Patience
from ddpg.fetching.remote import DRIVE_FILE, DRIVE_FOLDER, Remote
from ddpg.files.linking import link_or_copy
from ddpg.files.writing import replacing

log = logging.getLogger(__name__)


def fetch_folder(
    remote: Remote,
    target: Path,
    *,
    pins: Path | None,
    key: str | None = None,
    progress: bool = True,
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
        pins, key, progress, patience: as for :func:`ddpg.fetching.fetch.fetch`.
        max_files: the most members that it may hold.

    Raises:
        FetchError: as for :func:`ddpg.fetching.fetch.fetch`.
        ArchiveError: the archive is the expected one, and yet damaged or unsafe.
        UserError: ``pins`` is not a lock file of checksums.
    """
    order = FolderOrder(
        remote, Path(target), pins, key or remote.file, Patience(**patience), progress
    )
    return replace(order, max_bytes=max_bytes, max_files=max_files).fulfil()


@dataclass(frozen=True)
class FolderOrder(Order):
    """A folder that is wanted, see :func:`fetch_folder`."""

    max_bytes: int = MAX_BYTES
    max_files: int = MAX_FILES

    THING = "folder"
    OWN = "folder or the archive"

    @property
    def by_contents(self) -> bool:
        """Whether the checksum is that of the folder's files, not that of an archive."""
        return any(mirror.startswith(DRIVE_FOLDER) for mirror in self.remote.mirrors)

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
        sums = measure_folder(self.target)
        if self.by_contents:
            return self.judged(sums)
        archive, contents = self._origin()
        if archive is None:
            log.info("%s: is there already, and taken as it is", self.target)
            return None
        if sums == contents:
            return self.judged(archive)
        return f"has changed since it was unpacked: it has {sums}; then it had {contents}"

    def adopt(self, local: Path, named: str) -> None:
        """Use a folder or an archive of the user's; it stays where it is."""
        if local.is_dir():
            if self.by_contents and (problem := self.judged(measure_folder(local))):
                raise FetchError(f"{local} ({named}) {problem}")
            if self.target.exists() and self.target.samefile(local):
                return
            self._make_way(named)
            self.origin_file.unlink(missing_ok=True)
            link_or_copy(local, self.target)
            return
        sums, expected = measure(local), self.expected()
        if not self.by_contents and (problem := expected.problem(sums)):
            raise FetchError(f"{local} ({named}) {problem}; {expected.accept}")
        if self._origin()[0] == sums and self.problem() is None:
            return  # unpacked by an earlier run
        self._make_way(named)
        if problem := self._unpacked(local, sums):
            raise FetchError(f"{local} ({named}) {problem}")

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
            problem = self._pinned(measure_folder(self.target))
        else:
            problem = self._from_archive(mirror)
        if problem:
            raise MirrorError(f"the {self.THING} there {problem}")

    def _from_archive(self, mirror: str) -> str:
        """Download, unpack and only then pin and remove an archive; why it is wrong, if it is."""
        archive = self.target.with_name(f".{self.target.name}.download") / self.remote.file
        archive.parent.mkdir(exist_ok=True)
        aside = self.target.with_name(self.remote.file)
        order = replace(self._part(self.remote, archive), aside=aside, final=False)
        if not archive.is_file() or order.expected().problem(measure(archive)):
            order.bring(mirror)  # otherwise an interrupted run has left it
        try:
            problem = self._unpacked(archive, measure(archive))
        except ArchiveError as error:
            archive.unlink()
            if order.expected().verifiable:
                raise
            raise MirrorError(str(error)) from error
        shutil.rmtree(archive.parent)
        return problem

    def _from_drive(self, folder_id: str) -> None:
        """Download a folder file by file; what an interrupted run has completed is kept."""
        files = drive.list_folder(folder_id, self.patience)
        staging = self.target.with_name(f".{self.target.name}.partial")
        staging.mkdir(exist_ok=True)
        for path in [path for path in staging.rglob("*") if path.is_file()]:
            if path.relative_to(staging) not in files and not path.name.startswith("."):
                path.unlink()  # it has left the folder meanwhile
        for name, identity in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if not path.is_file():
                    self._part(Remote(name.name), path).bring(f"{DRIVE_FILE}{identity}")
            except MirrorError as error:
                raise MirrorError(f"{name} in it: {error}") from error
        staging.rename(self.target)

    def _part(self, remote: Remote, target: Path) -> Order:
        """The order of a file of the folder, or of the archive that holds it."""
        if self.by_contents:  # what is demanded is demanded of the whole
            remote = Remote(remote.file)
        pins = None if self.by_contents else self.pins
        return Order(remote, target, pins, self.key, self.patience, self.progress)

    def _unpacked(self, archive: Path, sums: Sums) -> str:
        """Unpack, note of which archive the folder is, and only then pin it.

        What cannot be unpacked must not become what is expected.

        Returns:
            why it is not the right one, and where it is kept, if it is not.
        """
        unpack_locked(archive, self.target, max_bytes=self.max_bytes, max_files=self.max_files)
        contents = measure_folder(self.target)
        with replacing(self.origin_file) as temporary:
            note = {"archive": sums, "contents": contents}
            temporary.write_text(json.dumps(note), encoding="utf-8")
        return self._pinned(contents if self.by_contents else sums)

    def _pinned(self, sums: Sums) -> str:
        """Pin the folder that lies at the target; why it is not the right one, if it is not."""
        if problem := self.judged(sums):
            return f"{problem}; it is kept as {keep_aside(self.target, self.target)}"
        return ""

    def _origin(self) -> tuple[Sums | None, Sums | None]:
        """Sums of the archive that the folder was unpacked from, and of what was in it."""
        try:
            note = json.loads(self.origin_file.read_text(encoding="utf-8"))
            return Sums(*note["archive"]), Sums(*note["contents"])
        except (OSError, ValueError, KeyError, TypeError):  # absent, or not what was written here
            return None, None
