"""Lines on a terminal, with one below them that changes; or in a file, with nothing but lines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TextIO

from ddpg.machine.terminal import CLEAR

REFRESH = 0.5
"""Seconds between two looks of the line that changes."""
FILE_SECONDS = 60.0
"""A file gets that line at most this often."""
_UP = "\x1b[1A"
_COLOURS = {"red": "\x1b[31m", "yellow": "\x1b[33m", "dim": "\x1b[2m", "": ""}
_RESET = "\x1b[0m"


class Screen:
    """Where a run is told.

    On a terminal the changing line stands below an empty one, on which the cursor waits: what jobs
    write there themselves, warnings above all, so has a line of its own.

    Args:
        stream: a terminal, a pipe or a file.
        colours: False for none, as the variable ``NO_COLOR`` asks for, too.

    Attributes:
        lock: held while the changing line is asked for, by a thread of its own; who changes what it
            tells holds it, too.
    """

    def __init__(self, stream: TextIO, *, colours: bool = True) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty() and os.environ.get("TERM", "") != "dumb"
        self._colours = colours and self.is_terminal and not os.environ.get("NO_COLOR")
        self._live: Callable[[], str] | None = None
        self._shown = False
        self.lock = threading.RLock()
        self._over = threading.Event()

    def begin(self, live: Callable[[], str]) -> None:
        """Show what ``live`` says, again and again; in a file now and then."""
        self._live = live
        threading.Thread(target=self._refresh, daemon=True).start()

    def write(self, text: str, colour: str = "") -> None:
        """Write lines above the one that changes."""
        with self.lock:
            self._put(self._cleared() + self._coloured(text, colour) + "\n" + self._line())

    def end(self) -> None:
        """Take the changing line away."""
        with self.lock:
            self._over.set()
            self._put(self._cleared())
            self._live = None

    def _refresh(self) -> None:
        while not self._over.wait(REFRESH if self.is_terminal else FILE_SECONDS):
            with self.lock:
                if self._over.is_set():
                    return
                if self.is_terminal:
                    self._put(self._cleared() + self._line())
                elif self._live and (text := self._live()):
                    self._put(text + "\n")

    def _cleared(self) -> str:
        cleared = CLEAR if self._shown else ""
        self._shown = False
        return cleared

    def _line(self) -> str:
        """The changing line, from where the cursor is back to where it is."""
        text = self._live() if self._live and self.is_terminal else ""
        if not text:
            return ""
        self._shown = True
        return f"\n{self._coloured(text[: self._width() - 1], 'dim')}{_UP}\r"

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _coloured(self, text: str, colour: str) -> str:
        return f"{_COLOURS[colour]}{text}{_RESET}" if colour and self._colours else text

    def _put(self, text: str) -> None:
        if not text:
            return
        encoding = self.stream.encoding or "utf-8"
        try:
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (BrokenPipeError, ValueError):
            self._over.set()  # nobody reads any more; the run goes on
