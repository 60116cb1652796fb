"""Pictures in a program: arrays and Pillow's, in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ddpg.errors import UserError
from ddpg.pictures.reading import WHITE, Picture, check_size, from_pillow, rounding_error
from ddpg.restoring.writing import stored_values

_BITS = {"uint8": 8, "uint16": 16}
_CHANNELS = (1, 3, 4)


def received(image: Any) -> tuple[Picture, Callable[[Picture], Any]]:
    """A program's picture, and what makes another one the same kind of thing.

    Args:
        image: a picture of Pillow; or an array (H, W), or (H, W, C) of grey, RGB or RGBA, of uint8,
            uint16, or floating point with black at 0 and white at 1.

    Raises:
        UserError: it is none of them.
    """
    if isinstance(image, Image.Image):
        picture = from_pillow(image)
        check_size(picture.size, "image")
        return picture, _pillow
    array = np.asarray(image)
    picture = _of_array(array)
    check_size(picture.size, "image")

    def returned(restored: Picture) -> Any:
        return _array(restored, array)

    return picture, returned


def _of_array(array: Any) -> Picture:
    flat = array[..., None] if array.ndim == 2 else array
    if flat.ndim != 3 or flat.shape[2] not in _CHANNELS or not flat.size:
        raise UserError(
            f"image must be (height, width) or (height, width, channels) with "
            f"{', '.join(map(str, _CHANNELS))} channels, got shape {array.shape}"
        )
    if array.dtype.name in _BITS:
        bits = _BITS[array.dtype.name]
        values, rounding = flat.astype(np.float32) / WHITE[bits], rounding_error(bits)
    elif array.dtype.kind == "f":
        bits, values, rounding = 16, flat.astype(np.float32), 0.0
        _check_floating(values)
    else:
        raise UserError(f"image must be uint8, uint16 or floating point, got {array.dtype}")
    alpha = values[..., 3].copy() if values.shape[2] == 4 else None
    pixels = np.ascontiguousarray(values[..., :3])
    return Picture(pixels, bits, alpha, rounding=rounding)


def _check_floating(values: Any) -> None:
    if not np.isfinite(values).all():
        raise UserError("image must be finite, got NaN or infinite values")
    if np.abs(values).max() > 2:
        raise UserError(
            "image of floating point must have black at 0 and white at 1, got values from "
            f"{values.min():g} to {values.max():g}"
        )


def _array(restored: Picture, given: Any) -> Any:
    """A restored picture with the type and, but for new colours, the dimensions of an array."""
    layers = [restored.pixels]
    if restored.alpha is not None:
        layers.append(restored.alpha[..., None])
    if given.dtype.kind == "f":
        values = np.concatenate(layers, axis=-1).astype(given.dtype)
    else:
        values = stored_values(restored, _BITS[given.dtype.name])
    return values[..., 0] if given.ndim == 2 and values.shape[2] == 1 else values


def _pillow(restored: Picture) -> Image.Image:
    bits = 16 if restored.bits == 16 and restored.is_grey and restored.alpha is None else 8
    values = stored_values(restored, bits)
    picture = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
    picture.info |= {
        name: value
        for name, value in (("icc_profile", restored.profile), ("exif", restored.exif))
        if value
    }
    return picture
