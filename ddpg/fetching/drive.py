"""Google Drive: files and folders that are shared with everybody, through gdown."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ddpg.errors import UserError
from ddpg.fetching.answers import translated
from ddpg.fetching.checks import Expected, ensure_space
from ddpg.fetching.errors import FetchError, MirrorError
from ddpg.fetching.patience import Partial, Patience, Source
from ddpg.fetching.remote import check_name
from ddpg.fetching.unpacking import Names

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)

COOKIES = Path("~/.cache/gdown/cookies.txt")
"""Cookies of a signed-in browser, which gdown uses if the user has put them there."""

MARGIN = 30.0
"""Seconds that gdown may wait beside each attempt's timeout."""

PAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What gdown raises for a page whose layout it does not expect."""

MEANINGS = (
    (
        ("too many users", "quota", "at this time"),
        "its download quota is used up; try again in some hours, or download it in a browser",
    ),
    (
        ("cannot retrieve the public link", "permission", "access denied", "no longer"),
        "no public download: it is gone, not shared with everybody, or had too many downloads",
    ),
)
"""What the pages and gdown's errors say -> what it means."""


class DriveFile(NamedTuple):
    """A file of a folder: its id and its path below the folder."""

    id: str
    path: Path


def download(
    file_id: str,
    partial: Partial,
    expected: Expected,
    *,
    label: str,
    patience: Patience,
    progress: bool,
) -> None:
    """Complete a partial file from a file of Google Drive.

    gdown goes on where it stopped, but does not know whether the file has changed since its last
    run: bytes of an earlier run are used only where a checksum will tell.

    Raises:
        MirrorError: Google Drive does not give the file.
        FetchError: the disk has no room for it.
    """
    from ddpg.machine.progress import bytes_bar

    work = partial.data.with_name(f"{partial.data.name}.gdrive")
    if not expected.verifiable:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(exist_ok=True)
    resumed = any(work.iterdir())
    with bytes_bar(label, expected.size, 0, wanted=progress) as bar:
        watch = _Watch(work, expected, label, bar)
        try:
            _gdown_file(file_id, work / "file", watch, patience)
        except _WrongSizeError as error:
            shutil.rmtree(work)
            raise MirrorError(str(error)) from error
    (work / "file").replace(partial.data)
    partial.note(Source(f"gdrive:{file_id}", mixed=resumed))
    shutil.rmtree(work)


def list_folder(folder_id: str, patience: Patience) -> list[DriveFile]:
    """The files of a folder and its subfolders.

    Raises:
        MirrorError: the folder cannot be listed, is empty, or holds impossible names.
    """
    import gdown

    with _translated(patience):
        found: Any = gdown.download_folder(
            id=folder_id,
            output="folder",
            quiet=True,
            skip_download=True,
            use_cookies=_has_cookies(),
            timeout=patience.timeout,
        )
    if not found:
        raise MirrorError("the folder is empty, or not shared with everybody")
    names = Names()
    try:
        files = [DriveFile(file.id, names.add(file.path)) for file in found]
        for file in files:
            check_name(file.path.name)
    except ValueError as error:
        raise MirrorError(f"the folder holds a file that cannot be stored: {error}") from error
    return files


def _gdown_file(file_id: str, output: Path, watch: _Watch, patience: Patience) -> None:
    import gdown

    with _translated(patience), watch.patient(patience):
        gdown.download(
            id=file_id,
            output=str(output),
            quiet=True,
            resume=True,
            use_cookies=_has_cookies(),
            timeout=patience.timeout,
            retries=patience.retries,
            progress=watch,
            cancel=watch.cancel,
        )


class _WrongSizeError(FetchError):
    """The file there has another size than the card says."""


class _Watch:
    """Follows gdown: moves the bar, checks size and space, and ends what goes round in circles."""

    def __init__(self, folder: Path, expected: Expected, label: str, bar: tqdm) -> None:
        self.folder, self.expected, self.label, self.bar = folder, expected, label, bar
        self.cancel = threading.Event()
        self._timer: threading.Timer | None = None
        self._checked, self._seconds = False, MARGIN
        self._limit = shutil.disk_usage(folder).free // 2
        """Bytes of a file whose size nobody says."""

    def __call__(self, received: int, total: int | None) -> None:
        """Called by gdown after every block."""
        self._start_timer()
        if not self._checked:
            self._check(received, total)
        if self.expected.size is not None and received > self.expected.size:
            raise _WrongSizeError(f"sends more than the expected {self.expected.size} bytes")
        if self.expected.size is None and total is None and received > self._limit:
            raise _WrongSizeError("sends more than half of what the disk has left, without end")
        self.bar.total = total or self.expected.size
        self.bar.update(received - self.bar.n)

    def _check(self, received: int, total: int | None) -> None:
        self._checked = True
        if total is not None and self.expected.size not in (None, total):
            raise _WrongSizeError(f"offers {total} bytes, expected {self.expected.size}")
        whole = self.expected.size if total is None else total
        try:
            ensure_space(self.folder, (whole or 0) - received, self.label)
        except FetchError as error:
            if self.expected.size is None:  # only the server says so
                raise _WrongSizeError(str(error)) from error
            raise

    @contextmanager
    def patient(self, patience: Patience) -> Iterator[None]:
        """Cancel if no block comes after all retries: gdown may follow pages for ever."""
        self._seconds = (patience.retries + 2) * (patience.timeout + MARGIN)
        self._start_timer()
        try:
            yield
        finally:
            self._stop_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = threading.Timer(self._seconds, self.cancel.set)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _has_cookies() -> bool:
    """Without cookies of the user gdown would write some of its own into the home folder."""
    return COOKIES.expanduser().is_file()


@contextmanager
def _translated(patience: Patience) -> Iterator[None]:
    """Errors of gdown, and pages that come instead of the file, as one line for people."""
    import requests
    import urllib3
    from gdown.exceptions import DownloadCancelled, DownloadError

    try:
        yield
    except UserError:  # what we ourselves have said meanwhile
        raise
    except DownloadCancelled as error:
        raise MirrorError("sends pages, but never the file") from error
    except DownloadError as error:
        log.debug("gdown: %s", error)
        raise MirrorError(meaning(str(error))) from error
    except requests.RequestException as error:
        raise MirrorError(str(translated(error, patience.timeout))) from error
    except urllib3.exceptions.HTTPError as error:
        raise MirrorError(str(translated(error, patience.timeout))) from error
    except PAGE as error:
        raise MirrorError("sends a page that gdown does not understand") from error


def meaning(message: str) -> str:
    """What an error of gdown means.

    Args:
        message: gdown's words, which contain those of Google's page.
    """
    text = " ".join(message.split())
    for signs, meant in MEANINGS:
        if any(sign in text.lower() for sign in signs):
            return meant
    for advice in (" You may still be able", " The received bytes are kept"):
        text = text.partition(advice)[0]
    return text


def download_files(
    files: list[DriveFile], folder: Path, fetch_one: Callable[[DriveFile, Path], None]
) -> None:
    """Complete a folder: what is there stays, what does not belong to it goes.

    Args:
        files: what the folder must hold.
        folder: a hidden folder; what an interrupted run has left in it is used.
        fetch_one: downloads one file to a path.
    """
    folder.mkdir(exist_ok=True)
    wanted = {folder / file.path for file in files}
    for path in [p for p in folder.rglob("*") if p.is_file() and p not in wanted]:
        if not path.name.startswith("."):
            path.unlink()
    for file in files:
        target = folder / file.path
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            fetch_one(file, target)
