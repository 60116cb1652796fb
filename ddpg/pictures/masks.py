"""Masks of people: which pixels of a picture are known.

White (255, or 1) is known, black is missing, as for :func:`ddpg.operators.build_operator`. A mask
that was drawn over a picture and saved has soft edges, and as a JPEG it has no pure black or white;
what is not nearly white counts as missing, because half of such a pixel is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddpg.errors import UserError
from ddpg.pictures.arrays import read_array

Mask = NDArray[np.bool_]

KNOWN = 0.95
"""The share of white from which on a pixel is known; a JPEG's white reaches 0.97 and more."""


def read_mask(path: str | os.PathLike[str], size: tuple[int, int], *, inverted: bool) -> Mask:
    """The mask in a picture or in an ``.npy`` file.

    Args:
        size: height and width that it must have.
        inverted: whether white is missing instead.

    Returns:
        (H, W), True where pixels are known.

    Raises:
        UserError: the file cannot be read, is of another size, or hides nothing or everything.
    """
    if Path(path).suffix.lower() == ".npy":
        values = read_array(path)
    else:
        from ddpg.pictures.reading import read_picture

        values = read_picture(path).pixels.mean(axis=2)
    return checked_mask(values, size, str(path), inverted=inverted)


def checked_mask(
    values: Any, size: tuple[int, int], name: str = "mask", *, inverted: bool = False
) -> Mask:
    """A mask from numbers: booleans, 0 and 1, 0 and 255, or anything between.

    Raises:
        UserError: they are no mask of this size.

    Example:
        >>> checked_mask(np.array([[0, 255, 255]]), (1, 3)).tolist()
        [[False, True, True]]
    """
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        array = array[..., :3].mean(axis=2)
    if array.shape != size:
        shown = " x ".join(map(str, array.shape[::-1])) or "a number"
        raise UserError(
            f"{name}: the mask has {shown} pixels, but the picture {size[1]} x {size[0]}"
        )
    if array.dtype.kind not in "buif" or not np.isfinite(array.astype(np.float64)).all():
        raise UserError(f"{name}: a mask must hold numbers from 0 to 1 or from 0 to 255")
    largest = float(array.max())
    white = next((white for white in (1, 255, 65535) if largest <= white), None)
    if white is None or float(array.min()) < 0:
        raise UserError(
            f"{name}: a mask holds values from 0 to 1 or from 0 to 255, "
            f"got {array.min():g} to {array.max():g}"
        )
    known = array >= KNOWN * white
    if inverted:
        known = array <= (1 - KNOWN) * white
    if known.all():
        raise UserError(f"{name}: the mask hides nothing: all of it is {_colour(not inverted)}")
    if not known.any():
        raise UserError(f"{name}: the mask hides everything: none of it is {_colour(not inverted)}")
    return known


def _colour(white: bool) -> str:
    return "white" if white else "black"
