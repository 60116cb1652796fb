"""A user's own file or folder under the name that the workflow expects."""

from __future__ import annotations

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
