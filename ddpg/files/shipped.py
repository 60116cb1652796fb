"""What comes with the package beside its code: the workflow, its profiles and cards.

In a checkout they lie around the package's folder; a wheel has them within it (``setup.py``).
"""

from __future__ import annotations

import os
from pathlib import Path

from ddpg.files.package_files import WORKFLOW

PACKAGE = Path(__file__).parents[1]


def shipped(path: str | os.PathLike[str]) -> Path:
    """A file or folder that comes with the package, which may not be there.

    >>> shipped("Snakefile").name
    'Snakefile'
    """
    within = PACKAGE / WORKFLOW
    return (within if within.is_dir() else PACKAGE.parent) / path


def own_or_shipped(path: Path) -> Path:
    """A file of this folder or, where there is none, the one of this path that comes with the
    package; the first, if there is neither."""
    other = shipped(path)
    return other if not path.is_absolute() and not path.exists() and other.is_file() else path


def names_in(folder: Path) -> list[str]:
    """The names of the cards in a folder and in the one that comes with the package, in order."""
    return sorted(
        {card.stem for place in (folder, shipped(folder)) for card in place.glob("*.yaml")}
    )
