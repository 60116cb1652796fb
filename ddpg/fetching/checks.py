"""Whether a file is the expected one, and what happens to one that is not."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ddpg.files.contents import sha256_of


class Sums(NamedTuple):
    """What a file (or all files of a folder) measures."""

    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.size} bytes, sha256 {self.sha256}"


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is there."""

    size: int | None = None
    sha256: str | None = None
    prefix: str = ""
    """The first digits of the sha256, where no more is known."""
    accept: str = ""
    """What a user does to accept another file instead."""

    @property
    def verifiable(self) -> bool:
        """Whether contents can be told apart, not only sizes."""
        return bool(self.sha256 or self.prefix)

    def problem(self, sums: Sums) -> str | None:
        """Why a file is not the expected one, or None if it is."""
        right = self.size in (None, sums.size) and self.sha256 in (None, sums.sha256)
        if right and sums.sha256.startswith(self.prefix):
            return None
        return f"is not the expected file: it has {sums}; expected {self}"

    def __str__(self) -> str:
        size = "any size" if self.size is None else f"{self.size} bytes"
        if self.sha256 or not self.prefix:
            return f"{size}, sha256 {self.sha256 or 'unknown'}"
        return f"{size}, a sha256 that begins with {self.prefix}"


def measure(path: Path) -> Sums:
    """Size and sha256 of a file."""
    return Sums(path.stat().st_size, sha256_of(path))


def measure_folder(folder: Path) -> Sums:
    """Total size of a folder's files, and one sha256 of their names and contents.

    The sha256 is that of the lines ``SHA256  PATH`` (as ``sha256sum`` writes them), sorted by
    path, with ``/`` between its parts. Hidden files are left out: systems leave them everywhere.
    """
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    sums = {name.as_posix(): measure(folder / name) for name in shown}
    text = "".join(f"{sums[name].sha256}  {name}\n" for name in sorted(sums))
    return Sums(sum(each.size for each in sums.values()), hashlib.sha256(text.encode()).hexdigest())


def keep_aside(
    path: Path, name: Path, sums: Sums | None = None, *, suffix: str = "sha256-mismatch"
) -> Path:
    """Rename what is not wanted to ``NAME.sha256-mismatch``, numbered if taken; the new path.

    Args:
        name: the name that it has, or would have had.
        sums: of a download; what already lies aside is not kept twice.
    """
    number = 0
    while True:
        aside = name.with_name(f"{name.name}.{suffix}" + (f"-{number}" if number else ""))
        if not aside.exists() and not aside.is_symlink():
            path.rename(aside)
            return aside
        if sums and path != name and aside.is_file() and measure(aside) == sums:
            path.unlink()
            return aside
        number += 1


def lack_of_space(folder: Path, needed: int, what: str) -> str:
    """Why the disk cannot hold so many bytes more; nothing if it can."""
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return ""
    return (
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
