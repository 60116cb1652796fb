"""Pictures out of the pipeline's tensors, ready to be shown: 8-bit, with the place to look at."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from safetensors import SafetensorError, safe_open

from ddpg.errors import UserError

Paths = Sequence[str | os.PathLike[str]]
DETAIL = 0.16
"""Side of the marked square, as a share of the picture's shorter side."""
KERNEL = "/kernel"
"""What an image's name ends with where observations hold its kernel."""
THUMBNAIL = 56
"""Side of a thumbnail in pixels."""
_EFFORT = 60
_QUALITY = 92
_THUMBNAIL_QUALITY = 55


@dataclass(frozen=True)
class Square:
    """A square part of a picture, in pixels."""

    top: int
    left: int
    side: int


def names_in(paths: Paths) -> list[str]:
    """Return the keys of all shards, sorted.

    Raises:
        UserError: a file cannot be read.
    """
    return sorted(name for path in paths for name in _keys(path))


def read_arrays(paths: Paths, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return name -> array as stored, of some tensors of shards, in the order of the names.

    Raises:
        UserError: a file cannot be read, or a key is in none of them.
    """
    where = {name: path for path in paths for name in _keys(path)}
    arrays = {}
    for name in names:
        if name not in where:
            raise UserError(f"no {name!r} in {', '.join(map(str, paths))}")
        with safe_open(where[name], framework="np") as shard:
            arrays[name] = shard.get_tensor(name)
    return arrays


def read_kernels(paths: Paths, images: Iterable[str]) -> dict[str, np.ndarray]:
    """Return image -> the kernel with which it was blurred, (k, k), where it has one of its own.

    Raises:
        UserError: a file cannot be read.
    """
    present = set(names_in(paths))
    names = [image + KERNEL for image in images if image + KERNEL in present]
    return {name.removesuffix(KERNEL): array for name, array in read_arrays(paths, names).items()}


def _keys(path: str | os.PathLike[str]) -> list[str]:
    try:
        with safe_open(path, framework="np") as shard:
            return list(shard.keys())
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from error


def is_picture(array: np.ndarray) -> bool:
    """Whether an observation can be shown: grey or colours, with two sides."""
    return array.ndim == 3 and array.shape[0] in (1, 3) and min(array.shape[1:]) > 1


def to_8bit(array: np.ndarray) -> np.ndarray:
    """Return the picture of a tensor, (H, W, 3), unsigned 8-bit.

    Args:
        array: (3, H, W), or (1, H, W) of grey; unsigned 8-bit, or floats of which [-1, 1] is shown
            and the rest clamped.
    """
    picture = np.moveaxis(np.broadcast_to(array, (3, *array.shape[1:])), 0, -1)
    if picture.dtype == np.uint8:
        return picture
    unit = np.clip((picture.astype(np.float64) + 1) / 2, 0, 1)
    return np.round(255 * unit).astype(np.uint8)


def most_detail(picture: np.ndarray, share: float = DETAIL) -> Square:
    """Find the square with the most detail: the largest sum of gradient magnitudes of the luma.

    Args:
        picture: (H, W, 3), unsigned 8-bit.
        share: side of the square relative to the shorter side of the picture.

    Returns:
        the square; of several that are equal, the uppermost, then the leftmost.
    """
    luma = picture.astype(np.float64) @ (0.299, 0.587, 0.114)
    height, width = luma.shape
    side = max(1, round(share * min(height, width)))
    detail = np.zeros_like(luma)
    detail[:-1] += np.abs(np.diff(luma, axis=0))
    detail[:, :-1] += np.abs(np.diff(luma, axis=1))
    # Rounded, so that the choice hangs on no last bit of a sum.
    total = np.pad(np.round(detail, 3).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(np.argmax(np.round(sums, 2)), sums.shape)
    return Square(int(top), int(left), side)


def kernel_picture(kernel: np.ndarray) -> np.ndarray:
    """Return (k, k), unsigned 8-bit: the root of a kernel's weights, the largest in white.

    Args:
        kernel: (k, k), non-negative.
    """
    share = kernel.astype(np.float64) / max(float(kernel.max()), np.finfo(float).tiny)
    return np.round(255 * np.sqrt(np.clip(share, 0, 1))).astype(np.uint8)


def enlarge(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarge to a given size by repeating the nearest pixel, as for a small observation."""
    rows = np.arange(height) * picture.shape[0] // height
    columns = np.arange(width) * picture.shape[1] // width
    return picture[rows][:, columns]


def data_uri(picture: np.ndarray) -> str:
    """Return a picture for the page without loss: a data URI that holds a WebP file.

    Args:
        picture: (H, W, 3) or, in shades of grey, (H, W); unsigned 8-bit.
    """
    return _uri(Image.fromarray(picture), "webp", lossless=True, quality=_EFFORT, method=4)


def thumbnail_uri(picture: np.ndarray, side: int = THUMBNAIL) -> str:
    """Encode a picture as a small square in lossy WebP, its middle cut out.

    Args:
        picture: (H, W, 3), unsigned 8-bit.
        side: of the square, in pixels; a smaller picture is not enlarged.
    """
    image = Image.fromarray(picture)
    side = min(side, *image.size)
    return _uri(ImageOps.fit(image, (side, side)), "webp", quality=_THUMBNAIL_QUALITY, method=4)


def lossy_uri(uri: str) -> str:
    """Return a picture of :func:`data_uri` as JPEG of high quality, its colours in full resolution;
    the same picture where that is not smaller.
    """
    content = base64.b64decode(uri.partition(",")[2])
    with Image.open(io.BytesIO(content), formats=("WEBP",)) as image:
        # Not `optimize`: Pillow's buffer for it is too small for noise of this quality.
        smaller = _uri(image.convert("RGB"), "jpeg", quality=_QUALITY, subsampling=0)
    return min(smaller, uri, key=len)


def _uri(image: Image.Image, kind: str, **options: Any) -> str:
    """Encode an image as a data URI."""
    stream = io.BytesIO()
    image.save(stream, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
