"""Google Drive: files and folders that are shared with everybody, through gdown."""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddpg.fetching.answers import translated
from ddpg.fetching.checks import Expected, lack_of_space
from ddpg.fetching.errors import MirrorError
from ddpg.fetching.patience import Partial, Patience, Source
from ddpg.fetching.remote import check_name
from ddpg.fetching.unpacking import Names

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)

COOKIES = Path("~/.cache/gdown/cookies.txt")
"""Cookies of a signed-in browser, which gdown uses if the user has put them there; without them it
would write some of its own into the home folder."""

MARGIN = 30.0
"""Seconds that gdown may wait beside each attempt's timeout."""

PAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What gdown raises for a page whose layout it does not expect."""

MEANINGS = {
    r"too many users|quota|at this time": "its download quota is used up; try again in some hours, "
    "or download it in a browser",
    r"cannot retrieve the public link|permission|access denied|no longer": "no public download: it "
    "is gone, not shared with everybody, or had too many downloads",
}
"""What the pages and gdown's errors say -> what it means."""


def download(
    file_id: str,
    partial: Partial,
    expected: Expected,
    label: str,
    patience: Patience,
    progress: bool,
) -> None:
    """Complete a partial file from a file of Google Drive.

    gdown goes on where it stopped, but does not know whether the file has changed since its last
    run: bytes of an earlier run are used only where a checksum will tell.

    Raises:
        MirrorError: Google Drive does not give the file.
    """
    import gdown

    from ddpg.machine.progress import bytes_bar

    work = partial.data.with_name(f"{partial.data.name}.gdrive")
    if not expected.verifiable:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(exist_ok=True)
    partial.resumed = any(work.iterdir())
    with bytes_bar(label, expected.size, 0, wanted=progress) as bar, _translated(patience):
        watch = _Watch(work, expected.size, label, bar, patience)
        try:
            gdown.download(
                id=file_id,
                output=str(work / "file"),
                resume=True,
                retries=patience.retries,
                progress=watch,
                cancel=watch.cancel,
                **_options(patience),
            )
        finally:
            watch.timer.cancel()
    (work / "file").replace(partial.data)
    partial.note(Source(f"gdrive:{file_id}"))
    shutil.rmtree(work)


def _options(patience: Patience) -> dict[str, Any]:
    """What gdown is told whatever it does; it would write cookies of its own if there are none."""
    cookies = COOKIES.expanduser().is_file()
    return {"quiet": True, "use_cookies": cookies, "timeout": patience.timeout}


def list_folder(folder_id: str, patience: Patience) -> dict[Path, str]:
    """The files of a folder and its subfolders: path below the folder -> id.

    Raises:
        MirrorError: the folder cannot be listed, is empty, or holds impossible names.
    """
    import gdown

    with _translated(patience):
        listing: Any = gdown.download_folder(
            id=folder_id, output="folder", skip_download=True, **_options(patience)
        )
    if not listing:
        raise MirrorError("the folder is empty, or not shared with everybody")
    names = Names()
    try:
        files = {names.add(file.path): file.id for file in listing}
        for path in files:
            check_name(path.name)
    except ValueError as error:
        raise MirrorError(f"the folder holds a file that cannot be stored: {error}") from error
    return files


class _Watch:
    """Follows gdown: moves the bar, checks size and space, and ends what goes round in circles."""

    def __init__(
        self, work: Path, size: int | None, label: str, bar: tqdm, patience: Patience
    ) -> None:
        self.work, self.size, self.label, self.bar = work, size, label, bar
        self.room = shutil.disk_usage(work).free // 2
        self.seconds = (patience.retries + 2) * (patience.timeout + MARGIN)
        self.cancel = threading.Event()
        self.timer = self._timer()

    def _timer(self) -> threading.Timer:
        """Cancels if no block comes after all retries: gdown may follow pages for ever."""
        timer = threading.Timer(self.seconds, self.cancel.set)
        timer.daemon = True
        timer.start()
        return timer

    def __call__(self, received: int, total: int | None) -> None:
        """Called by gdown after every block."""
        self.timer.cancel()
        self.timer = self._timer()
        whole = total if self.size is None else self.size
        if total not in (None, whole):
            self._refuse(f"offers {total} bytes, expected {whole}")
        if received > (self.room if whole is None else whole):
            what = "half of what the disk has left" if whole is None else f"expected {whole} bytes"
            self._refuse(f"sends more than the {what}")
        if problem := lack_of_space(self.work, (whole or 0) - received, self.label):
            raise MirrorError(problem)
        self.bar.total = whole
        self.bar.update(received - self.bar.n)

    def _refuse(self, reason: str) -> None:
        shutil.rmtree(self.work)
        raise MirrorError(reason)


@contextmanager
def _translated(patience: Patience) -> Iterator[None]:
    """Errors of gdown, and pages that come instead of the file, as one line for people."""
    import requests
    import urllib3
    from gdown.exceptions import DownloadCancelled, DownloadError

    try:
        yield
    except DownloadCancelled as error:
        raise MirrorError("sends pages, but never the file") from error
    except DownloadError as error:
        log.debug("gdown: %s", error)
        raise MirrorError(_meaning(str(error))) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise MirrorError(str(translated(error, patience.timeout))) from error
    except PAGE as error:
        raise MirrorError("sends a page that gdown does not understand") from error


def _meaning(message: str) -> str:
    """What an error of gdown, which contains the words of Google's page, means."""
    text = " ".join(message.split())
    for signs, meant in MEANINGS.items():
        if re.search(signs, text, re.IGNORECASE):
            return meant
    return re.split(" You may still be able| The received bytes are kept", text)[0]
