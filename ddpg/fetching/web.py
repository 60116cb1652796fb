"""HTTP(S): downloads that go on where they stopped (RFC 9110, sections 13 and 14); and DOIs.

A server may answer anything. What cannot be meant fails that mirror, and only that one.
"""

from __future__ import annotations

import email.utils
import http.client
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ddpg.fetching.errors import MirrorError, PassingError, translated
from ddpg.fetching.incoming import Incoming, Source
from ddpg.fetching.remote import shown
from ddpg.files.text import plain
from ddpg.machine.disk import human

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 16
PATIENT = 2
"""Timeouts within which an answer, and then every block, must be here: 64 KiB a minute."""
PASSING = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed later."""
NUMBER = r"([0-9]{1,18})"
"""A number of bytes; longer ones are nonsense (an exabyte has 19 digits)."""
LONGEST_TAG = 1000
MOST_REDIRECTS = 10


@dataclass
class Download:
    """One file from one http(s) address; every attempt begins where the last one stopped."""

    address: str
    incoming: Incoming

    def attempt(self) -> None:
        """Ask for what is missing.

        Raises:
            MirrorError: this mirror does not give the file; a PassingError if it may yet.
        """
        import requests
        import urllib3

        headers = self._asked()
        if headers is None:
            return
        try:
            with requests.Session() as session, self._answer(session, headers) as answer:
                if "Range" in headers and answer.status_code == 416:
                    self._beyond_the_end(answer)
                else:
                    self._begin(answer, asked="Range" in headers)
                    self._receive(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            raise translated(error, self.incoming.patience.timeout) from error

    def _asked(self) -> dict[str, str] | None:
        """The headers that ask for the missing bytes; None if none is missing.

        Bytes are kept if they are of this version of the file, or a checksum will tell.
        """
        headers = {"Accept-Encoding": "identity"}  # the bytes as they are stored
        incoming, source, size = self.incoming, self.incoming.source, self.incoming.size
        same = source is not None and source.mirror == self.address and source.validator != ""
        too_long = incoming.expected.size is not None and size > incoming.expected.size
        if source is None or too_long or not (same or incoming.expected.digits):
            incoming.discard()
            return headers
        incoming.resumed |= size > 0
        if size == incoming.whole:  # the last run stopped just before the end
            return None
        if size:
            headers["Range"] = f"bytes={size}-"
            if same:
                headers["If-Range"] = source.validator
        return headers

    def _answer(self, session: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The answer at the end of all redirects, which requests would read, however large."""
        from requests.utils import get_auth_from_url

        address, login = self.address, get_auth_from_url(self.address)
        session.auth = login if any(login) else None
        session.get_redirect_target = lambda _: None  # type: ignore[assignment, method-assign]
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._get(session, address, headers)
            target = _redirected(address, answer)
            if target is None:
                return answer
            answer.close()
            if session.should_strip_auth(address, target):
                session.auth = None
            address = target
        raise MirrorError("redirects again and again")

    def _get(
        self, session: requests.Session, address: str, headers: dict[str, str]
    ) -> requests.Response:
        """An answer, unless its headers come too slowly.

        A timeout of a socket begins anew with every byte, so that a server may send one now and
        then for years; it takes another thread to look at the clock. The one that asks ends with
        its server.
        """
        answer: Future[requests.Response] = Future()
        timeout = self.incoming.patience.timeout

        def ask() -> None:
            try:
                got = session.get(address, headers=headers, stream=True, timeout=timeout)
                answer.set_result(got)
            except Exception as error:
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        try:
            return answer.result(PATIENT * timeout)
        except TimeoutError as error:
            raise _too_slow(PATIENT * timeout) from error

    def _begin(self, answer: requests.Response, *, asked: bool) -> None:
        """Prepare the partial file for the bytes of an answer, to a part if that was asked for."""
        incoming = self.incoming
        _refuse_other_answers(answer, incoming.name.lower())
        start, total = _extent(answer)
        incoming.refuse_offer(total)
        source = Source(self.address, _validator(answer), total)
        if answer.status_code == 206:
            if not asked:
                raise MirrorError("sends a part of the file, though all of it was asked for")
            source = self._continued(source, start)
        else:
            incoming.discard()
            incoming.data.touch()
        incoming.note(source)
        incoming.refuse_for_space((incoming.whole or 0) - incoming.size)

    def _continued(self, source: Source, start: int) -> Source:
        """What is to be noted when the answer's bytes follow on ours."""
        before = self.incoming.source
        if before is None or start != self.incoming.size:
            self.incoming.discard()
            raise PassingError("sends another part of the file than was asked for")
        if before.mirror != source.mirror or not before.validator:
            return replace(source, validator="")  # only a checksum can tell what these bytes are
        if source.validator not in ("", before.validator):
            self.incoming.discard()
            raise PassingError("the file there has changed since the download began")
        return replace(before, size=source.size)

    def _beyond_the_end(self, answer: requests.Response) -> None:
        """416: either everything is there, or what is there is of another file."""
        source, size = self.incoming.source, self.incoming.size
        if source and answer.headers.get("Content-Range", "") == f"bytes */{size}":
            self.incoming.note(replace(source, size=size))
            return
        self.incoming.discard()
        raise PassingError("has no more bytes, though some are missing; beginning anew")

    def _receive(self, answer: requests.Response) -> None:
        """Write what comes, up to what was said to come."""
        incoming, total = self.incoming, self.incoming.whole
        received = incoming.size
        with incoming.counted(received) as count, incoming.data.open("ab") as stream:
            for block in _blocks(answer, PATIENT * incoming.patience.timeout):
                received += len(block)
                count(received, total)
                stream.write(block)
        if total is not None and received < total:
            raise PassingError(f"the connection ended after {received} of {total} bytes")


def _blocks(answer: requests.Response, seconds: float) -> Iterator[bytes]:
    """The bytes of a body as they come, unless they come too slowly."""
    due, count = time.monotonic() + seconds, 0
    while block := answer.raw.read1(BLOCK, decode_content=False):
        count += len(block)
        if count >= BLOCK:  # a server may send single bytes: only a whole block counts
            due, count = time.monotonic() + seconds, 0
        elif time.monotonic() > due:
            raise _too_slow(seconds)
        yield block


def _too_slow(seconds: float) -> PassingError:
    return PassingError(f"was too slow: less than {human(BLOCK)} in {seconds:g} s")


def _refuse_other_answers(answer: requests.Response, name: str) -> None:
    """Refuse all but a file or a part of one, sent as it is.

    Pages to log in to are none. Some servers describe with the header of a compression that was
    not asked for only the one that the file itself has.

    Raises:
        MirrorError: it is no file; a PassingError for a status that may pass.
    """
    status = answer.status_code
    if status not in (200, 206):
        phrase = http.client.responses.get(status)
        reason = f"answers {status} {phrase}" if phrase else f"answers status {status}"
        if status in PASSING or status >= 500:
            raise PassingError(reason, _wait(answer.headers.get("Retry-After", "")))
        raise MirrorError(reason)
    kind = answer.headers.get("Content-Type", "").lower()
    if kind.startswith(("text/html", "application/xhtml")) and not name.endswith((".html", ".htm")):
        raise MirrorError("answers with a web page instead of the file")
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding not in ("identity", "") and not name.endswith((".gz", ".tgz")):
        words = plain(coding, 60)
        raise MirrorError(f"sends the file compressed ({words}), though this was not asked for")


def _wait(header: str) -> float | None:
    """Seconds that a ``Retry-After`` asks for: a number, or a date; None for nonsense."""
    try:
        if header.strip().isdecimal():
            return float(header.strip()[:19])
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError, OSError):  # no date at all
        return None


def _extent(answer: requests.Response) -> tuple[int, int | None]:
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


def _validator(answer: requests.Response) -> str:
    """What an ``If-Range`` may hold: no weak tag."""
    tag, date = (answer.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return (date if not tag or tag.startswith("W/") else tag)[:LONGEST_TAG]


def _redirected(address: str, answer: requests.Response) -> str | None:
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


def address_behind(doi: str, timeout: float) -> str:
    """The http(s) address of ``doi:DOI/FILE``.

    Raises:
        MirrorError: there is no such DOI, or no such file in it.
    """
    import requests
    from pooch import downloaders

    try:
        parsed = downloaders.parse_url(doi)
        repository = downloaders.doi_to_repository(
            parsed["netloc"], headers=downloaders.REQUESTS_HEADERS, timeout=timeout
        )
        return str(repository.download_url(parsed["path"].lstrip("/")))
    except requests.RequestException as error:
        raise translated(error, timeout) from error
    except (LookupError, TypeError, ValueError) as error:  # pooch's words, or an odd answer
        raise MirrorError(plain(error) or "is not understood") from error
