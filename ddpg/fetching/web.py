"""HTTP(S): downloads that go on where they stopped (RFC 9110, sections 13 and 14); and DOIs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ddpg.fetching.answers import extent, redirected, refuse_bad_status, translated
from ddpg.fetching.checks import Expected, ensure_space, human
from ddpg.fetching.connections import Deadline, session
from ddpg.fetching.errors import FetchError, MirrorError, PassingError, plain
from ddpg.fetching.patience import Partial, Patience, Source, Tries

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 16
PATIENT = 2
"""Timeouts within which an answer, and then every block, must be here: 64 KiB a minute."""
LONGEST_TAG = 1000
MOST_REDIRECTS = 10
PAGES = ("text/html", "application/xhtml")


def download(
    address: str,
    partial: Partial,
    expected: Expected,
    *,
    label: str,
    tries: Tries,
    progress: bool,
) -> None:
    """Complete a partial file from an http(s) address.

    Args:
        address: the mirror.
        partial: receives the bytes; what it holds already is not asked for again if it is of the
            same version of the file.
        expected: its size refuses another file before it is downloaded.
        label: the file's name, for people.
        tries: the attempts that the mirror has left, and their timeouts.
        progress: whether a terminal shows a bar.

    Raises:
        MirrorError: this mirror does not give the file.
        FetchError: the disk has no room for it.
    """
    tries.persist(_Download(address, partial, expected, label, tries.patience, progress).attempt)


class _Download:
    """One file from one mirror; every attempt begins where the last one stopped."""

    def __init__(
        self,
        address: str,
        partial: Partial,
        expected: Expected,
        label: str,
        patience: Patience,
        progress: bool,
    ) -> None:
        self.address, self.partial = address, partial
        self.expected, self.label = expected, label
        self.patience, self.progress = patience, progress

    def attempt(self) -> None:
        """Ask for what is missing."""
        import requests
        import urllib3

        if self._complete():
            return
        headers = self._range()
        with Deadline(PATIENT * self.patience.timeout) as deadline, session(deadline) as opened:
            late = PassingError(f"was too slow: less than {human(BLOCK)} in {deadline.seconds:g} s")
            try:
                with self._answer(opened, headers) as answer:
                    if self._settled(answer, resumed="Range" in headers):
                        self._receive(answer, deadline)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise (
                    late if deadline.passed else translated(error, self.patience.timeout)
                ) from error
            except PassingError as error:
                if deadline.passed:
                    raise late from error
                raise
            if deadline.passed:  # without a length, a connection that was cut looks complete
                raise late

    def _answer(self, opened: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The answer at the end of all redirects."""
        from requests.utils import get_auth_from_url

        address, login = self.address, get_auth_from_url(self.address)
        options: dict[str, Any] = {
            "headers": headers,
            "stream": True,
            "timeout": self.patience.timeout,
        }
        for _ in range(MOST_REDIRECTS + 1):
            try:
                answer = opened.get(address, auth=login if any(login) else None, **options)
            except UnicodeError as error:  # the name of a server that cannot be coded
                raise translated(error, self.patience.timeout) from error
            target = redirected(address, answer)
            if target is None:
                return answer
            answer.close()
            if opened.should_strip_auth(address, target):
                login = get_auth_from_url(target)
            address = target
        raise MirrorError("redirects again and again")

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
        start, total = extent(answer)
        if self.expected.size is not None and total not in (None, self.expected.size):
            raise MirrorError(f"offers {total} bytes, expected {self.expected.size}")
        source = _source(answer, self.address, total)
        if answer.status_code == 206:
            if not resumed:
                raise MirrorError("sends a part of the file, though all of it was asked for")
            self._continue_with(source, start)
        else:
            self.partial.begin(source)
        self._ensure_space(total)
        return True

    def _ensure_space(self, total: int | None) -> None:
        folder, there = self.partial.data.parent, self.partial.size
        if self.expected.size is not None:
            ensure_space(folder, self.expected.size - there, self.label)
        elif total is not None:
            try:
                ensure_space(folder, total - there, self.label)
            except FetchError as error:  # only this mirror says that the file is so large
                raise MirrorError(str(error)) from error

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
        source, size = self.partial.source, self.partial.size
        if source and answer.headers.get("Content-Range", "") == f"bytes */{size}":
            self.partial.note(replace(source, size=size))
            return False
        self.partial.discard()
        raise PassingError("has no more bytes, though some are missing; beginning anew")

    def _receive(self, answer: requests.Response, deadline: Deadline) -> None:
        """Write what comes, up to what was said to come."""
        from ddpg.machine.progress import bytes_bar

        source, received = self.partial.source, self.partial.size
        total = source.size if source and source.size is not None else self.expected.size
        limit = self._unannounced() if total is None else total
        due = received + BLOCK
        with (
            bytes_bar(self.label, total, received, wanted=self.progress) as bar,
            self.partial.data.open("ab") as stream,
        ):
            for block in answer.raw.stream(BLOCK, decode_content=False):
                received += len(block)
                if received >= due:  # chunks may be of one byte: only a whole block counts
                    deadline.extend()
                    due = received + BLOCK
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

    def _unannounced(self) -> int:
        """The most bytes of a file whose size nobody says: half of what the disk has left."""
        return self.partial.size + shutil.disk_usage(self.partial.data.parent).free // 2


def _source(answer: requests.Response, address: str, total: int | None) -> Source:
    tag, date = (answer.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return Source(address, tag[:LONGEST_TAG], date[:LONGEST_TAG], total)


def _refuse_web_page(answer: requests.Response) -> None:
    """A log-in page or a notice of a captive portal, which comes with status 200."""
    if answer.headers.get("Content-Type", "").lower().startswith(PAGES):
        raise MirrorError("answers with a web page instead of the file")


def _refuse_compressed(answer: requests.Response, name: str) -> None:
    """What is compressed though we forbade it is another file, with another checksum.

    Some servers only describe with this header the compression that the file itself has.
    """
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding not in ("identity", "") and not name.lower().endswith((".gz", ".tgz")):
        words = plain(coding, 60)
        raise MirrorError(f"sends the file compressed ({words}), though this was not asked for")


def address_behind(doi: str, patience: Patience) -> str:
    """The http(s) address of ``doi:DOI/FILE``.

    Raises:
        MirrorError: there is no such DOI, or no such file in it.
    """
    import requests
    from pooch import downloaders

    try:
        parsed = downloaders.parse_url(doi)
        repository = downloaders.doi_to_repository(
            parsed["netloc"], headers=downloaders.REQUESTS_HEADERS, timeout=patience.timeout
        )
        return str(repository.download_url(parsed["path"].lstrip("/")))
    except requests.RequestException as error:
        raise translated(error, patience.timeout) from error
    except (LookupError, TypeError, ValueError) as error:  # pooch's words, or an odd answer
        raise MirrorError(plain(" ".join(str(error).split())) or "is not understood") from error
