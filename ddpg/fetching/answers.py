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

NUMBER = r"([0-9]{1,18})"
"""A number of bytes; longer ones are nonsense (an exabyte has 19 digits)."""

PAGES = ("text/html", "application/xhtml")

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
        raise PassingError(f"answers {words}", _wait(answer.headers.get("Retry-After", "")))
    raise MirrorError(f"answers {words}")


def _wait(header: str) -> float | None:
    """Seconds that a ``Retry-After`` asks for: a number, or a date; None for nonsense."""
    header = header.strip()
    try:
        if header.isdecimal():
            return float(header[:19])
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError, OSError):  # no date at all
        return None


def refuse_another_thing(answer: requests.Response, name: str) -> None:
    """Refuse pages to log in to, and what is compressed though that was not asked for.

    Some servers only describe with this header the compression that the file itself has.
    """
    kind = answer.headers.get("Content-Type", "").lower()
    if kind.startswith(PAGES) and not name.endswith((".html", ".htm")):
        raise MirrorError("answers with a web page instead of the file")
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding not in ("identity", "") and not name.endswith((".gz", ".tgz")):
        words = plain(coding, 60)
        raise MirrorError(f"sends the file compressed ({words}), though this was not asked for")


def extent(answer: requests.Response) -> tuple[int, int | None]:
    """Where the bytes of a 200 or 206 begin in the file, and the size of the file if it is said.

    Raises:
        MirrorError: the answer contradicts itself.
    """
    length = None
    if "Content-Length" in answer.headers and "Transfer-Encoding" not in answer.headers:
        length = _numbers(answer, "Content-Length", rf"{NUMBER}(?:, *\1)*")[0]
    if answer.status_code != 206:
        return 0, length
    pattern = rf"bytes {NUMBER}-{NUMBER}/(?:{NUMBER}|\*)"
    first, last, total = _numbers(answer, "Content-Range", pattern)
    if last < first or 0 <= total <= last or length not in (None, last - first + 1):
        header = plain(answer.headers["Content-Range"], 60)
        raise MirrorError(f"says a Content-Range that contradicts itself: {header!r}")
    return first, None if total < 0 else total


def _numbers(answer: requests.Response, name: str, pattern: str) -> list[int]:
    """The numbers in a header; -1 for one that is left out."""
    header = answer.headers.get(name, "")
    match = re.fullmatch(pattern, header.strip())
    if match is None:
        raise MirrorError(f"says an impossible {name}: {plain(header, 60)!r}")
    return [int(text or -1) for text in match.groups()]


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
        reason = f"which is no address: {error}"
        raise MirrorError(f"redirects to {shown(location)}, {reason}") from error
    if parts.scheme not in ("http", "https"):
        raise MirrorError(f"redirects to {shown(target)}, which is neither http nor https")
    if not server:
        raise MirrorError(f"redirects to {shown(target)}, which names no server")
    return target


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
    """The cause that requests and urllib3 wrap several times, without their own words."""
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return plain(WRAPPING.sub("", text)) or type(error).__name__
