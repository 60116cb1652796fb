"""Files from elsewhere: found, downloaded, verified, unpacked.

:func:`fetch` gives a file, :func:`fetch_folder` a folder, :func:`unpack` the members of an
archive. The network libraries are imported only when something is downloaded.
"""

from __future__ import annotations

from ddpg.fetching.archives import unpack
from ddpg.fetching.errors import ArchiveError, FetchError
from ddpg.fetching.fetch import fetch
from ddpg.fetching.folders import fetch_folder
from ddpg.fetching.remote import Remote

__all__ = ["ArchiveError", "FetchError", "Remote", "fetch", "fetch_folder", "unpack"]
