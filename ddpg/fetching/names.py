"""Names that come from elsewhere, made safe: inside their folder, and no two for one file."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

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
        """Check a name and remember it.

        Args:
            name: a path with ``/`` between its parts.
            folder: whether it is a folder's.

        Returns:
            the relative path; ``.`` for the folder itself.

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
            self._add_file(keys[-1], name)
        return Path(*parts)

    def _add_file(self, key: str, name: str) -> None:
        taken = self._files.get(key) or self._folders.get(key)
        if taken:
            raise UnsafeNameError(f"{name!r} would overwrite {taken!r}")
        self._files[key] = name


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).lower())


def _parts(name: str) -> list[str]:
    """The parts of a safe relative path."""
    if any(unicodedata.category(c) == "Cc" for c in name):
        raise UnsafeNameError(f"{name!r} contains control characters")
    if any(unicodedata.category(c) == "Cs" for c in name):
        raise UnsafeNameError(f"{name!r} is not text in UTF-8")
    if "\\" in name:
        raise UnsafeNameError(f"{name!r} contains a backslash")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise UnsafeNameError(f"{name!r} is an absolute path")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafeNameError(f"{name!r} leads out of its folder ('..')")
    if any(len(part.encode()) > LONGEST_PART for part in parts):
        raise UnsafeNameError(f"{name!r} is longer than {LONGEST_PART} bytes")
    return parts
