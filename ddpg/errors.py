"""The errors that are meant for people: bad input, told in a line or two."""

from __future__ import annotations

import os
from collections.abc import Iterable


class UserError(ValueError):
    """Something outside the program is wrong; the message names it and what is allowed."""


class CorruptFileError(UserError):
    """A file that is missing, truncated or not what it should be; the message names it."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


class OutdatedFileError(CorruptFileError):
    """A file that was made from something else than is asked for; a run makes it again."""


class MissingLibraryError(UserError):
    """A library that is asked for and cannot be imported; the message says how to install it."""

    def __init__(
        self, who: str | os.PathLike[str], library: str, error: ImportError | None = None
    ) -> None:
        why = f" ({error})" if error else ""
        super().__init__(
            f"{os.fspath(who)}: needs the library {library}: pip install 'ddpg[{library}]'{why}"
        )


class FetchError(UserError):
    """A file or folder that cannot be had; the message says what was tried and what to do.

    Attributes:
        reasons: every place where it was looked for, with what was found there.
    """

    def __init__(self, message: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class MetricUnavailable(RuntimeError):  # noqa: N818 - a state of affairs, not a mistake
    """A metric that cannot be computed here; the message is the reason, ready for a table."""


class MetricUndefined(MetricUnavailable):
    """A metric that has no value for these images, whatever else is there."""
