"""A data set's archive, or what the web has of it, as a folder of pictures and lists.

What is fetched is verified as a whole and never touched again. The folder that the survey reads
stands beside it: links to what was fetched, and archives among it unpacked, because shared folders
on the web often hold a data set as one archive, or several data sets as one each.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ddpg.archives import is_archive, unpack
from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.contents import note_fetched
from ddpg.datasets.places import package_file
from ddpg.errors import UserError
from ddpg.fetching import Remote, fetch_folder
from ddpg.files.linking import keep_aside, link_or_copy, remove
from ddpg.files.writing import write_json

SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip")
"""What an archive's name ends with."""

log = logging.getLogger(__name__)


def fetch_dataset(
    card: DatasetCard, output: Path, *, pins: Path, record: Path | None = None
) -> None:
    """Make a folder of a data set's files.

    Two cards that name the same mirrors share one download. A folder that was put there by hand is
    taken as it is; one that this function has made is made anew, and kept aside if somebody has
    changed it since.

    Args:
        card: a data set whose source is several packages, an archive or on the web.
        output: the folder. What is downloaded is kept beside it, in ``.fetched``.
        pins: lock file of the checksums that the card does not give.
        record: also write down here what the folder holds, as JSON.

    Raises:
        UserError: there is nothing to fetch, or it cannot be had.
    """
    made = _note_of(output)
    if not made and _is_filled(output):
        log.info("%s: is there already, and taken as it is", output)
    else:
        if card.source.packages:
            fetched = _gathered(card, output)
        else:
            fetched = _fetched(card, output, made, pins)
        _make_anew(output, fetched, made)
        note_fetched(card)
    if record is not None:
        write_json(record, {"folder": output.name, "files": len(_tree(output))})


def _fetched(card: DatasetCard, output: Path, made: dict[str, str], pins: Path) -> Path:
    """The folder of what an archive or the web has."""
    remote = _remote(card)
    folder = output.parent / ".fetched" / _kept_place(card, remote, output, made)
    # What the user has on this machine may change; what comes from the web may not.
    lock_file = None if remote.override() else pins
    fetch_folder(remote, folder, pins=lock_file, key=f"datasets/{card.name}")
    return folder


def _gathered(card: DatasetCard, output: Path) -> Path:
    """A folder with copies of the pictures that a card lists in several packages."""
    folder = output.parent / ".fetched" / card.name
    remove(folder)
    for entry in card.listed():
        source, target = package_file(card, entry.file), folder / entry.file
        if not source.is_file():
            raise UserError(f"{card.name}: images: {entry.file}: there is no file {source}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return folder


def _make_anew(output: Path, fetched: Path, made: dict[str, str]) -> None:
    """Fill the folder from what was fetched, and note what is in it."""
    if _is_filled(output) and made.get("tree") != _tree_digest(output):
        aside = keep_aside(output, output, suffix="replaced")
        log.warning("%s: was changed since it was made; it is kept as %s", output, aside)
    remove(output)
    staging = output.with_name(f".{output.name}.linking")
    remove(staging)
    _spread(fetched, staging)
    write_json(_note_file(output), {"place": fetched.name, "tree": _tree_digest(staging)})
    staging.rename(output)


def _kept_place(card: DatasetCard, remote: Remote, output: Path, made: dict[str, str]) -> str:
    """Name of what is fetched; the earlier one where only the mirrors have changed since."""
    place, earlier = _place(card, remote), made.get("place", "")
    folder = output.parent / ".fetched"
    same_file = not remote.override() and earlier.startswith(f"{remote.file}-")
    return earlier if same_file and not _is_filled(folder / place) else place


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _tree(folder: Path) -> list[tuple[str, str]]:
    """Every file and link below a folder, with its size or what it leads to."""
    entries = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return sorted(
        (
            path.relative_to(folder).as_posix(),
            str(path.readlink()) if path.is_symlink() else str(path.stat().st_size),
        )
        for path in entries
    )


def _tree_digest(folder: Path) -> str:
    return hashlib.sha256(repr(_tree(folder)).encode()).hexdigest()


def _note_file(output: Path) -> Path:
    return output.with_name(f".{output.name}.made.json")


def _note_of(output: Path) -> dict[str, str]:
    """What was noted of a folder when it was made; nothing for one that was put there by hand."""
    try:
        note = json.loads(_note_file(output).read_text(encoding="utf-8"))
        return {"place": str(note["place"]), "tree": str(note["tree"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remote(card: DatasetCard) -> Remote:
    source = card.source
    if source.archive:
        return Remote(Path(source.archive).name, path=source.archive)
    if source.remote:
        return source.remote
    raise UserError(f"{card.name}: its pictures lie in a {source.kind}; nothing is to be fetched")


def _place(card: DatasetCard, remote: Remote) -> str:
    """Name of what is fetched: the data set's for a local path, the mirrors' otherwise."""
    if remote.override():
        return card.name
    digest = hashlib.sha256("\n".join([remote.file, *remote.mirrors]).encode()).hexdigest()
    return f"{remote.file}-{digest[:8]}"


def _spread(source: Path, target: Path) -> None:
    """Fill a new folder with links, and with what the archives hold."""
    target.mkdir(parents=True)
    archives = {
        path for path in source.iterdir() if _without_suffix(path.name) and is_archive(path)
    }
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
