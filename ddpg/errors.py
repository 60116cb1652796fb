"""The errors that are meant for people: bad input, told in a line or two."""

from __future__ import annotations

import os


class UserError(ValueError):
    """Something outside the program is wrong; the message names it and what is allowed."""


class CorruptFileError(UserError):
    """A file that is missing, truncated or not what it should be; the message names it."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")
