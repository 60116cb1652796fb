"""Room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def lack_of_space(folder: Path, needed: int, what: str) -> str:
    """Why the disk cannot hold so many bytes more; nothing if it can."""
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return ""
    return (
        f"{what}: not enough space in {folder}: {needed} bytes ({human(needed)}) are needed, "
        f"{free} bytes ({human(free)}) are free"
    )


def human(size: float) -> str:
    """Bytes in a unit that people read.

    >>> human(3 << 19)
    '1.5 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TiB"
