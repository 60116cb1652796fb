"""The pictures of a data set by name: entries, their ids and their order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from pydantic import Field

from ddpg.validation import Identifier, Section, Sha256

SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
"""What a picture's name ends with, in lower or upper case."""


class ImageEntry(Section):
    """One picture of a data set."""

    id: Identifier
    """Key of the picture in every file of the study."""
    file: str = Field(min_length=1)
    """Path of the picture below the source's folder."""
    sha256: Sha256 | None = None
    """Checksum of the file, in lower case; checked when the source is surveyed."""
    label: int | None = Field(default=None, ge=0)
    """Class of the picture, for class-conditional priors."""


def is_picture(name: str) -> bool:
    """Whether a file is a picture, going by its name; hidden files are none."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def stem(file: str) -> str:
    """A path without the suffix of a picture; other dots stay."""
    return str(PurePosixPath(file).with_suffix("")) if is_picture(file) else file


def derived_id(file: str) -> str:
    """The id of a picture that is known by its path: no suffix, ``-`` for ``/``."""
    return "-".join(part for part in PurePosixPath(stem(file)).parts if part not in ("/", "."))


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sorts names with their numbers compared as numbers: 9 before 10, whatever the zeros.

    Names that differ in leading zeros only are told apart by their characters.
    """
    parts = re.split(r"([0-9]+)", name)
    key = tuple((0, int(p), "") if i % 2 else (1, 0, p) for i, p in enumerate(parts) if p)
    return key, name


def folded(name: str) -> str:
    """The same for names that some file system or some eye cannot tell apart."""
    return unicodedata.normalize("NFKC", name).casefold()


def repeated_ids(images: Iterable[ImageEntry]) -> list[str]:
    """Ids that occur twice, upper and lower case alike, each with its files."""
    files: dict[str, list[str]] = {}
    for image in images:
        files.setdefault(folded(image.id), []).append(f"{image.id!r} ({image.file})")
    return [" and ".join(found) for found in files.values() if len(found) > 1]
