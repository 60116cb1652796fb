"""HTTP(S): downloads that go on where they stopped (RFC 9110, sections 13 and 14); and DOIs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING

from ddpg.fetching.answers import (
    extent,
    redirected,
    refuse_another_thing,
    refuse_bad_status,
    translated,
)
from ddpg.fetching.checks import Expected, human, lack_of_space
from ddpg.fetching.errors import MirrorError, PassingError, plain
from ddpg.fetching.patience import Partial, Source

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 16
PATIENT = 2
"""Timeouts within which an answer, and then every block, must be here: 64 KiB a minute."""
LONGEST_TAG = 1000
MOST_REDIRECTS = 10


@dataclass
class Download:
    """One file from one http(s) address; every attempt begins where the last one stopped."""

    address: str
    partial: Partial
    """Receives the bytes; what it holds already is not asked for again if it is of the same version
    of the file, or if a checksum will tell."""
    expected: Expected
    """Its size refuses another file before it is downloaded."""
    label: str
    timeout: float
    """Seconds of silence after which a connection is given up."""
    progress: bool

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
            raise translated(error, self.timeout) from error

    def _asked(self) -> dict[str, str] | None:
        """The headers that ask for the missing bytes; None if none is missing.

        Bytes are kept if they are of this version of the file, or a checksum will tell.
        """
        headers = {"Accept-Encoding": "identity"}  # the bytes as they are stored
        source, size, partial = self.partial.source, self.partial.size, self.partial
        same = source is not None and source.mirror == self.address and source.validator != ""
        too_long = self.expected.size is not None and size > self.expected.size
        if source is None or too_long or not (same or self.expected.verifiable):
            partial.discard()
            return headers
        partial.resumed |= size > 0
        if size == self._whole():  # the last run stopped just before the end
            return None
        if size:
            headers["Range"] = f"bytes={size}-"
            if same:
                headers["If-Range"] = source.validator
        return headers

    def _whole(self) -> int | None:
        """Bytes of the whole file, if the card or the server has said it."""
        source = self.partial.source
        announced = source.size if source else None
        return announced if self.expected.size is None else self.expected.size

    def _answer(self, session: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The answer at the end of all redirects, which requests would read, however large."""
        from requests.utils import get_auth_from_url

        address, login = self.address, get_auth_from_url(self.address)
        session.auth = login if any(login) else None
        session.get_redirect_target = lambda _: None  # type: ignore[assignment, method-assign]
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._get(session, address, headers)
            target = redirected(address, answer)
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

        def ask() -> None:
            try:
                got = session.get(address, headers=headers, stream=True, timeout=self.timeout)
                answer.set_result(got)
            except Exception as error:
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        try:
            return answer.result(PATIENT * self.timeout)
        except TimeoutError as error:
            raise _too_slow(PATIENT * self.timeout) from error

    def _begin(self, answer: requests.Response, *, asked: bool) -> None:
        """Prepare the partial file for the bytes of an answer, to a part if that was asked for."""
        refuse_bad_status(answer)
        refuse_another_thing(answer, self.label.lower())
        start, total = extent(answer)
        if self.expected.size is not None and total not in (None, self.expected.size):
            raise MirrorError(f"offers {total} bytes, expected {self.expected.size}")
        source = Source(self.address, _validator(answer), total)
        if answer.status_code == 206:
            if not asked:
                raise MirrorError("sends a part of the file, though all of it was asked for")
            source = self._continued(source, start)
        else:
            self.partial.discard()
            self.partial.data.touch()
        self.partial.note(source)
        missing = (self._whole() or 0) - self.partial.size
        if problem := lack_of_space(self.partial.data.parent, missing, self.label):
            raise MirrorError(problem)

    def _continued(self, source: Source, start: int) -> Source:
        """What is to be noted when the answer's bytes follow on ours."""
        before = self.partial.source
        if before is None or start != self.partial.size:
            self.partial.discard()
            raise PassingError("sends another part of the file than was asked for")
        if before.mirror != source.mirror or not before.validator:
            return replace(source, validator="")  # only a checksum can tell what these bytes are
        if source.validator not in ("", before.validator):
            self.partial.discard()
            raise PassingError("the file there has changed since the download began")
        return replace(before, size=source.size)

    def _beyond_the_end(self, answer: requests.Response) -> None:
        """416: either everything is there, or what is there is of another file."""
        source, size = self.partial.source, self.partial.size
        if source and answer.headers.get("Content-Range", "") == f"bytes */{size}":
            self.partial.note(replace(source, size=size))
            return
        self.partial.discard()
        raise PassingError("has no more bytes, though some are missing; beginning anew")

    def _receive(self, answer: requests.Response) -> None:
        """Write what comes, up to what was said to come."""
        from ddpg.machine.progress import bytes_bar

        total, received = self._whole(), self.partial.size
        room = received + shutil.disk_usage(self.partial.data.parent).free // 2
        limit = room if total is None else total
        with (
            bytes_bar(self.label, total, received, wanted=self.progress) as bar,
            self.partial.data.open("ab") as stream,
        ):
            for block in _blocks(answer, PATIENT * self.timeout):
                received += len(block)
                if received > limit:
                    break
                stream.write(block)
                bar.update(len(block))
        if received > limit:
            self.partial.discard()
            what = f"the expected {limit} bytes"
            if total is None:
                what = f"{human(limit)}, half of what the disk has left, and does not say how much"
            raise MirrorError(f"sends more than {what}")
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


def _validator(answer: requests.Response) -> str:
    """What an ``If-Range`` may hold: no weak tag."""
    tag, date = (answer.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return (date if not tag or tag.startswith("W/") else tag)[:LONGEST_TAG]


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
