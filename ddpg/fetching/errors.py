"""What can go wrong when something is fetched, in words."""

from __future__ import annotations

import re

from ddpg.files.text import plain


class MirrorError(Exception):
    """One place failed for good; the next one may do better. The reason is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(plain(" ".join(reason.split()), 2000))


class PassingError(MirrorError):
    """One attempt failed in a way that may pass; ``wait`` is what the server asks for, if any."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def translated(error: Exception, timeout: float) -> MirrorError:
    """An exception of requests or urllib3 as a reason for people."""
    from requests import exceptions as ours
    from urllib3 import exceptions as below

    words = _innermost(error)
    if isinstance(error, ours.InvalidURL | below.LocationValueError | UnicodeError):
        return MirrorError(f"is no address that can be reached: {words}")
    if isinstance(error, ours.SSLError):
        return MirrorError(f"cannot be trusted: {words}")
    if isinstance(error, ours.Timeout | below.TimeoutError):
        return PassingError(f"was silent for {timeout:g} s")
    if isinstance(error, ours.ConnectionError | ours.ChunkedEncodingError):
        return PassingError(f"cannot be reached: {words}")
    if isinstance(error, ours.RequestException):
        return MirrorError(words)
    if missing := re.search(r"(\d+) more expected", str(error)):
        return PassingError(f"the connection ended too early; {missing[1]} bytes are missing")
    return PassingError(f"the connection broke: {words}")


def _innermost(error: BaseException) -> str:
    """The words of the first cause, without those of requests and urllib3."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    words = error.strerror if isinstance(error, OSError) else None
    return words or plain(" ".join(str(error).split())) or type(error).__name__
