"""Whether a file is the expected one, and what happens to one that is not."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ddpg.fetching.errors import FetchError


class Sums(NamedTuple):
    """What a file (or all files of a folder) measures."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is there.

    Attributes:
        size: bytes, or None.
        sha256: 64 digits, or None.
        prefix: the first digits of the sha256, where no more is known.
        accept: what a user does to accept another file instead.
    """

    size: int | None = None
    sha256: str | None = None
    prefix: str = ""
    accept: str = ""

    @property
    def verifiable(self) -> bool:
        """Whether contents can be told apart, not only sizes."""
        return bool(self.sha256 or self.prefix)

    def problem(self, found: Sums) -> str | None:
        """Why a file is not the expected one, or None if it is."""
        right_sum = found.sha256 == (self.sha256 or found.sha256)
        right_size = found.size == (found.size if self.size is None else self.size)
        if right_sum and right_size and found.sha256.startswith(self.prefix):
            return None
        return f"is not the expected file: it has {shown_sums(found)}; expected {self}"

    def __str__(self) -> str:
        size = "any size" if self.size is None else f"{self.size} bytes"
        if self.sha256 or not self.prefix:
            return f"{size}, sha256 {self.sha256 or 'unknown'}"
        return f"{size}, a sha256 that begins with {self.prefix}"


def shown_sums(found: Sums) -> str:
    """Sums in words."""
    return f"{found.size} bytes, sha256 {found.sha256}"


def measure(path: Path) -> Sums:
    """Size and sha256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Sums(stream.tell(), digest)


def measure_folder(folder: Path) -> Sums:
    """Total size of a folder's files, and one sha256 of their names and contents.

    The sha256 is that of the lines ``SHA256  PATH`` (as ``sha256sum`` writes them), sorted by
    path, with ``/`` between its parts. Hidden files are left out: systems leave them everywhere.
    """
    size, lines = 0, []
    for path in files_below(folder):
        found = measure(path)
        size += found.size
        lines.append((path.relative_to(folder).as_posix(), found.sha256))
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines))
    return Sums(size, hashlib.sha256(text.encode()).hexdigest())


def files_below(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, without hidden ones."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [p for p in found if not any(n.startswith(".") for n in p.relative_to(folder).parts)]


def keep_aside(
    path: Path, name: Path, found: Sums | None = None, *, suffix: str = "sha256-mismatch"
) -> Path:
    """Rename what is not wanted to ``NAME.sha256-mismatch``, numbered if that is taken.

    Args:
        path: what to move.
        name: the name that it has, or would have had.
        found: sums of a download; what already lies aside is not kept twice.
        suffix: another word than that.

    Returns:
        where it lies now.
    """
    number = 0
    while True:
        numbered = f"{name.name}.{suffix}" + (f"-{number}" if number else "")
        aside = name.with_name(numbered)
        if not aside.exists() and not aside.is_symlink():
            path.rename(aside)
            return aside
        if found and path != name and _same(aside, found):
            path.unlink()
            return aside
        number += 1


def _same(path: Path, found: Sums) -> bool:
    return path.is_file() and path.stat().st_size == found.size and measure(path) == found


def ensure_space(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        FetchError: with what is needed and what is free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FetchError(
            f"{what}: not enough space in {folder}: {needed} bytes ({human(needed)}) are needed, "
            f"{free} bytes ({human(free)}) are free"
        )


def human(size: float) -> str:
    """Bytes in a unit that people read."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TiB"
