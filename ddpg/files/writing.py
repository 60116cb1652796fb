"""Writing files so that nothing half-written is ever seen under its final name."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ABANDONED = 60.0
"""Seconds after which a temporary file of another machine that nobody writes to is left over."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success it replaces ``path``, else it is removed.

    The temporary name keeps the suffix, because some writers choose the format by it. Directories
    that lead to ``path`` are made. The data reach the disk before the name changes. What processes
    that were killed while they wrote ``path`` have left is removed.

    Yields:
        the temporary path, which the caller must write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{_host()}-{os.getpid()}.partial{path.suffix}")
    _remove_leftovers(path)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())  # some writers make files that only their owner reads
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8 with the line ends that it has, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], content: Any, *, indent: int | None = 2) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(content, indent=indent) + "\n")


def _remove_leftovers(path: Path) -> None:
    pattern = re.compile(
        rf"\.{re.escape(path.stem)}\.([^.]+)-(\d+)\.partial{re.escape(path.suffix)}"
    )
    for entry in os.scandir(path.parent):
        match = pattern.fullmatch(entry.name)
        if match and not _is_being_written(Path(entry.path), match[1], int(match[2])):
            Path(entry.path).unlink(missing_ok=True)


def _is_being_written(temporary: Path, host: str, process: int) -> bool:
    """Whether the process lives; on another machine, whether it has written of late."""
    if host == _host():
        return Path(f"/proc/{process}").exists() or not Path("/proc/self").exists()
    try:
        return abs(time.time() - temporary.stat().st_mtime) < ABANDONED
    except FileNotFoundError:
        return False


def _host() -> str:
    """The machine's name, without its domain."""
    return platform.node().partition(".")[0] or "localhost"


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
