"""Archives, wherever they come from, unpacked safely: :func:`unpack`."""

from __future__ import annotations

from ddpg.archives.reading import is_archive, unpack
from ddpg.archives.writing import ArchiveError

__all__ = ["ArchiveError", "is_archive", "unpack"]
