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
from collections.abc import Iterator
from pathlib import Path

from ddpg.files.writing import write_json

REMEMBERED = Path(".snakemake/ddpg/contents.json")
"""Below the folder in which Snakemake runs; removing it costs time only."""
PAUSE = 1.0
"""Seconds between two times that checksums are written down; the last are, when Python ends."""
SETTLED = 2.0
"""Seconds after its last change from which a file's checksum is remembered."""


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file as it is now, 64 hexadecimal digits."""
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
    return _memory().content(Path(path))


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


class _Memory:
    """The checksums known so far, of this process and of those before it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known = _read(file)
        self.pending, self.kept = False, -math.inf
        atexit.register(self._keep)

    def content(self, path: Path) -> str:
        place = str(path.resolve())
        state = _state(path)
        known = self.known.get(place)
        if known and known[0] == state:
            return known[1]
        content = sha256_of(path)
        if _state(path) == state and time.time_ns() - max(state[2:]) > SETTLED * 1e9:
            self.known[place] = (state, content)
            self.pending = True
            if time.monotonic() - self.kept >= PAUSE:
                self._keep()
        return content

    def _keep(self) -> None:
        """Write what is known; where the folder cannot be written, it is computed each time."""
        if not self.pending or not self.file.parent.parent.is_dir():
            return  # nothing new, or not where Snakemake runs
        self.pending, self.kept = False, time.monotonic()
        # Another process may have written meanwhile; what it found is as good.
        self.known = {**_read(self.file), **self.known}
        try:
            write_json(self.file, self.known, indent=None)
        except OSError:
            return


State = list[int]


def _state(path: Path) -> State:
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _read(file: Path) -> dict[str, tuple[State, str]]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(place): (list(state), str(content)) for place, (state, content) in known.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # not there yet, or not whole: nothing is known


_MEMORIES: dict[Path, _Memory] = {}


def _memory() -> _Memory:
    """The memory of the folder in which this process works now."""
    file = Path.cwd() / REMEMBERED
    if file not in _MEMORIES:
        _MEMORIES[file] = _Memory(file)
    return _MEMORIES[file]
