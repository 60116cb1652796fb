"""What a file holds, as a checksum that is computed once and remembered.

A job's spec names files that decide its result by what they hold, never by name or time alone: a
date can be set back, and a retrained checkpoint has the name of the old one. A checksum costs a
second per gigabyte, and the Snakefile asks at every parse, so it is remembered under the file's
size, inode, and times of modification and of change; the latter cannot be set by hand. A file that
was written a moment ago is never remembered: it may change again within the clock's step.

Nothing here imports torch.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from ddpg.files.writing import write_json

REMEMBERED = Path(".snakemake/ddpg/contents.json")
"""Below the folder in which Snakemake runs; removing it costs time only."""
PAUSE = 1.0
"""Seconds between two times that checksums are written down; the last are, when Python ends."""
SETTLED = 2.0
"""Seconds after its last change from which a file's checksum is remembered."""

Known = TypeVar("Known")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file as it is now, 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_content(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, remembered as long as the file seems unchanged.

    Raises:
        OSError: the file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "weights")
        ...     _ = path.write_bytes(b"abc")
        ...     file_content(path)[:8]
        'ba7816bf'
    """
    return _content(Path(path))


def content_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, or of a folder: of the names and contents of all files below it.

    Hidden files and folders are left out: other programs put theirs there.

    Raises:
        OSError: it does not exist, or a file cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        return file_content(path)
    digest = hashlib.sha256()
    for file in _files_below(path):
        name = file.relative_to(path).as_posix()
        digest.update(os.fsencode(name) + b"\0" + bytes.fromhex(file_content(file)))
    return digest.hexdigest()


def digest_of(content: object) -> str:
    """Hash plain values, mappings whatever their order; 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _files_below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files_below(entry)
        else:
            yield entry


class Memory(Generic[Known]):
    """What this process and those before it found out, kept where Snakemake runs.

    Args:
        file: a JSON file in a folder of ``.snakemake``; removing it costs time only.
        checked: an entry from what was read; ValueError or TypeError where it is none.
        most: entries, of which what was found out first goes first; None for all, where new ones
            take the place of old ones.
    """

    def __init__(
        self, file: Path, checked: Callable[[Any], Known], most: int | None = None
    ) -> None:
        self.file, self.checked, self.most = file, checked, most
        self.known = self._read()
        self.pending, self.kept = False, -math.inf
        atexit.register(self._keep)

    def add(self, key: str, found: Known) -> None:
        """Remember something, as plain values."""
        self.known[key] = found
        self.pending = True
        if time.monotonic() - self.kept >= PAUSE:
            self._keep()

    def _keep(self) -> None:
        """Write what is known; where the folder cannot be written, it is computed each time."""
        if not self.pending or not self.file.parent.parent.is_dir():
            return  # nothing new, or not where Snakemake runs
        self.pending, self.kept = False, time.monotonic()
        # Another process may have written meanwhile; what it found is as good.
        self.known = {**self._read(), **self.known}
        if self.most is not None:
            for oldest in list(self.known)[: -self.most]:
                del self.known[oldest]
        try:
            write_json(self.file, self.known, indent=None)
        except OSError:
            return

    def _read(self) -> dict[str, Known]:
        try:
            known = json.loads(self.file.read_text(encoding="utf-8"))
            return {str(key): self.checked(found) for key, found in known.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}  # not there yet, or not whole: nothing is known


_MEMORIES: dict[Path, Memory[Any]] = {}


def memory(place: Path, checked: Callable[[Any], Known], most: int | None = None) -> Memory[Known]:
    """The memory of a file, named from the folder in which this process works now."""
    file = Path.cwd() / place
    if file not in _MEMORIES:
        _MEMORIES[file] = Memory(file, checked, most)
    return _MEMORIES[file]


def _content(path: Path) -> str:
    known = memory(REMEMBERED, _checked)
    place, state = str(path.resolve()), _state(path)
    held = known.known.get(place)
    if held and held[0] == state:
        return held[1]
    content = sha256_of(path)
    if _state(path) == state and time.time_ns() - max(state[2:]) > SETTLED * 1e9:
        known.add(place, (state, content))
    return content


State = list[int]


def _state(path: Path) -> State:
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _checked(found: Any) -> tuple[State, str]:
    state, content = found
    return list(state), str(content)
