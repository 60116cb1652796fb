"""HTTP(S): downloads that go on where they stopped (RFC 9110, sections 13 and 14); and DOIs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial as bound
from threading import Thread
from typing import TYPE_CHECKING

from ddpg.fetching.answers import extent, redirected, refuse_bad_status, translated
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
PAGES = ("text/html", "application/xhtml")


@dataclass
class Download:
    """One file from one http(s) address; every attempt begins where the last one stopped.

    Attributes:
        address: the mirror.
        partial: receives the bytes; what it holds already is not asked for again if it is of the
            same version of the file, or if a checksum will tell.
        expected: its size refuses another file before it is downloaded.
        label: the file's name, for people.
        timeout: seconds of silence after which a connection is given up.
        progress: whether a terminal shows a bar.
    """

    address: str
    partial: Partial
    expected: Expected
    label: str
    timeout: float
    progress: bool

    def attempt(self) -> None:
        """Ask for what is missing.

        Raises:
            MirrorError: this mirror does not give the file; a PassingError if it may yet.
        """
        import requests
        import urllib3

        self._forget_what_cannot_be_continued()
        if self._complete():
            return
        headers = self._range()
        try:
            with _session() as opened, self._answer(opened, headers) as answer:
                if self._begun(answer, resumed=bool(headers)):
                    self._receive(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            raise translated(error, self.timeout) from error

    def _forget_what_cannot_be_continued(self) -> None:
        """Bytes are kept if they are of this version of the file, or a checksum will tell."""
        source, size = self.partial.source, self.partial.size
        same = source and source.mirror == self.address and source.validator
        too_long = self.expected.size is not None and size > self.expected.size
        if too_long or not (same or (source and self.expected.verifiable)):
            self.partial.discard()
        self.partial.resumed |= self.partial.size > 0

    def _complete(self) -> bool:
        """Whether nothing is missing: the last run may have stopped just before the end."""
        return self.partial.source is not None and self.partial.size == self._whole()

    def _whole(self) -> int | None:
        """Bytes of the whole file, if the card or the server has said it."""
        source = self.partial.source
        announced = source.size if source else None
        return announced if self.expected.size is None else self.expected.size

    def _range(self) -> dict[str, str]:
        """The headers that ask for the missing bytes, and only of the same version."""
        size, source = self.partial.size, self.partial.source
        if not size or source is None:
            return {}
        headers = {"Range": f"bytes={size}-"}
        if source.mirror == self.address and source.validator:
            headers["If-Range"] = source.validator
        return headers

    def _answer(self, opened: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The answer at the end of all redirects."""
        from requests.utils import get_auth_from_url

        address, login = self.address, get_auth_from_url(self.address)
        opened.auth = login if any(login) else None
        for _ in range(MOST_REDIRECTS + 1):
            ask = bound(opened.get, address, headers=headers, stream=True, timeout=self.timeout)
            answer = _within(PATIENT * self.timeout, ask)
            target = redirected(address, answer)
            if target is None:
                return answer
            answer.close()
            if opened.should_strip_auth(address, target):
                opened.auth = None
            address = target
        raise MirrorError("redirects again and again")

    def _begun(self, answer: requests.Response, *, resumed: bool) -> bool:
        """Prepare the partial file for what the answer brings; False if it brings nothing."""
        if answer.status_code == 416 and resumed:
            return self._beyond_the_end(answer)
        refuse_bad_status(answer)
        _refuse_another_thing(answer, self.label.lower())
        start, total = extent(answer)
        if self.expected.size is not None and total not in (None, self.expected.size):
            raise MirrorError(f"offers {total} bytes, expected {self.expected.size}")
        source = Source(self.address, _validator(answer), total)
        if answer.status_code == 206:
            if not resumed:
                raise MirrorError("sends a part of the file, though all of it was asked for")
            source = self._continued(source, start)
        else:
            self.partial.discard()
            self.partial.data.touch()
        self.partial.note(source)
        missing = (self._whole() or 0) - self.partial.size
        if problem := lack_of_space(self.partial.data.parent, missing, self.label):
            raise MirrorError(problem)
        return True

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

    def _beyond_the_end(self, answer: requests.Response) -> bool:
        """416: either everything is there, or what is there is of another file."""
        source, size = self.partial.source, self.partial.size
        if source and answer.headers.get("Content-Range", "") == f"bytes */{size}":
            self.partial.note(replace(source, size=size))
            return False
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


def _session() -> requests.Session:
    """A session that takes proxies from the environment, and the bytes as they are stored."""
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, _: requests.Response) -> None:
            """No redirect is followed: requests reads the whole body of each, however large."""

    session = Session()
    session.headers["Accept-Encoding"] = "identity"
    return session


def _within(seconds: float, ask: Callable[[], requests.Response]) -> requests.Response:
    """An answer, unless its headers come too slowly.

    A timeout of a socket begins anew with every byte, so that a server may send one now and then
    for years; it takes another thread to look at the clock. The one that asks ends with its server.
    """
    answer: Future[requests.Response] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as error:
        raise _too_slow(seconds) from error


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


def _refuse_another_thing(answer: requests.Response, name: str) -> None:
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
