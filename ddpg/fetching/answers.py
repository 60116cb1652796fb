"""What a web server's answer, or the lack of one, means in words.

A server may say anything. What cannot be meant fails that mirror, and only that one.
"""

from __future__ import annotations

import email.utils
import http
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ddpg.fetching.errors import MirrorError, PassingError, plain
from ddpg.fetching.remote import shown

if TYPE_CHECKING:
    import requests

PASSING = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed later."""

MOST_DIGITS = 18
"""Digits of a number of bytes or seconds; longer ones are nonsense (an exabyte has 19)."""

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
    if re.fullmatch(r"[0-9]+", header.strip()):
        return float(header.strip()[: MOST_DIGITS + 1])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError, OSError):  # no date at all
        return None


def announced_bytes(answer: requests.Response) -> int | None:
    """The ``Content-Length`` of an answer, None if it has none that counts.

    Raises:
        MirrorError: it is no number of bytes.
    """
    header = answer.headers.get("Content-Length")
    if header is None or "Transfer-Encoding" in answer.headers:  # RFC 9112, section 6.3
        return None
    (length, *others) = {value.strip() for value in header.split(",")}
    if others or not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", length):
        raise MirrorError(f"says an impossible Content-Length: {plain(header, 60)!r}")
    return int(length)


def extent(answer: requests.Response) -> tuple[int, int | None]:
    """Where the bytes of a 200 or 206 begin in the file, and the size of the file if it is said.

    Raises:
        MirrorError: the answer contradicts itself.
    """
    length = announced_bytes(answer)
    if answer.status_code != 206:
        return 0, length
    header = answer.headers.get("Content-Range", "")
    number = rf"([0-9]{{1,{MOST_DIGITS}}})"
    match = re.fullmatch(rf"bytes {number}-{number}/(?:{number}|\*)", header.strip())
    if match is None:
        raise MirrorError(f"says an impossible Content-Range: {plain(header, 60)!r}")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] is None else int(match[3])
    if (
        last < first
        or (total is not None and last >= total)
        or length not in (None, last - first + 1)
    ):
        raise MirrorError(f"says a Content-Range that contradicts itself: {plain(header, 60)!r}")
    return first, total


def redirected(address: str, answer: requests.Response) -> str | None:
    """The http(s) address that an answer redirects to, None if it does not.

    Raises:
        MirrorError: it redirects to something else.
    """
    if not answer.is_redirect:
        return None
    location = answer.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        target = urljoin(address, location)
        parts = urlsplit(target)
        server, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MirrorError(
            f"redirects to {shown(location)}, which is no address: {error}"
        ) from error
    if parts.scheme not in ("http", "https"):
        raise MirrorError(f"redirects to {shown(target)}, which is neither http nor https")
    if not server:
        raise MirrorError(f"redirects to {shown(target)}, which names no server")
    return target


def translated(error: Exception, timeout: float) -> MirrorError:
    """An exception of requests or urllib3 as a reason for people."""
    import requests
    import urllib3

    if isinstance(
        error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationValueError | UnicodeError
    ):
        return MirrorError(f"is no address that can be reached: {_innermost(error)}")
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
    return plain(WRAPPING.sub("", text)) or type(error).__name__
