"""The pictures of a data set by name: entries, their ids and their order."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from ddpg.validation import Identifier, Section, Sha256, is_identifier

SUFFIXES = (
    *(".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".icb", ".j2c", ".j2k", ".jfif", ".jp2"),
    *(".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pcx", ".pgm", ".png"),
    *(".pnm", ".ppm", ".qoi", ".tga", ".tif", ".tiff", ".vda", ".vst", ".webp"),
)
"""What a picture's name ends with, in lower or upper case: the suffixes of
:data:`ddpg.images.FORMATS`."""

_MARKED = 8
"""Digits that mark an id which is not just the name."""


def name_problem(name: str) -> str | None:
    """Why a path cannot name a picture below its folder, or None.

    Lists are passed on, and come in archives: what they name must lie in their folder, on every
    system, and a name must survive in a table of lines in UTF-8.

    Example:
        >>> name_problem("photos/IMG (1).jpg")
        >>> name_problem("../secret.png")
        "leads out of its folder ('..')"
    """
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is an absolute path, not one below its folder"
    if "\\" in name:
        return "has a backslash; folders are told apart by /"
    if ".." in PurePosixPath(name).parts:
        return "leads out of its folder ('..')"
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "is not text in UTF-8"
    if categories & {"Cc", "Zl", "Zp"}:
        return "has control characters or line breaks"
    return None


def _inside(name: str) -> str:
    """A path that lies below its folder, as it is."""
    if problem := name_problem(name):
        raise ValueError(problem)
    return name


PathInside = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A path that stays below the folder to which it is relative."""


class ImageEntry(Section):
    """One picture of a data set."""

    id: Identifier
    """Key of the picture in every file of the study."""
    file: PathInside
    """Path of the picture below the source's folder."""
    sha256: Sha256 | None = None
    """Checksum of the file, in lower case; checked when the source is surveyed."""
    label: int | None = Field(default=None, ge=0)
    """Class of the picture, for class-conditional priors."""


def is_picture(name: str) -> bool:
    """Whether a file is a picture, going by its name; hidden files are none."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def kind_of(name: str) -> str:
    """What a file's name ends with, in lower case, or words for nothing."""
    return PurePosixPath(name).suffix.lower() or "no suffix"


def stem(file: str) -> str:
    """A path without the suffix of a picture; other dots stay."""
    return str(PurePosixPath(file).with_suffix("")) if is_picture(file) else file


def derived_id(file: str) -> str:
    """The id of a picture that is known by its path: no suffix, ``-`` for ``/``."""
    return "-".join(part for part in PurePosixPath(stem(file)).parts if part not in ("/", "."))


def made_id(file: str) -> str:
    """An id for a picture of any name: the derived one, where it may be an id.

    Otherwise it is what letters and digits of the name can be kept, with a mark made of the whole
    name: so no two names have one id, and a picture's does not depend on the others.

    Example:
        >>> made_id("a/b.png")
        'a-b'
        >>> made_id("IMG (1).jpg"), made_id("Müller.jpg")
        ('IMG_1-da5ffd25', 'Muller-d7c7a145')
    """
    name = derived_id(file)
    if is_identifier(name):
        return name
    same = unicodedata.normalize("NFC", file)  # systems differ in how they write one letter
    mark = hashlib.sha256(os.fsencode(same)).hexdigest()[:_MARKED]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9.+-]+", "_", plain).lstrip("._+-")[: 99 - _MARKED].rstrip("._+-")
    return f"{words}-{mark}" if words else f"picture-{mark}"


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
    return [" and ".join(alike) for alike in files.values() if len(alike) > 1]
