"""The end of the log of a job that has failed."""

from __future__ import annotations

import os
import re
from pathlib import Path

SHOWN = 40
"""So many lines at most."""
PLAIN = 10
"""So many of a log without an error."""
STOPPED = ("stopped by SIGTERM", "KeyboardInterrupt")
"""What the log of a job says that was stopped."""
_BYTES = 65_536
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) ")


def end_of_log(path: str | Path) -> list[str]:
    """The last lines of a job's log for people, without dates: its error, if it ends with one.

    A log that is not there, or is empty, has none.
    """
    lines = text_at_end(Path(path), _BYTES).splitlines()
    levels = [match[1] if (match := _STAMP.match(line)) else "" for line in lines]
    # The last line tells what the job took.
    while lines and levels[-1] == "DEBUG":
        lines, levels = lines[:-1], levels[:-1]
    errors = [number for number, level in enumerate(levels) if level == "ERROR"]
    first = len(lines) - PLAIN
    if errors:
        first = errors[-1]
        while first and levels[first - 1] == "ERROR":
            first -= 1
    shown = [_STAMP.sub("", line) for line in lines[max(0, first) :]]
    return shown[-SHOWN:]


def was_stopped(lines: list[str]) -> bool:
    """Whether these last lines are of a job that somebody stopped."""
    return bool(lines) and any(words in lines[-1] for words in STOPPED)


def text_at_end(path: Path, count: int) -> str:
    """The last bytes of a log, so many at most; nothing where it is removed this very moment."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - count))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
