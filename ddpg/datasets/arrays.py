"""Observations that are arrays of NumPy: their heads, which tell size and type.

Planning imports this; NumPy is imported where there is an array.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ddpg.datasets.entries import ARRAY
from ddpg.errors import UserError

if TYPE_CHECKING:
    import numpy as np

CHANNELS = (1, 3)
"""Of grey and of colours."""


def is_array(path: PurePath) -> bool:
    """Whether a file is an array, going by its name."""
    return path.suffix.lower() == ARRAY


def inspect_array(path: Path) -> tuple[int, int]:
    """Return width and height of an array, (H, W), (C, H, W) or (H, W, C) of 1 or 3 channels.

    Raises:
        UserError: it is not there, no array, or of another shape or type.
    """
    array = opened_array(path)
    height, width = array.shape[:2] if is_channels_last(array.shape) else array.shape[-2:]
    return int(width), int(height)


def opened_array(path: Path) -> np.ndarray:
    """Return an array that is read from its file when it is used; its shape and type are checked.

    Raises:
        UserError: as for :func:`inspect_array`.
    """
    import zipfile

    import numpy as np

    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not an array of NumPy ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise UserError(f"{path}: several arrays in one file; give each a file of its own")
    grey = array.ndim == 2
    coloured = array.ndim == 3 and (array.shape[0] in CHANNELS or is_channels_last(array.shape))
    if not (grey or coloured) or 0 in array.shape:
        raise UserError(f"{path}: must be (H, W), (C, H, W) or (H, W, C), has shape {array.shape}")
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise UserError(f"{path}: must hold 8 or 16 bits or floats, has {array.dtype}")
    return array


def is_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the channels are the last axis: where they cannot be the first."""
    return len(shape) == 3 and shape[0] not in CHANNELS and shape[-1] in CHANNELS
