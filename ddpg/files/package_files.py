"""The files of a package that count for what it does. Every command asks: the imports are few."""

from __future__ import annotations

import os
from collections.abc import Iterator

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
