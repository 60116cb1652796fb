"""A user's own file or folder under the name that the workflow expects, or kept beside it."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path


def link_or_copy(local: Path, target: Path) -> None:
    """Make ``target`` a symbolic link to ``local``, or a copy where links cannot be made.

    Either appears at once; a link that was there is replaced, anything else must be gone.
    """
    temporary = target.with_name(f".{target.name}.linking")
    remove(temporary)
    try:
        temporary.symlink_to(local.resolve(), target_is_directory=local.is_dir())
    except (OSError, NotImplementedError):  # some network and Windows file systems
        if local.is_dir():
            shutil.copytree(local, temporary, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(local, temporary)
    if target.is_symlink():
        target.unlink()
    temporary.replace(target)


def remove(path: Path) -> None:
    """Remove a link, a file or a whole folder; nothing if there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def keep_aside(path: Path, name: Path, *, suffix: str = "sha256-mismatch") -> Path:
    """Rename what is not wanted to ``NAME.sha256-mismatch``, numbered if taken; the new path.

    Args:
        name: the name that it has, or would have had: the same bytes are then not kept twice.
    """
    number = 0
    while True:
        aside = name.with_name(f"{name.name}.{suffix}" + (f"-{number}" if number else ""))
        if not aside.exists() and not aside.is_symlink():
            path.rename(aside)
            return aside
        if path != name and aside.is_file() and filecmp.cmp(path, aside, shallow=False):
            path.unlink()
            return aside
        number += 1
