"""Restored pictures to files, with what came in with them; each whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ddpg.errors import UserError
from ddpg.files.writing import replacing
from ddpg.pictures.reading import WHITE, Picture
from ddpg.restoring.deep_png import write_deep_png
from ddpg.restoring.formats import DEEP, FORMATS, OPAQUE, UNPROFILED, check_format

_QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}


def lost(path: Path, picture: Picture) -> list[str]:
    """What the format of a file cannot hold of a picture, one line each."""
    suffix, losses = path.suffix.lower(), []
    if picture.alpha is not None and suffix in OPAQUE:
        losses.append(f"{suffix} holds no transparency; it is left out")
    if picture.profile and suffix in UNPROFILED:
        losses.append(f"{suffix} is written without the colour profile")
    if picture.bits == 16 and suffix not in DEEP:
        losses.append(f"{suffix} holds 8 bits; {', '.join(DEEP)} would keep 16")
    return losses


def write_picture(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture in the format that the name ends with, in its depth where that has it.

    Raises:
        UserError: the end names no format, or the file cannot be written.
    """
    path = Path(path)
    check_format(path)
    try:
        with replacing(path) as temporary:
            _write(temporary, picture)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be written ({reason})") from error


def _write(path: Path, picture: Picture) -> None:
    suffix = path.suffix.lower()
    bits = picture.bits if suffix in DEEP else 8
    values = stored_values(picture, bits, transparency=suffix not in OPAQUE)
    if bits == 8:
        _write_with_pillow(path, values, FORMATS[suffix], picture)
    elif FORMATS[suffix] == "PNG":
        write_deep_png(path, values, profile=picture.profile, exif=picture.exif)
    else:
        _write_deep_tiff(path, values, picture)


def stored_values(picture: Picture, bits: int, *, transparency: bool = True) -> NDArray[Any]:
    """The values of a file: (H, W, C) uint8 or uint16, opacity last, clipped and rounded."""
    layers = [picture.pixels]
    if transparency and picture.alpha is not None:
        layers.append(picture.alpha[..., None])
    values = np.concatenate(layers, axis=-1) if len(layers) > 1 else layers[0]
    rounded = np.round(np.clip(values, 0, 1) * WHITE[bits])
    return rounded.astype(np.uint8 if bits == 8 else np.uint16)


def _write_with_pillow(path: Path, values: NDArray[Any], kind: str, picture: Picture) -> None:
    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
    also = {"icc_profile": picture.profile, "exif": picture.exif}
    known = {name: value for name, value in also.items() if value}
    image.save(path, format=kind, **known, **_QUALITY.get(kind, {}))


def _write_deep_tiff(path: Path, values: NDArray[Any], picture: Picture) -> None:
    if values.shape[2] == 2:  # of which Pillow could not read 16 bits again
        values = values[..., [0, 0, 0, 1]]
    channels = values.shape[2]
    tifffile.imwrite(
        path,
        values if channels > 1 else values[..., 0],
        photometric="rgb" if channels > 2 else "minisblack",
        extrasamples=["unassalpha"] if channels == 4 else None,
        compression="zlib",
        iccprofile=picture.profile,
        metadata=None,
    )
