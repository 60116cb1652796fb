"""Arrays in files of numpy."""

from __future__ import annotations

import os
import zipfile
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ddpg.errors import UserError


def read_array(path: str | os.PathLike[str], *, mapped: bool = False) -> NDArray[Any]:
    """The array in an ``.npy`` file.

    Args:
        mapped: whether its values are left where they are, for who looks at its shape alone.

    Raises:
        UserError: it cannot be read, or is no such file.
    """
    mode: Literal["r"] | None = "r" if mapped else None
    try:
        array = np.load(path, mmap_mode=mode, allow_pickle=False)
    except FileNotFoundError as error:
        raise UserError(f"{os.fspath(path)}: no such file") from error
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{_unread(path)} ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise UserError(f"{_unread(path)}: it is an archive (.npz); save the array alone (.npy)")
    return array


def _unread(path: str | os.PathLike[str]) -> str:
    return f"{os.fspath(path)}: cannot be read as an array of numpy"
