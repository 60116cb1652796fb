"""What may be written of what comes from elsewhere: inside a folder, safely named, not too much."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import IO, NoReturn

from ddpg.errors import FetchError, UserError
from ddpg.files.text import plain
from ddpg.machine.disk import human, lack_of_space

BLOCK = 1 << 20
LONGEST_PART = 255
"""Bytes of one part of a path, the limit of all common file systems."""


class ArchiveError(UserError):
    """An archive that is damaged, or holds what must not be unpacked."""

    def __init__(self, message: str) -> None:
        super().__init__(plain(message, 2000))


class Names:
    """The names of one archive or folder, checked one by one.

    Names are compared as a file system does that knows neither upper nor lower case nor different
    codings of one character, so that a data set is the same wherever it is unpacked.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, bool]] = {}

    def add(self, name: str, *, folder: bool = False) -> Path:
        """A checked relative path, from one with ``/`` between its parts; ``.`` for the folder.

        Raises:
            ValueError: it leads out of the folder, cannot be a file's, or is taken; the message
                shows it and says why.
        """
        parts = _parts(name)
        if not parts and not folder:
            raise ValueError(f"{name!r} is no file name")
        for n in range(1, len(parts) + 1):
            key, wanted_folder = _key("/".join(parts[:n])), folder or n < len(parts)
            if key not in self._taken:
                self._taken[key] = (name, wanted_folder)
                continue
            taken, is_folder = self._taken[key]
            if not wanted_folder:
                raise ValueError(f"{name!r} would overwrite {taken!r}")
            if not is_folder:
                raise ValueError(f"{name!r}: {taken!r} is a file, not a folder")
        return Path(*parts)


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).lower())


def _parts(name: str) -> list[str]:
    """The parts of a safe relative path."""
    categories = {unicodedata.category(character) for character in name}
    parts = [part for part in name.split("/") if part not in ("", ".")]
    problems = {
        "contains control characters": "Cc" in categories,
        "is not text in UTF-8": "Cs" in categories,
        "contains a backslash": "\\" in name,
        "is an absolute path": name.startswith("/") or re.match(r"[A-Za-z]:", name),
        "leads out of its folder ('..')": ".." in parts,
    }
    for problem, present in problems.items():
        if present:
            raise ValueError(f"{name!r} {problem}")
    if any(len(part.encode()) > LONGEST_PART for part in parts):
        raise ValueError(f"{name!r} is longer than {LONGEST_PART} bytes")
    return parts


class Writer:
    """Writes members of an archive, which messages name, below a folder, within limits."""

    def __init__(self, archive: Path, folder: Path, max_bytes: int, max_files: int) -> None:
        self.archive, self.folder = archive, folder
        self.max_bytes, self.max_files = max_bytes, max_files
        self.files: list[Path] = []
        self._names = Names()
        self._members = self._bytes = 0

    def announce(self, members: int, size: int) -> None:
        """Refuse what the archive itself says is too much, before anything is written."""
        self.limit(members, size)
        if problem := lack_of_space(self.folder, size, str(self.archive)):
            raise FetchError(problem)

    def add_folder(self, name: str) -> None:
        """Make a folder."""
        self._member(name, folder=True).mkdir(parents=True, exist_ok=True)

    def add_file(self, name: str, contents: IO[bytes]) -> None:
        """Write a file."""
        target = self._member(name, folder=False)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            while block := contents.read(BLOCK):
                self._bytes += len(block)
                self.limit(self._members, self._bytes)
                stream.write(block)
        self.files.append(target.relative_to(self.folder))

    def _member(self, name: str, *, folder: bool) -> Path:
        """The path of one more member."""
        self._members += 1
        self.limit(self._members, self._bytes)
        try:
            return self.folder / self._names.add(name, folder=folder)
        except ValueError as error:
            self.refuse(plain(error, 1000))

    def limit(self, members: int, size: int) -> None:
        """Refuse an archive of more members, or more bytes, than may be."""
        if members > self.max_files:
            self.refuse(f"holds more than {self.max_files} members")
        if size > self.max_bytes:
            self.refuse(f"unpacks to more than {self.max_bytes} bytes ({human(self.max_bytes)})")

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the archive."""
        raise ArchiveError(f"{self.archive}: {reason}; nothing was unpacked")
