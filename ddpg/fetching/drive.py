"""Google Drive: files and folders that are shared with everybody, through gdown."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ddpg.archives.writing import Names
from ddpg.fetching.errors import MirrorError, translated
from ddpg.fetching.incoming import Incoming, Patience, Source
from ddpg.fetching.remote import check_name

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


def download(file_id: str, incoming: Incoming) -> None:
    """Complete a file on its way from a file of Google Drive.

    gdown goes on where it stopped, but does not know whether the file has changed since its last
    run: bytes of an earlier run are used only where a checksum will tell.

    Raises:
        MirrorError: Google Drive does not give the file.
    """
    import gdown

    work, patience = incoming.data.with_name(f"{incoming.data.name}.gdrive"), incoming.patience
    if not incoming.expected.digits:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(exist_ok=True)
    incoming.resumed = any(work.iterdir())
    deadline = _Deadline((patience.retries + 2) * (patience.timeout + MARGIN))
    with incoming.counted(0) as count, _translated(patience):

        def watch(received: int, total: int | None) -> None:
            deadline.renew()
            whole = total if incoming.expected.size is None else incoming.expected.size
            try:
                incoming.refuse_offer(total)
                count(received, whole)
            except MirrorError:
                shutil.rmtree(work)
                raise
            incoming.refuse_for_space((whole or 0) - received)

        gdown.download(
            id=file_id,
            output=str(work / "file"),
            resume=True,
            retries=patience.retries,
            progress=watch,
            cancel=deadline,
            **_options(patience),
        )
    (work / "file").replace(incoming.data)
    incoming.note(Source(f"gdrive:{file_id}"))
    shutil.rmtree(work)


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


def _options(patience: Patience) -> dict[str, Any]:
    """What gdown is told whatever it does; it would write cookies of its own if there are none."""
    cookies = COOKIES.expanduser().is_file()
    return {"quiet": True, "use_cookies": cookies, "timeout": patience.timeout}


class _Deadline(threading.Event):
    """What gdown asks whether to give up: it may follow pages for ever, and no block comes."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """So many seconds from now."""
        self.due = time.monotonic() + self.seconds

    def is_set(self) -> bool:
        """Whether it is over."""
        return time.monotonic() > self.due


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
