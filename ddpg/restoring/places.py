"""Which pictures are meant, and where each restoration goes; without torch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddpg.datasets.matching import find_pictures
from ddpg.errors import UserError
from ddpg.restoring.formats import check_format

ADDED = "-restored"
"""What is added to a name where no output is given."""
SUFFIX = ".png"


@dataclass(frozen=True)
class Place:
    """A picture and where its restoration goes.

    Attributes:
        source: the file.
        target: the file to be written.
    """

    source: Path
    target: Path

    def sample(self, number: int) -> Path:
        """Where one of several restorations goes, counted from 1."""
        return self._beside(f"-sample-{number}")

    @property
    def spread(self) -> Path:
        """Where the picture of their spread goes."""
        return self._beside("-spread")

    def files(self, samples: int) -> list[Path]:
        """Everything that will be written."""
        if samples == 1:
            return [self.target]
        return [self.target, *(self.sample(n + 1) for n in range(samples)), self.spread]

    def check(self, samples: int, *, force: bool) -> None:
        """Refuse to overwrite, and to begin what could not be written.

        Raises:
            UserError: naming the file.
        """
        for path in self.files(samples):
            if path.exists() and self.source.exists() and path.samefile(self.source):
                raise UserError(f"{path}: is the picture itself; choose another output")
            if path.is_dir():
                raise UserError(f"{path}: is a folder")
            if path.exists() and not force:
                raise UserError(f"{path}: is there already; --force overwrites it")
        check_writable(self.target)

    def _beside(self, added: str) -> Path:
        return self.target.with_name(f"{self.target.stem}{added}{self.target.suffix}")


def check_writable(path: Path) -> None:
    """Refuse a file in a folder that cannot be written to, or made.

    Raises:
        UserError: naming the folder.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise UserError(f"{path}: cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written: no permission for {folder}")


def check_page(page: Path, *, force: bool) -> None:
    """Refuse a page that would overwrite something, or that could not be written.

    Raises:
        UserError: naming the file.
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{page}: a page's name ends with .html")
    if page.exists() and not force:
        raise UserError(f"{page}: is there already; --force overwrites it")
    check_writable(page)


def places(inputs: Sequence[Path], output: Path | None) -> list[Place]:
    """The pictures of files and folders, each with its target.

    Without an output a picture ``a.jpg`` becomes ``a-restored.png`` beside it, and a folder
    ``photos`` one beside it, ``photos-restored``. An output is a folder if there are several
    pictures, if it is one, or if it ends with a slash or without a suffix. In a folder names are
    kept, but for the suffix; those that would then meet keep theirs inside, ``a.jpg.png``.

    Args:
        inputs: pictures, and folders that are searched with their subfolders.
        output: the file, for one picture, or the folder.

    Raises:
        UserError: a folder holds no picture, or the output cannot be one.
    """
    given = [(path, list(_pictures(path, output))) for path in inputs]
    single = len(given) == 1 and not given[0][0].is_dir()
    if output is not None and single and not _is_folder(output):
        check_format(output)
        return [Place(inputs[0], output)]
    if output is not None and not _is_folder(output):
        several = "several pictures need a folder" if not output.exists() else "is not a folder"
        raise UserError(f"{output}: {several}")
    found: list[tuple[Path, Path]] = []
    for path, pictures in given:
        for name in pictures:
            found.append(_target(path, name, output))
    return _apart(found)


def _pictures(path: Path, output: Path | None) -> Iterator[str]:
    """The pictures of a folder, relative to it; of a file, its name.

    Those that lie in the output, because an earlier run has put them there, are left out.
    """
    if not path.is_dir():
        yield path.name
        return
    names = find_pictures(path)
    if not names:
        raise UserError(f"{path}: holds no picture")
    inside = output.absolute() if output is not None else None
    for name in names:
        if (
            inside is None
            or inside == path.absolute()
            or inside not in (path / name).absolute().parents
        ):
            yield name


def _target(path: Path, name: str, output: Path | None) -> tuple[Path, Path]:
    """The source, and the target without its suffix."""
    source = path / name if path.is_dir() else path
    if output is not None:
        return source, output / name
    if not path.is_dir():
        return source, path.with_name(f"{path.stem}{ADDED}{path.suffix}")
    folder = path.absolute()
    return source, folder.with_name(f"{folder.name}{ADDED}") / name


def _apart(found: Sequence[tuple[Path, Path]]) -> list[Place]:
    """Targets with the suffix of the format, none twice."""
    plain = [target.with_suffix(SUFFIX) for _, target in found]
    counts = Counter(str(path).casefold() for path in plain)
    result, taken = [], set()
    for (source, target), short in zip(found, plain, strict=True):
        twice = counts[str(short).casefold()] > 1
        chosen = target.with_name(f"{target.name}{SUFFIX}") if twice else short
        if str(chosen).casefold() in taken:
            raise UserError(f"{chosen}: two pictures would go there; restore them one by one")
        taken.add(str(chosen).casefold())
        result.append(Place(source, chosen))
    return result


def _is_folder(output: Path) -> bool:
    return output.is_dir() or (not output.suffix and not output.is_file())
