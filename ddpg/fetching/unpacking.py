"""What may be written of what comes from elsewhere: inside a folder, safely named, not too much."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import IO, NoReturn

from ddpg.fetching.checks import human, lack_of_space
from ddpg.fetching.errors import ArchiveError, FetchError, plain

BLOCK = 1 << 20
LONGEST_PART = 255
"""Bytes of one part of a path, the limit of all common file systems."""


class UnsafeNameError(ValueError):
    """A name under which nothing may be written; the message shows it and says why."""


class Names:
    """The names of one archive or folder, checked one by one.

    Names are compared as a file system does that knows neither upper nor lower case nor different
    codings of one character, so that a data set is the same wherever it is unpacked.
    """

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, name: str, *, folder: bool = False) -> Path:
        """A checked relative path, from one with ``/`` between its parts; ``.`` for the folder.

        Raises:
            UnsafeNameError: it leads out of the folder, cannot be a file's, or is taken.
        """
        parts = _parts(name)
        if not parts and not folder:
            raise UnsafeNameError(f"{name!r} is no file name")
        keys = [_key("/".join(parts[:n])) for n in range(1, len(parts) + 1)]
        for key in keys if folder else keys[:-1]:
            if key in self._files:
                raise UnsafeNameError(f"{name!r}: {self._files[key]!r} is a file, not a folder")
            self._folders.setdefault(key, name)
        if not folder:
            if taken := self._files.get(keys[-1]) or self._folders.get(keys[-1]):
                raise UnsafeNameError(f"{name!r} would overwrite {taken!r}")
            self._files[keys[-1]] = name
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
            raise UnsafeNameError(f"{name!r} {problem}")
    if any(len(part.encode()) > LONGEST_PART for part in parts):
        raise UnsafeNameError(f"{name!r} is longer than {LONGEST_PART} bytes")
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
        (self.folder / self._member(name, folder=True)).mkdir(parents=True, exist_ok=True)

    def add_file(self, name: str, contents: IO[bytes]) -> None:
        """Write a file."""
        path = self._member(name, folder=False)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            while block := contents.read(BLOCK):
                self._bytes += len(block)
                self.limit(self._members, self._bytes)
                stream.write(block)
        self.files.append(path)

    def _member(self, name: str, *, folder: bool) -> Path:
        """The path of one more member."""
        self._members += 1
        self.limit(self._members, self._bytes)
        try:
            return self._names.add(name, folder=folder)
        except UnsafeNameError as error:
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
