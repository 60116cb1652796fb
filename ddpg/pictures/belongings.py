"""The kernel or mask of a picture: a file for all, a file in a folder for each, or words.

Nothing here imports torch or decodes a picture: planning asks for names, sizes and contents.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.contents import content_of, file_content
from ddpg.pictures.drawn_masks import is_mask_word
from ddpg.pictures.kernels import is_word

SUFFIXES = (".npy", ".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".webp")
"""What files of kernels and masks end with."""
_FORMATS = ("PNG", "TIFF", "BMP", "JPEG", "WEBP")
"""What is opened, in Pillow's names, whatever a file is called."""


def is_by_words(given: str) -> bool:
    """Whether a kernel or mask is asked for by words, not by a file or folder.

    >>> is_by_words("disk:4"), is_by_words("kernels/measured.png")
    (True, False)
    """
    return (is_word(given) or is_mask_word(given)) and not Path(given).exists()


def file_of(given: str, image: str) -> Path:
    """The file that holds what belongs to a picture.

    Args:
        given: a file, or a folder with a file named after each picture.
        image: its id.

    Raises:
        UserError: there is none, or more than one.
    """
    path = Path(given)
    if not path.is_dir():
        if not path.is_file():
            raise UserError(f"{given}: no such file or folder")
        return path
    found = _by_name(given, path.stat().st_mtime_ns).get(image, ())
    # An array is exact, and a picture beside it for looking at, as ddpg export writes both.
    found = tuple(name for name in found if name.lower().endswith(".npy")) or found
    if len(found) != 1:
        there = f"has {', '.join(found)}" if found else "has none"
        suffixes = ", ".join(SUFFIXES)
        raise UserError(f"{given}: must hold one file named {image} ({suffixes}), but {there}")
    return path / found[0]


def contents_of(given: str, images: Sequence[str] | None) -> list[str]:
    """What decides about the kernels or masks of some pictures besides the words.

    Args:
        given: words, a file or a folder.
        images: ids; None where they are not known yet, and then a folder counts as a whole.

    Raises:
        UserError: a file is not there.
    """
    if is_by_words(given):
        return []
    if not Path(given).is_dir():
        return [content(file_of(given, ""))]
    if images is None:
        return [content_of(given)]
    return [content(file_of(given, image)) for image in images]


def all_files(given: str) -> list[Path]:
    """The file, or all files of the folder, whatever picture they belong to; none for words."""
    if is_by_words(given):
        return []
    path = Path(given)
    if not path.is_dir():
        return [file_of(given, "")]
    names = _by_name(given, path.stat().st_mtime_ns).values()
    return sorted(path / name for files in names for name in files)


def size_of(file: Path) -> tuple[int, ...]:
    """Height and width of a kernel or mask, from the head of its file.

    Raises:
        UserError: it is not readable.
    """
    status = file.stat()
    return _size(str(file), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _size(file: str, _time: int, _bytes: int) -> tuple[int, ...]:
    from PIL import Image

    try:
        if file.lower().endswith(".npy"):
            from ddpg.pictures.arrays import read_array  # numpy

            shape = read_array(file, mapped=True).shape
            if len(shape) < 2:
                raise UserError(f"{file}: must be two-dimensional, got shape {shape}")
            return shape[:2]
        with Image.open(file, formats=_FORMATS) as picture:
            return picture.height, picture.width
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{file}: cannot be read ({error})") from error


@lru_cache(maxsize=64)
def _by_name(folder: str, _time: int) -> dict[str, tuple[str, ...]]:
    """The names of files of a folder by their stem."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in os.scandir(folder):
        name = Path(entry.name)
        if name.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file():
            found[name.stem] = (*found.get(name.stem, ()), entry.name)
    return {stem: tuple(sorted(names)) for stem, names in found.items()}


def content(file: Path) -> str:
    """The checksum of a file that people name."""
    try:
        return file_content(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
