"""Where the parts of a data set lie in its source, whose layout may be known in part only."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.matching import find_pictures, walk
from ddpg.errors import UserError

log = logging.getLogger(__name__)


def source_folder(folder: str = ".", package: str | None = None) -> Path:
    """A folder of an installed package, or just a folder.

    Raises:
        UserError: the package is not installed.
    """
    if not package:
        return Path(folder)
    return _package_folder(package) / folder


def package_file(card: DatasetCard, file: str) -> Path:
    """Where a picture lies of a card that takes its pictures from several packages.

    Args:
        file: as the card lists it: the name of its package, then the path below that one's folder.

    Raises:
        UserError: the card names no such package, or it is not installed.
    """
    packages = card.source.packages or {}
    package, _, name = file.partition("/")
    if package not in packages or not name:
        known = ", ".join(f"{known}/" for known in packages)
        raise UserError(f"{card.name}: images: {file!r} must begin with one of {known}")
    return source_folder(packages[package], package) / name


def _package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing any part of it: a card says
    where pictures lie, and must not have code run.
    """
    top, *inner = package.split(".")
    try:
        # Only of a package inside another one does this import the outer one.
        spec = importlib.util.find_spec(top) if top.isidentifier() else None
    except (ImportError, ValueError):  # ValueError: it has been imported, without a spec
        spec = None
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location, *inner)
        if folder.is_dir() and all(name.isidentifier() for name in inner):
            return folder
    raise UserError(f"source.package: the Python package {package!r} is not installed")


def root_folder(card: DatasetCard, fetched: Path | None = None) -> Path:
    """The folder of a data set's source.

    Args:
        fetched: what ``ddpg job fetch-dataset`` made, for an archive and what comes from the web.

    Raises:
        UserError: the package is not installed, or the source must be fetched first.
    """
    if fetched is not None:
        return fetched
    if card.source.is_fetched:
        raise UserError(f"{card.name}: run `ddpg job fetch-dataset` first and give its folder")
    return source_folder(card.source.folder, card.source.package)


def pictures_folder(card: DatasetCard, root: Path) -> Path:
    """The folder of the pictures in what was fetched; ``root`` itself for other sources.

    The card's ``folder`` may lie deeper than at the top of an archive. A user's own folder, given
    instead of the web's, need not repeat it if it has just the pictures, or if a list says which
    of its pictures are meant.

    Raises:
        UserError: there is no such folder; the message says what there is.
    """
    if not root.is_dir():
        raise UserError(f"{card.name}: {root}: there is no such folder")
    wanted = card.source.folder
    if not card.source.is_fetched or (root / wanted).is_dir():
        return root / wanted if card.source.is_fetched else root
    deeper = [place for parent, _, _ in walk(root) if (place := parent / wanted).is_dir()]
    if len(deeper) == 1:
        return deeper[0]
    count = len(find_pictures(root, arrays=card.observations))
    if not deeper and count and (card.list_in_source or count == card.count):
        log.warning("%s: has no folder %r; the pictures are looked for in all of it", root, wanted)
        return root
    raise UserError(_no_folder(card, root, deeper))


def _no_folder(card: DatasetCard, root: Path, deeper: list[Path]) -> str:
    if deeper:
        places = ", ".join(str(path.relative_to(root)) for path in deeper)
        return f"{card.name}: source.folder: {card.source.folder!r} may be any of {places}"
    there = sorted(f"{path.name}/" if path.is_dir() else path.name for path in root.iterdir())
    shown = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    return (
        f"{card.name}: source.folder: {root} has no folder {card.source.folder!r}, and not "
        f"{card.count} pictures in all; it has {shown or 'nothing'}"
    )


def find_list(name: str, root: Path, base: Path) -> Path:
    """The list of a data set: beside the pictures, above them, deeper, or in the working tree.

    Raises:
        UserError: it is in none of these places, or in several folders.
    """
    for place in (base / name, root / name):
        if place.is_file():
            return place
    deeper = [place for parent, _, _ in walk(root) if (place := parent / name).is_file()]
    if len(deeper) == 1:
        return deeper[0]
    if not deeper and Path(name).is_file():
        return Path(name)
    remedy = f"it may be any of {', '.join(map(str, deeper))}" if deeper else "put it there"
    raise UserError(f"images.list: {root} has no {name}; {remedy}")
