"""What a web server's answer, or the lack of one, means in words."""

from __future__ import annotations

import email.utils
import http
import re
import time
from typing import TYPE_CHECKING

from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.fetching.remote import shown

if TYPE_CHECKING:
    import requests

PASSING = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed later."""

WRAPPING = re.compile(r"^\w*Connection\w*\(.*?\): |^<.*?>: |Failed to est.*?: |\[Errno -?\d+\] ")
"""What urllib3 puts before the words of the system."""


def refuse_bad_status(answer: requests.Response) -> None:
    """Accept 200 and 206 only.

    Raises:
        PassingError: a status that may pass.
        MirrorError: any other.
    """
    status = answer.status_code
    if status in (200, 206):
        return
    try:
        words = f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:  # not a registered status
        words = f"status {status}"
    if status in PASSING or status >= 500:
        raise PassingError(f"answers {words}", _wait(answer.headers.get("Retry-After")))
    raise MirrorError(f"answers {words}")


def _wait(header: str | None) -> float | None:
    """Seconds that a ``Retry-After`` asks for: a number, or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def translated(error: Exception, timeout: float) -> MirrorError:
    """An exception of requests or urllib3 as a reason for people."""
    import requests
    import urllib3

    if isinstance(error, requests.TooManyRedirects):
        return MirrorError("redirects again and again")
    if isinstance(error, requests.exceptions.InvalidSchema):
        address = re.search(r"'(.+)'", str(error))
        place = shown(address[1]) if address else "another kind of address"
        return MirrorError(f"redirects to {place}, which is neither http nor https")
    if isinstance(error, requests.exceptions.SSLError):
        return MirrorError(f"cannot be trusted: {_innermost(error)}")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return PassingError(f"was silent for {timeout:g} s")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return PassingError(f"cannot be reached: {_innermost(error)}")
    if isinstance(error, requests.RequestException):
        return MirrorError(_innermost(error))
    if missing := re.search(r"(\d+) more expected", str(error)):
        return PassingError(f"the connection ended too early; {missing[1]} bytes are missing")
    return PassingError(f"the connection broke: {_innermost(error)}")


def _innermost(error: BaseException) -> str:
    """The cause that requests and urllib3 wrap several times, without their own words."""
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return WRAPPING.sub("", text) or type(error).__name__
