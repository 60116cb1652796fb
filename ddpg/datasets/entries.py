"""The pictures of a data set by name: entries, their ids and their order."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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

_TOLD = 10
"""How many pictures of a list are named in one message."""

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


def file_problem(name: str) -> str | None:
    """Why a path cannot name a file below its folder, or None; see :func:`name_problem`."""
    return name_problem(name) or (None if PurePosixPath(name).parts else "names no file")


def _inside(name: str) -> str:
    """A path of a file that lies below its folder."""
    problem = file_problem(name)
    if problem:
        raise ValueError(problem)
    return name


PathInside = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A path of a file that stays below the folder to which it is relative."""


class ImageEntry(Section):
    """One picture of a data set."""

    id: Identifier
    """Key of the picture in every file of the study."""
    file: PathInside
    """Path of the picture below the source's folder."""
    sha256: Sha256 | None = None
    """Checksum of the file; checked when the source is surveyed."""
    label: int | None = Field(default=None, ge=0)
    """Class of the picture, for class-conditional priors."""


ARRAY = ".npy"
"""What the name of an array ends with, which an observation may be."""


def is_picture(name: str, *, arrays: bool = False) -> bool:
    """Whether a file is a picture, going by its name; hidden files are none.

    Args:
        arrays: whether an array counts as one.
    """
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    return (suffix in SUFFIXES or (arrays and suffix == ARRAY)) and not path.name.startswith(".")


def kind_of(name: str) -> str:
    """What a file's name ends with, in lower case, or words for nothing."""
    return PurePosixPath(name).suffix.lower() or "no suffix"


def stem(file: str) -> str:
    """A path without the suffix of a picture or array; other dots stay."""
    return str(PurePosixPath(file).with_suffix("")) if is_picture(file, arrays=True) else file


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
    return name if is_identifier(name) else _marked(file)


def made_ids(files: Iterable[str]) -> dict[str, str]:
    """The ids of the pictures of a folder, by file: of each :func:`made_id`, with a mark where
    several would have one, upper and lower case alike.

    Example:
        >>> made_ids(["2.png", "1.png", "1.jpg"])
        {'2.png': '2', '1.png': '1-9461eefa', '1.jpg': '1-4c468b3b'}
    """
    ids = {file: made_id(file) for file in files}
    count = Counter(map(folded, ids.values()))
    return {file: _marked(file) if count[folded(name)] > 1 else name for file, name in ids.items()}


def _marked(file: str) -> str:
    """Letters and digits of a name, and a mark made of the whole."""
    same = unicodedata.normalize("NFC", file)  # systems differ in how they write one letter
    mark = hashlib.sha256(os.fsencode(same)).hexdigest()[:_MARKED]
    plain = unicodedata.normalize("NFKD", derived_id(file)).encode("ascii", "ignore").decode()
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
    return [" and ".join(found) for found in files.values() if len(found) > 1]


def entry_problems(images: Sequence[ImageEntry]) -> Iterator[str]:
    """What is wrong with the pictures of a list among each other, in a few lines.

    Ids and files must be unique, upper and lower case of ids alike; all have a class or none has.
    """
    if repeated := repeated_ids(images):
        yield (
            f"ids must be unique, upper and lower case alike; repeated: {_first(repeated, '; ')}"
        )
    ids: dict[str, list[str]] = {}
    for image in images:
        ids.setdefault(PurePosixPath(image.file).as_posix(), []).append(image.id)
    if repeated := [f"{file} ({', '.join(each)})" for file, each in ids.items() if len(each) > 1]:
        yield f"every file may be listed once; repeated: {_first(repeated, '; ')}"
    without = [image.id for image in images if image.label is None]
    if 0 < len(without) < len(images):
        yield (
            f"label: {len(without)} of {len(images)} pictures have none, {_first(without, ', ')}; "
            "all pictures have one or none has"
        )


def _first(items: Sequence[str], separator: str) -> str:
    """The first of many, in words."""
    more = f"{separator}and {len(items) - _TOLD} more" if len(items) > _TOLD else ""
    return separator.join(items[:_TOLD]) + more
