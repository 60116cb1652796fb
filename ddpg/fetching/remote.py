"""A file of the web, as a card describes it."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ddpg.fetching.errors import FetchError, plain

DRIVE_FILE = "gdrive:"
DRIVE_FOLDER = "gdrive-folder:"
SCHEMES = ("http", "https", "gdrive", "gdrive-folder", "doi")
LONGEST_NAME = 200
"""Bytes of a file name; hidden companions of the file add to it, and systems stop at 255."""


@dataclass(frozen=True)
class Remote:
    """A file (or an archive, or a folder of Google Drive) and where it may be had.

    Attributes:
        file: plain name of the file.
        mirrors: where to look, in this order: http(s) addresses, ``gdrive:FILE_ID``,
            ``gdrive-folder:FOLDER_ID``, ``doi:DOI/FILE``.
        size: bytes, None if unknown.
        sha256: 64 hexadecimal digits, None if unknown.
        environment: name of a variable that holds a local path, which overrides the mirrors.
        path: a local path that overrides the mirrors; the variable comes before it.
        sha256_prefix: the first digits of the sha256, where only they are known.

    Raises:
        ValueError: a field is impossible.
    """

    file: str
    mirrors: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None
    environment: str = ""
    path: str = ""
    sha256_prefix: str = ""

    def __post_init__(self) -> None:
        check_name(self.file)
        for mirror in self.mirrors:
            try:
                check_mirror(mirror)
            except ValueError as error:
                raise ValueError(f"{error}, got {mirror!r}") from error
        if self.size is not None and self.size < 0:
            raise ValueError(f"size must be at least 0 bytes, got {self.size!r}")
        if self.sha256 is not None:
            if not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
                raise ValueError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")
            object.__setattr__(self, "sha256", self.sha256.lower())
        if not re.fullmatch(r"[0-9a-f]{0,64}", self.sha256_prefix):
            raise ValueError(
                f"sha256_prefix must be lower-case hexadecimal digits, got {self.sha256_prefix!r}"
            )

    def override(self) -> tuple[Path, str] | None:
        """The local path that replaces the mirrors, and what names it; None if nothing does.

        Where a folder is named, the file is looked for in it; the folder itself is given if it is
        not there.

        Raises:
            FetchError: the path does not exist.
        """
        value = os.environ.get(self.environment, "") if self.environment else ""
        named = f"the environment variable {self.environment}" if value else "the card's path"
        value = value or self.path
        if not value:
            return None
        path = Path(value).expanduser()
        if not path.exists():
            raise FetchError(f"{self.file}: {named} says {value!r}, which does not exist")
        inside = path / self.file
        return (inside if inside.exists() else path), named


def scheme_of(mirror: str) -> str:
    """The part of an address before the first colon, in lower case."""
    return mirror.partition(":")[0].lower()


def shown(mirror: str) -> str:
    """An address without the name and password that it may carry."""
    return plain(re.sub(r"(?<=//)[^/?#]*@", "", mirror))


def check_name(name: str) -> None:
    """Refuse what is no plain file name.

    Raises:
        ValueError: the name, and why.
    """
    odd = any(unicodedata.category(c) in ("Cc", "Cs") or c in "/\\" for c in name)
    if odd or name in ("", ".", "..") or name != name.strip():
        raise ValueError(f"file must be a plain file name, got {name!r}")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"file must be at most {LONGEST_NAME} bytes long, got {name!r}")


def check_mirror(mirror: str) -> str:
    """An address that a card gives, as it is.

    Raises:
        ValueError: nothing can be fetched from it, and why.
    """
    scheme, colon, rest = mirror.partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        raise ValueError(f"mirrors must begin with one of {', '.join(SCHEMES)}")
    if scheme.startswith("gdrive"):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", rest):
            raise ValueError(f"{scheme}: must be followed by an id of Google Drive")
    elif scheme.lower() != "doi" and not _has_host(mirror):
        raise ValueError("mirrors must name a server, with a port up to 65535 if with any")
    return mirror


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        return False
