"""Everything that is neither http(s) nor Google Drive: FTP, SFTP and DOIs, through pooch."""

from __future__ import annotations

import errno
import ftplib
from typing import Any
from urllib.parse import unquote, urlsplit

from ddpg.fetching.answers import translated
from ddpg.fetching.checks import Expected, ensure_space
from ddpg.fetching.errors import MirrorError, PassingError
from ddpg.fetching.partial import Partial, Source
from ddpg.fetching.patience import Patience, persist
from ddpg.fetching.remote import shown

FULL = (errno.ENOSPC, errno.EDQUOT)
PORTS = {"ftp": 21, "sftp": 22}


def download(
    address: str,
    partial: Partial,
    expected: Expected,
    *,
    label: str,
    patience: Patience,
) -> None:
    """Fill a partial file through pooch, always from its beginning.

    Raises:
        MirrorError: this mirror does not give the file.
        FetchError: the disk has no room for it.
    """

    def attempt() -> None:
        partial.begin(Source(address, mixed=True))
        if expected.size is not None:
            ensure_space(partial.data.parent, expected.size, label)
        _retrieve(address, partial, patience)
        if expected.size is not None and partial.size < expected.size:
            raise PassingError(f"ended after {partial.size} of {expected.size} bytes")

    # Nothing is resumed, so no attempt brings the file on: the size must not undo the count.
    persist(attempt, lambda: 0, patience, shown(address))


def _retrieve(address: str, partial: Partial, patience: Patience) -> None:
    import requests

    downloader, plain = _downloader(address, patience)
    try:
        downloader(plain, str(partial.data), None)
    except ftplib.error_perm as error:  # 5xx: it will be no better next time
        raise MirrorError(f"answers {error}") from error
    except (ftplib.Error, EOFError) as error:
        raise PassingError(f"the connection broke: {error or 'no answer'}") from error
    except requests.RequestException as error:
        raise translated(error, patience.timeout) from error
    except OSError as error:
        if error.filename is not None or error.errno in FULL:  # the disk, not the network
            raise
        raise PassingError(f"cannot be reached: {error.strerror or error}") from error
    except ValueError as error:  # pooch's word for a DOI without such a file
        raise MirrorError(" ".join(str(error).split())) from error


def _downloader(address: str, patience: Patience) -> tuple[Any, str]:
    """Pooch's downloader and the address in the form that it understands.

    Pooch takes port, name and password as arguments, not from the address.
    """
    import pooch

    parts = urlsplit(address)
    if parts.scheme not in PORTS:
        return pooch.DOIDownloader(timeout=patience.timeout), address
    kind = {"ftp": pooch.FTPDownloader, "sftp": pooch.SFTPDownloader}[parts.scheme]
    keys: dict[str, Any] = {"port": parts.port or PORTS[parts.scheme], "timeout": patience.timeout}
    if parts.username:
        keys |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    try:
        return kind(**keys), f"{parts.scheme}://{parts.hostname}{parts.path}"
    except ValueError as error:  # sftp needs paramiko
        raise MirrorError(" ".join(str(error).split())) from error
