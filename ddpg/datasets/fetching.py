"""A data set's archive, or what the web has of it, as a folder of pictures and lists.

What is fetched is verified as a whole and never touched again. The folder that the survey reads
stands beside it: links to what was fetched, and archives among it unpacked, because shared folders
on the web often hold a data set as one archive, or several data sets as one each.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.contents import note_fetched
from ddpg.errors import UserError
from ddpg.fetching import Remote, fetch_folder, unpack
from ddpg.fetching.archives import is_archive
from ddpg.files.linking import link_or_copy

SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip")
"""What an archive's name ends with."""

log = logging.getLogger(__name__)


def fetch_dataset(card: DatasetCard, output: Path, *, pins: Path) -> None:
    """Make a folder of a data set's files.

    Two cards that name the same mirrors share one download.

    Args:
        card: a data set whose source is an archive or on the web.
        output: the folder; it is made anew. What is downloaded is kept beside it, in ``.fetched``.
        pins: lock file of the checksums that the card does not give.

    Raises:
        UserError: there is nothing to fetch, or it cannot be had.
    """
    remote = _remote(card)
    fetched = output.parent / ".fetched" / _place(card, remote)
    # What the user has on this machine may change; what comes from the web may not.
    lock_file = None if remote.override() else pins
    fetch_folder(remote, fetched, pins=lock_file, key=f"datasets/{card.name}")
    _remove(output)
    staging = output.with_name(f".{output.name}.linking")
    _remove(staging)
    _spread(fetched, staging)
    staging.rename(output)
    note_fetched(card)


def _remote(card: DatasetCard) -> Remote:
    source = card.source
    if source.archive:
        return Remote(Path(source.archive).name, path=source.archive)
    if source.remote:
        return Remote(**{**source.remote.model_dump(), "mirrors": tuple(source.remote.mirrors)})
    raise UserError(f"{card.name}: its pictures lie in a {source.kind}; nothing is to be fetched")


def _place(card: DatasetCard, remote: Remote) -> str:
    """Name of what is fetched: the data set's for a local path, the mirrors' otherwise."""
    if remote.override():
        return card.name
    digest = hashlib.sha256("\n".join([remote.file, *remote.mirrors]).encode()).hexdigest()
    return f"{remote.file}-{digest[:8]}"


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _spread(source: Path, target: Path) -> None:
    """Fill a new folder with links, and with what the archives hold."""
    target.mkdir(parents=True)
    archives = set(_archives(source))
    for entry in sorted(source.iterdir()):
        if entry.name.startswith(".") or entry in archives:
            continue
        if entry.is_dir() and any(_archives_below(entry)):
            _spread(entry, target / entry.name)
        else:
            link_or_copy(entry, target / entry.name)
    for archive in sorted(archives):
        place = target / _without_suffix(archive.name)
        if place.exists():
            log.info("%s: not unpacked, because %s is there beside it", archive, place.name)
        else:
            unpack(archive, place)


def _archives(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if _without_suffix(path.name) and is_archive(path))


def _archives_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in files if _without_suffix(name))
        yield from (path for path in paths if is_archive(path))


def _without_suffix(name: str) -> str:
    """The name of an archive without its suffix, or nothing for other files."""
    if name.startswith("."):
        return ""
    return next((name[: -len(end)] for end in SUFFIXES if name.lower().endswith(end)), "")
