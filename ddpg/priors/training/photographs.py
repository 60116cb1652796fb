"""Photographs that a training recipe names: files of packages, known by their checksums.

A recipe lists packages of a distribution that carry photographs under free licences, their version,
and of each the files it takes with their SHA-256. The pictures themselves never enter this
repository: they are read where the packages are installed, or from folders they were unpacked into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.contents import sha256_of

MISSING_SHOWN = 5
"""Of missing files, so many are named."""

VALIDATION_SIDE = 256
"""Side of the squares cut from held-back photographs, which are reduced so that they just fit."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PhotographPackage:
    """A package of photographs.

    Attributes:
        package: its name in the distribution.
        version: that the checksums belong to.
        files: path as the package installs it, without the leading slash -> SHA-256.
        held_back: those of the files that are not trained on but score what was learnt.
    """

    package: str
    version: str
    files: dict[str, str]
    held_back: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for file in self.files:
            path = PurePosixPath(file)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{self.package}: {file!r} must be a path inside the package")
        if unknown := [file for file in self.held_back if file not in self.files]:
            raise ValueError(f"{self.package}: held_back names {unknown[0]!r}, files does not")


@dataclass(frozen=True, config=ConfigDict(arbitrary_types_allowed=True))
class Photographs:
    """What a recipe's packages hold, read.

    Attributes:
        trained_on: colour photographs as they are.
        held_back: path of the file -> photograph.
    """

    trained_on: list[Image.Image]
    held_back: dict[str, Image.Image]


def read_photographs(packages: Sequence[PhotographPackage], folder: Path) -> Photographs:
    """Read every photograph of a recipe, in its order.

    Args:
        packages: that the recipe lists.
        folder: holds them, ``FOLDER/PACKAGE/FILE`` as ``dpkg-deb --extract`` writes them, or
            ``FOLDER/FILE`` as they are installed below ``/``.

    Raises:
        UserError: files are missing, or are others than the recipe's; says which, all at once.
    """
    trained_on: list[Image.Image] = []
    held_back: dict[str, Image.Image] = {}
    wrong: list[str] = []
    for package in packages:
        for file, checksum in package.files.items():
            place = next((p for p in _places(folder, package, file) if p.is_file()), None)
            if place is None:
                wrong.append(f"{file} of {package.package} {package.version} is missing")
            elif (found := sha256_of(place)) != checksum:
                wrong.append(
                    f"{place} has the SHA-256 {found}, that of {package.package} "
                    f"{package.version} is {checksum}"
                )
            elif file in package.held_back:
                held_back[file] = _read(place)
            else:
                trained_on.append(_read(place))
    if wrong:
        rest = len(wrong) - MISSING_SHOWN
        lines = wrong[:MISSING_SHOWN] + ([f"and {rest} more"] if rest > 0 else [])
        raise UserError(
            "\n  ".join([f"{folder}: not the photographs of the recipe:", *lines])
            + "\n  the recipe says how to get the packages"
        )
    return Photographs(trained_on, held_back)


def _places(folder: Path, package: PhotographPackage, file: str) -> Iterator[Path]:
    yield folder / package.package / file
    yield folder / file


def _read(place: Path) -> Image.Image:
    with Image.open(place, formats=("JPEG", "PNG")) as picture:
        return picture.convert("RGB")


def validation_squares(photographs: Photographs) -> dict[str, Tensor]:
    """The middle of every held-back photograph, reduced: path -> (3, 256, 256) in [0, 1]."""
    side = VALIDATION_SIDE
    return {
        name: torch.from_numpy(
            np.array(ImageOps.fit(photograph, (side, side), Image.Resampling.LANCZOS))
        ).permute(2, 0, 1)
        / 255
        for name, photograph in photographs.held_back.items()
    }
