"""The pictures of the published script, in the order in which it loads them.

The script shuffles twice: the pictures of a folder with a fixed seed, and those that take part with
``--seed``. A picture's number, in the names of files and as the seed of its motion kernel, is its
place after that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddpg.datasets.entries import ImageEntry, made_ids
from ddpg.datasets.lists import read_list
from ddpg.errors import UserError
from ddpg.published.configs import FACES
from ddpg.published.translation import Translation

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What the script's loader takes for pictures."""
LIST = "imagenet_val.txt"
SHUFFLED = 2019
"""Seed of the first order of a folder's pictures."""


@dataclass(frozen=True)
class Taken:
    """The pictures that take part.

    Attributes:
        entries: with ids and paths below the folder, in the order of the script.
        first: number of the first one.
    """

    entries: tuple[ImageEntry, ...]
    first: int


def taken_pictures(translation: Translation) -> Taken:
    """The pictures that flags ask for, in the order of the script.

    Raises:
        UserError: the folder or the list is not there, holds nothing, or less than is asked for.
    """
    flags = translation.flags
    if translation.config.pictures == FACES:
        files = _of_folder(translation)
        if not translation.config.other_folder:
            order = np.random.RandomState(SHUFFLED)
            places = list(range(len(files)))
            order.shuffle(places)
            files = [files[place] for place in places]
        entries = [ImageEntry(id=name, file=file) for file, name in made_ids(files).items()]
    else:
        entries = _of_list(translation)
    first = 0
    if flags.subset_end > 0:
        if flags.subset_end > len(entries):
            raise UserError(
                f"--subset_end: must be at most {len(entries)}, so many pictures there are, got "
                f"{flags.subset_end}"
            )
        first, entries = flags.subset_start, entries[flags.subset_start : flags.subset_end]
    order_of_loading = loading_order(len(entries), flags.seed)
    return Taken(tuple(entries[place] for place in order_of_loading), first)


def loading_order(count: int, seed: int) -> list[int]:
    """The order in which PyTorch's loader shuffles so many things with a generator of this seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    # The loader draws a seed for its workers before it draws the order.
    torch.empty((), dtype=torch.int64).random_(generator=generator)
    return torch.randperm(count, generator=generator).tolist()


def _of_folder(translation: Translation) -> list[str]:
    """Paths below the folder, in its own order."""
    folder = Path(translation.pictures_folder)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: there is no such folder; it must hold the pictures, in a folder of any "
            f"name such as {folder}/face. The authors share theirs in a folder of Google Drive, "
            "gdrive-folder:1cSCTaBtnL7OIKXT4SVME88Vtk4uDd_u4 (config/README.md)"
        )
    found = files_of(folder)
    if not found:
        raise UserError(f"{folder}: holds no picture ({', '.join(SUFFIXES)})")
    return found


def files_of(folder: Path) -> list[str]:
    """The pictures below a folder, relative to it: sorted as the script's loader sorts them.

    It takes the pictures of the subfolders; where none of them holds one, here those of the folder
    itself are taken.
    """
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir())
    found = [
        os.path.relpath(Path(root, name), folder).replace(os.sep, "/")
        for top in inside
        for root, _, names in sorted(os.walk(folder / top, followlinks=True))
        for name in sorted(names)
        if _is_picture(name)
    ]
    return found or sorted(p.name for p in folder.iterdir() if p.is_file() and _is_picture(p.name))


def _is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _of_list(translation: Translation) -> list[ImageEntry]:
    """What the list names, with its classes."""
    path = Path(translation.flags.exp) / LIST
    folder = Path(translation.pictures_folder)
    if not path.is_file() or not folder.is_dir():
        missing = path if not path.is_file() else folder
        raise UserError(
            f"{missing}: is not there; pictures of ImageNet's validation set belong into {folder}, "
            f"their list, a line of name and class for each, into {path}. The authors share both "
            "in a folder of Google Drive, gdrive-folder:1cSCTaBtnL7OIKXT4SVME88Vtk4uDd_u4, the "
            "list under the name imagenet_val_1k.txt (config/README.md)"
        )
    entries = read_list(path).entries
    absent = [entry.file for entry in entries if not (folder / entry.file).is_file()]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(f"{folder}: lacks {absent[0]}{more}, which {path} names")
    return list(entries)
