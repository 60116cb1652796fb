"""HTTP(S): downloads that go on where they stopped (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ddpg.fetching.answers import refuse_bad_status, translated
from ddpg.fetching.bar import bytes_bar
from ddpg.fetching.checks import Expected, ensure_space
from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.fetching.partial import Partial, Source
from ddpg.fetching.patience import Patience, persist
from ddpg.fetching.remote import shown

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 16
MOST_REDIRECTS = 10


def download(
    address: str,
    partial: Partial,
    expected: Expected,
    *,
    label: str,
    patience: Patience,
    progress: bool,
) -> None:
    """Complete a partial file from an http(s) address.

    Args:
        address: the mirror.
        partial: receives the bytes; what it holds already is not asked for again if it is of the
            same version of the file.
        expected: its size refuses another file before it is downloaded.
        label: the file's name, for people.
        patience: timeouts and retries.
        progress: whether a terminal shows a bar.

    Raises:
        MirrorError: this mirror does not give the file.
        FetchError: the disk has no room for it.
    """
    with _session() as session:
        task = _Download(session, address, partial, expected, label, patience, progress)
        persist(task.attempt, lambda: partial.size, patience, shown(address))


@contextmanager
def _session() -> Iterator[requests.Session]:
    """A session that takes proxies from the environment, and the bytes as they are stored."""
    import requests

    with requests.Session() as session:
        session.max_redirects = MOST_REDIRECTS
        session.headers["Accept-Encoding"] = "identity"
        yield session


class _Download:
    """One file from one mirror; every attempt begins where the last one stopped."""

    def __init__(
        self,
        session: requests.Session,
        address: str,
        partial: Partial,
        expected: Expected,
        label: str,
        patience: Patience,
        progress: bool,
    ) -> None:
        self.session, self.address, self.partial = session, address, partial
        self.expected, self.label = expected, label
        self.patience, self.progress = patience, progress

    def attempt(self) -> None:
        """Ask for what is missing."""
        import requests
        import urllib3

        if self._complete():
            return
        headers = self._range()
        timeout = (self.patience.timeout, self.patience.timeout)
        try:
            with self.session.get(
                self.address, headers=headers, stream=True, timeout=timeout
            ) as answer:
                if self._settled(answer, resumed="Range" in headers):
                    self._receive(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise translated(error, self.patience.timeout) from error

    def _complete(self) -> bool:
        """Whether nothing is missing: the last run may have stopped just before the end."""
        self._forget_what_cannot_be_continued()
        source = self.partial.source
        announced = source.size if source else None
        whole = announced if self.expected.size is None else self.expected.size
        return bool(source) and whole is not None and self.partial.size == whole > 0

    def _forget_what_cannot_be_continued(self) -> None:
        """Bytes are kept if they are of this version of the file, or a checksum will tell."""
        source, size = self.partial.source, self.partial.size
        same = source and source.mirror == self.address and source.validator and not source.mixed
        too_long = self.expected.size is not None and size > self.expected.size
        if too_long or not (same or (source and self.expected.verifiable)):
            self.partial.discard()

    def _range(self) -> dict[str, str]:
        """The headers that ask for the missing bytes, and only of the same version."""
        size, source = self.partial.size, self.partial.source
        if not size or source is None:
            return {}
        headers = {"Range": f"bytes={size}-"}
        if source.mirror == self.address and source.validator:
            headers["If-Range"] = source.validator
        return headers

    def _settled(self, answer: requests.Response, *, resumed: bool) -> bool:
        """Prepare the partial file for what the answer brings; False if it brings nothing."""
        if answer.status_code == 416 and resumed:
            return self._beyond_the_end(answer)
        refuse_bad_status(answer)
        if not self.label.lower().endswith((".html", ".htm")):
            _refuse_web_page(answer)
        _refuse_compressed(answer, self.label)
        start, total = _extent(answer, self.partial.size if resumed else 0)
        if self.expected.size is not None and total not in (None, self.expected.size):
            raise MirrorError(f"offers {total} bytes, expected {self.expected.size}")
        source = _source(answer, self.address, total)
        if answer.status_code == 206:
            self._continue_with(source, start)
        else:
            self.partial.begin(source)
        self._ensure_space(total)
        return True

    def _ensure_space(self, total: int | None) -> None:
        whole = self.expected.size if total is None else total
        if whole is not None:
            needed = whole - self.partial.size
            ensure_space(self.partial.data.parent, needed, self.label)

    def _continue_with(self, source: Source, start: int) -> None:
        """Make sure that the answer's bytes follow on ours."""
        before = self.partial.source
        if before is None or start != self.partial.size:
            self.partial.discard()
            raise PassingError("sends another part of the file than was asked for")
        same = before.mirror == source.mirror and before.validator
        if same and before.validator != source.validator and source.validator:
            self.partial.discard()
            raise PassingError("the file there has changed since the download began")
        if same and not source.validator:
            source = replace(before, size=source.size)
        self.partial.note(replace(source, mixed=before.mixed or not same))

    def _beyond_the_end(self, answer: requests.Response) -> bool:
        """416: either everything is there, or what is there is of another file."""
        match = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
        source = self.partial.source
        if source and match and int(match[1]) == self.partial.size:
            self.partial.note(replace(source, size=self.partial.size))
            return False
        self.partial.discard()
        raise PassingError("has no more bytes, though some are missing; beginning anew")

    def _receive(self, answer: requests.Response) -> None:
        source = self.partial.source
        total = source.size if source else None
        limit = self.expected.size
        start = self.partial.size
        with (
            bytes_bar(self.label, total or limit, start, wanted=self.progress) as bar,
            self.partial.data.open("ab") as stream,
        ):
            received = start
            for block in answer.raw.stream(BLOCK, decode_content=False):
                received += len(block)
                if limit is not None and received > limit:
                    raise MirrorError(f"sends more than the expected {limit} bytes")
                stream.write(block)
                bar.update(len(block))
        whole = limit if total is None else total
        if whole is not None and received < whole:
            raise PassingError(f"the connection ended after {received} of {whole} bytes")


def _source(answer: requests.Response, address: str, total: int | None) -> Source:
    tag = answer.headers.get("ETag", "")
    return Source(address, tag, answer.headers.get("Last-Modified", ""), total)


def _extent(answer: requests.Response, asked: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin in the file, and the size of the file if it is said."""
    length = answer.headers.get("Content-Length", "")
    if answer.status_code != 206:
        return 0, int(length) if length.isdecimal() else None
    match = re.fullmatch(r"bytes (\d+)-\d*/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if match is None:
        return -1, None
    if match[2] != "*":
        return int(match[1]), int(match[2])
    return int(match[1]), asked + int(length) if length.isdecimal() else None


def _refuse_web_page(answer: requests.Response) -> None:
    """A log-in page or a notice of a captive portal, which comes with status 200."""
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise MirrorError("answers with a web page instead of the file")


def _refuse_compressed(answer: requests.Response, name: str) -> None:
    """What is compressed though we forbade it is another file, with another checksum.

    Some servers only describe with this header the compression that the file itself has.
    """
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding not in ("identity", "") and not name.lower().endswith((".gz", ".tgz")):
        raise MirrorError(f"sends the file compressed ({coding}), though this was not asked for")
