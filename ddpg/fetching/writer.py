"""What an archive may write: inside a folder, under safe names, within limits."""

from __future__ import annotations

from pathlib import Path
from typing import IO, NoReturn

from ddpg.fetching.checks import ensure_space, human
from ddpg.fetching.errors import ArchiveError, plain
from ddpg.fetching.names import Names, UnsafeNameError

BLOCK = 1 << 20


class Writer:
    """Writes members below a folder, within limits.

    Args:
        archive: named in messages.
        folder: where to.
        max_bytes, max_files: the limits.
    """

    def __init__(self, archive: Path, folder: Path, max_bytes: int, max_files: int) -> None:
        self.archive, self.folder = archive, folder
        self.max_bytes, self.max_files = max_bytes, max_files
        self.files: list[Path] = []
        self._names = Names()
        self._members = self._bytes = 0

    def announce(self, members: int, size: int) -> None:
        """Refuse what the archive itself says is too much, before anything is written."""
        if members > self.max_files:
            self.too_many()
        if size > self.max_bytes:
            self.too_large()
        ensure_space(self.folder, size, str(self.archive))

    def add_folder(self, name: str) -> None:
        """Make a folder."""
        self._count()
        (self.folder / self._checked(name, folder=True)).mkdir(parents=True, exist_ok=True)

    def add_file(self, name: str, contents: IO[bytes]) -> None:
        """Write a file."""
        self._count()
        path = self._checked(name, folder=False)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            while block := contents.read(BLOCK):
                self._bytes += len(block)
                if self._bytes > self.max_bytes:
                    self.too_large()
                stream.write(block)
        self.files.append(path)

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Refuse a member, and with it the archive."""
        member = plain(repr(name))
        raise ArchiveError(f"{self.archive}: {member} {reason}; nothing was unpacked")

    def _checked(self, name: str, *, folder: bool) -> Path:
        try:
            return self._names.add(name, folder=folder)
        except UnsafeNameError as error:
            reason = plain(error, 1000)
            raise ArchiveError(f"{self.archive}: {reason}; nothing was unpacked") from error

    def _count(self) -> None:
        self._members += 1
        if self._members > self.max_files:
            self.too_many()

    def too_many(self) -> NoReturn:
        """Refuse an archive of too many members."""
        raise ArchiveError(
            f"{self.archive}: holds more than {self.max_files} members; nothing was unpacked"
        )

    def too_large(self) -> NoReturn:
        """Refuse an archive of too many bytes."""
        raise ArchiveError(
            f"{self.archive}: unpacks to more than {self.max_bytes} bytes "
            f"({human(self.max_bytes)}); nothing was unpacked"
        )
