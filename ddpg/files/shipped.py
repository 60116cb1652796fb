"""The files of the package, and what comes with it beside its code: workflow, profiles, cards.

In a checkout they lie around the package's folder; a wheel has them within it (``setup.py``).
Every command asks: the imports are few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SUFFIXES = frozenset(
    (
        *(".py", ".so", ".yaml", ".yml", ".json", ".tsv", ".csv", ".npz", ".npy", ".pt"),
        *(".safetensors", ".js", ".css", ".html", ".j2"),
    )
)
"""Of the files that count. A folder in which somebody works has others that are not installed."""
WORKFLOW = "__workflow__"
"""The folder in which a wheel carries the workflow. It is left out: so that a wheel and a checkout
are the same code."""
_LEFT_OUT = ("__pycache__", WORKFLOW)


def package_files(folder: str | os.PathLike[str]) -> Iterator[str]:
    """The paths of a package's files, in an order of their own; hidden ones are left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _LEFT_OUT)
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1] in SUFFIXES:  # noqa: PTH122
                yield f"{place}/{name}"


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
