"""A file of the web, as the cards of priors and of data sets describe it."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ddpg.errors import FetchError
from ddpg.files.text import plain
from ddpg.validation import PathText, Section, Sha256

DRIVE_FILE = "gdrive:"
DRIVE_FOLDER = "gdrive-folder:"
LONGEST_NAME = 200
"""Bytes of a file name; hidden companions of the file add to it, and systems stop at 255."""


def check_name(name: str) -> str:
    """A plain file name, as it is.

    Raises:
        ValueError: it is none, and why.
    """
    odd = any(unicodedata.category(c) in ("Cc", "Cs") or c in "/\\" for c in name)
    if odd or name in ("", ".", "..") or name != name.strip():
        raise ValueError(f"file must be a plain file name, got {name!r}")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"file must be at most {LONGEST_NAME} bytes long, got {name!r}")
    return name


def _check_mirror(mirror: str) -> str:
    """An address, as it is, unless nothing can be fetched from it."""
    scheme, _, rest = mirror.partition(":")
    if scheme.startswith("gdrive"):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", rest):
            raise ValueError(f"{scheme}: must be followed by an id of Google Drive")
    elif scheme != "doi":
        try:
            parts = urlsplit(mirror)
            served = bool(parts.hostname) and parts.port != 0
        except ValueError:  # brackets that do not close, a port that is none
            served = False
        if not served:
            raise ValueError("mirrors must name a server, with a port up to 65535 if with any")
    return mirror


Mirror = Annotated[
    str, Field(pattern=r"^(https?|doi|gdrive|gdrive-folder):\S+$"), AfterValidator(_check_mirror)
]


class Remote(Section):
    """A file (or an archive, or a folder of Google Drive) and where it may be had.

    Example:
        >>> Remote("photos.zip", ("https://example.org/photos.zip",)).mirrors
        ('https://example.org/photos.zip',)
    """

    file: Annotated[str, Field(pattern=r"^[^/\\]*[^/\\.][^/\\]*$"), AfterValidator(check_name)]
    """Plain name of the file; the suffix of an archive tells its kind."""
    mirrors: tuple[Mirror, ...] = Field(default=(), strict=False)
    """Addresses, tried in order: http(s), gdrive:FILE_ID, gdrive-folder:FOLDER_ID, doi:DOI/FILE."""
    size: int | None = Field(default=None, ge=1)
    """Bytes of the file, if known."""
    sha256: Sha256 | None = None
    """Checksum of the file; without one it is pinned at the first download."""
    path: PathText = ""
    """A file or folder on this machine that is taken instead."""
    environment: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """Environment variable that may name such a file or folder; it comes before the path."""

    def __init__(self, *leading: Any, **fields: Any) -> None:
        super().__init__(**dict(zip(("file", "mirrors"), leading, strict=False)), **fields)

    @property
    def named(self) -> Path | None:
        """What the environment variable names, where it is set."""
        value = os.environ.get(self.environment, "") if self.environment else ""
        return Path(value).expanduser() if value else None

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


class PublishedFile(Remote):
    """A file of whose checksum only the first digits are known."""

    prefix: str = Field(pattern=r"^[0-9a-f]{1,64}$")
    """The first digits of the sha256."""


def shown(mirror: str) -> str:
    """An address without the name and password that it may carry."""
    return plain(re.sub(r"(?<=//)[^/?#]*@", "", mirror))
