"""Which commit of a git repository a folder's files are, and which of them differ from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

_SECONDS = 60
"""After which git is given up."""


def repository_state(folder: Path, tracked: str, new: Iterable[str] = ()) -> dict[str, object]:
    """Tell the commit of a folder's repository, and what has been changed since.

    Args:
        folder: in the repository.
        tracked: a file below it that the repository must hold: a package that is installed below
            somebody's repository is not that repository's.
        new: files and folders below it in which files that git does not know count as changes, too.

    Returns:
        ``commit``, and ``changed``, the changed files below the repository's top in order; empty
        where there is no git, no repository, or one that does not hold that file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as place:
        ...     repository_state(Path(place), "README.md")
        {}
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "--", tracked) is None:
        return {}
    changed = _changed(folder, "--untracked-files=no")
    if new:
        changed |= _changed(folder, "--untracked-files=all", "--", *new)
    return {"commit": commit.strip(), "changed": sorted(changed)}


def _changed(folder: Path, *options: str) -> set[str]:
    """The names that ``git status`` gives; of a file that was moved, the new one."""
    told = (_git(folder, "status", "--porcelain=v1", "-z", *options) or "").split("\0")
    names: set[str] = set()
    while told:
        entry = told.pop(0)
        if entry:
            names.add(entry[3:])
            if "R" in entry[:2] or "C" in entry[:2]:  # the old name follows
                told.pop(0)
    return names


def _git(folder: Path, *command: str) -> str | None:
    """What git says, or None where it fails; it writes nothing, and asks no hook's variables."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and paths behind "--"
            ["git", "-C", str(folder), *command],  # noqa: S607 - the user's own git
            env=environment, capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout)
