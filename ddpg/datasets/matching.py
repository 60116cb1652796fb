"""Finding the pictures of a source, and the file that a name of a list means."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ddpg.datasets.arrays import is_array
from ddpg.datasets.entries import folded, is_picture, kind_of, natural_key, stem
from ddpg.errors import UserError

_LEFT_OUT = ("__MACOSX", "@eaDir", "lost+found")
"""Folders that systems make on their own; those whose names begin with a dot are left out too."""

_KINDS = 12
"""How many kinds of files that are left out are named."""


def find_pictures(folder: Path, *, arrays: bool = False) -> list[str]:
    """The paths of all pictures below a folder, relative to it, in natural order of their ids.

    Args:
        arrays: whether an array counts as a picture.

    Links are followed, each folder once. Hidden files and those that systems add are left out.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    pictures = (
        path.relative_to(folder).as_posix()
        for parent, _, files in walk(folder)
        for path in (parent / name for name in files if is_picture(name, arrays=arrays))
        # A link to nowhere is a picture that is lost, not one that never was.
        if path.is_file() or path.is_symlink()
    )
    return sorted(pictures, key=lambda file: (natural_key(stem(file).replace("/", "-")), file))


def arrays_first(files: Iterable[str]) -> list[str]:
    """The files without the pictures beside which an array of the same name lies: the array is
    exact, and the picture for looking at, as ``ddpg export`` writes both.

    >>> arrays_first(["a.npy", "a.png", "b.png"])
    ['a.npy', 'b.png']
    """
    files = list(files)
    exact = {stem(file) for file in files if is_array(PurePosixPath(file))}
    return [f for f in files if is_array(PurePosixPath(f)) or stem(f) not in exact]


def left_out(folder: Path, *, arrays: bool = False) -> str:
    """The files below a folder that are no pictures, going by their names, in words.

    Returns:
        how many there are, and with which suffixes, such as ``2 files (.heic: 1, .txt: 1)``; empty
        where there are none. Hidden files are not counted.
    """
    names = (name for _, _, files in walk(folder) for name in files if not name.startswith("."))
    kinds = Counter(kind_of(name) for name in names if not is_picture(name, arrays=arrays))
    if not kinds:
        return ""
    shown = ", ".join(f"{kind}: {number}" for kind, number in kinds.most_common(_KINDS))
    return f"{kinds.total()} files ({shown}{', ...' if len(kinds) > _KINDS else ''})"


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder below one, itself first, with the names of its folders and files.

    Links are followed, each folder once: a link to a folder above would never end.
    """
    visited: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in _LEFT_OUT)
        yield Path(parent), folders, files


class FileFinder:
    """Finds the files that names mean: with or without folders, and with or without suffix.

    Args:
        files: paths of pictures relative to their folder.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._files = tuple(files)
        self._known = set(self._files)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            self._by_name[_last(file)].append(file)

    def find(self, name: str) -> list[str]:
        """The files that a name may mean: none, one, or several where it is ambiguous.

        A path that exists means itself. Otherwise the file's name must be the same up to its
        suffix and the case of letters, and so must the folders that both have; of several files
        those win that agree best.
        """
        if name in self._known:
            return [name]
        agreeing = {file: _agreement(file, name) for file in self._by_name.get(_last(name), [])}
        best = max(filter(None, agreeing.values()), default=None)
        return [file for file, agreement in agreeing.items() if best and agreement == best]


def _last(file: str) -> str:
    return folded(PurePosixPath(stem(file)).name)


def _agreement(file: str, name: str) -> tuple[int, bool, bool] | None:
    """How well a file fits a name, or None where their folders contradict each other."""
    ours, theirs = (PurePosixPath(path).parts[-2::-1] for path in (file, name))
    pairs = list(zip(ours, theirs, strict=False))
    if any(folded(own) != folded(other) for own, other in pairs):
        return None
    last, wanted = PurePosixPath(file).name, PurePosixPath(name).name
    return len(pairs), folded(last) == folded(wanted), last == wanted
