"""Files from elsewhere: found, downloaded, verified.

:func:`fetch` gives a file, :func:`fetch_folder` a folder. The network libraries are imported only
when something is downloaded.
"""

from __future__ import annotations

from ddpg.errors import FetchError
from ddpg.fetching.fetch import fetch
from ddpg.fetching.folders import fetch_folder
from ddpg.fetching.remote import Remote

__all__ = ["FetchError", "Remote", "fetch", "fetch_folder"]
