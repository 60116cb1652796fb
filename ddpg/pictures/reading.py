"""People's pictures as they are: turned upright, with depth, colours, transparency and profile.

What the benchmark's data sets leave out of a picture, because published evaluations did
(:mod:`ddpg.images`), belongs to one that somebody wants back: it is turned as its EXIF block says,
8 or 16 bits stay what they are, grey stays grey, and the colour profile goes with it. Files are
opened and refused by the same code.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ddpg.errors import UserError
from ddpg.images import (
    ImageError,
    decoded,
    deep_colours,
    is_premultiplied,
    white_is_zero,
    white_of_deep_grey,
)

Array = NDArray[np.float32]

WHITE = {8: 255, 16: 65535}
"""The largest value of each depth."""
ORIENTATION = 0x0112
LEAST_SIDE = 2
"""A picture of one pixel, or a line of them, has no surroundings to restore from."""

_MALFORMED = (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError)
_GREY = ("1", "L", "LA", "La")
_JPEG_LOW = 4
"""The 4 x 4 lowest of a JPEG's 8 x 8 frequencies; most of a photograph's higher ones vanish."""


@dataclass(frozen=True)
class Picture:
    """A picture with all that has to come out again.

    Attributes:
        pixels: (H, W, 3), or (H, W, 1) of a grey one, float32 in [0, 1], upright.
        bits: 8 or 16, of each value in the file.
        alpha: opacity, (H, W) in [0, 1], or None.
        profile: the ICC profile of the colours, or None.
        exif: the EXIF block without its orientation, or None.
        rounding: standard deviation of what the file's format did to the values, at the least.
        notes: what was changed on the way, one line each.
    """

    pixels: Array
    bits: int = 8
    alpha: Array | None = None
    profile: bytes | None = None
    exif: bytes | None = None
    rounding: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def is_grey(self) -> bool:
        """Whether it has one channel."""
        return self.pixels.shape[2] == 1


def rounding_error(bits: int) -> float:
    """The standard deviation of rounding to so many bits, for values in [0, 1].

    >>> round(rounding_error(8), 5)
    0.00113
    """
    return 1 / (WHITE[bits] * 12**0.5)


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read a picture of any size in one of :data:`ddpg.images.FORMATS`.

    Raises:
        ImageError: the file is missing, empty, truncated, several pictures, no picture at all, or
            one pixel wide or high.
    """
    with decoded(path) as (opened, deep):
        picture = _of_deep_colour(path, opened) if deep else _of_decoded(opened)
        complete = _complete(picture, opened)
    check_size(complete.size, path)
    return complete


def from_pillow(opened: Image.Image) -> Picture:
    """A picture of Pillow, such as a program has opened or made; 16-bit colours are gone by then.

    Raises:
        UserError: it has floating-point or 32-bit pixels, whose white nobody knows.
    """
    if opened.mode in ("F", "I"):
        raise UserError(f"image: mode {opened.mode} of Pillow has no agreed white; give an array")
    picture = _of_decoded(opened)
    return _complete(picture, opened)


def check_size(size: tuple[int, int], name: str | os.PathLike[str]) -> None:
    """Refuse a picture without surroundings.

    Raises:
        ImageError: a side is below :data:`LEAST_SIDE`.
    """
    if min(size) < LEAST_SIDE:
        raise ImageError(
            name,
            f"has {size[1]} x {size[0]} pixels; {LEAST_SIDE} x {LEAST_SIDE} are needed",
        )


def _of_decoded(opened: Image.Image) -> Picture:
    """A picture of up to 8 bits, or of deep grey."""
    if opened.mode.startswith("I"):
        return _of_deep_grey(opened)
    notes = []
    if opened.mode == "CMYK":
        notes.append("converted from CMYK to RGB")
        opened = _cmyk_to_rgb(opened)
    elif opened.mode not in (*_GREY, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"):
        notes.append(f"converted from mode {opened.mode} to RGB")
        opened = opened.convert("RGB")
    transparent = opened.has_transparency_data
    grey = opened.mode in _GREY
    mode = ("LA" if grey else "RGBA") if transparent else ("L" if grey else "RGB")
    values = np.asarray(opened.convert(mode), dtype=np.float32) / np.float32(255)
    values = values.reshape(*values.shape[:2], -1)
    if transparent:
        return Picture(values[..., :-1].copy(), 8, values[..., -1].copy(), notes=notes)
    return Picture(values, 8, notes=notes)


def _of_deep_grey(opened: Image.Image) -> Picture:
    white = white_of_deep_grey(opened)
    values = np.asarray(opened)
    pixels = np.clip(values, 0, white).astype(np.float32)[..., None] / white
    hidden = opened.info.get("transparency")
    alpha = (values != hidden).astype(np.float32) if isinstance(hidden, int) else None
    return Picture(1 - pixels if white_is_zero(opened) else pixels, 16, alpha)


def _of_deep_colour(path: str | os.PathLike[str], opened: Image.Image) -> Picture:
    stored = deep_colours(path)
    if opened.mode == "CMYK":
        return replace(_of_decoded(opened), bits=16)
    values: Array = np.divide(stored, np.float32(WHITE[16]), dtype=np.float32)
    pixels, alpha = values[..., :3], values[..., 3] if stored.shape[2] == 4 else None
    hidden = opened.info.get("transparency")
    if alpha is None and isinstance(hidden, tuple):
        alpha = (stored != np.array(hidden)).any(axis=-1).astype(np.float32)
    elif alpha is not None and is_premultiplied(path):
        opaque = np.maximum(alpha, 1 / WHITE[16])[..., None]
        pixels = np.minimum(pixels / opaque, 1)
    if opened.mode in _GREY or (alpha is not None and (pixels == pixels[..., :1]).all()):
        pixels = pixels[..., :1]  # Pillow gives deep grey with transparency as colours
    return Picture(np.ascontiguousarray(pixels), 16, alpha)


def _cmyk_to_rgb(opened: Image.Image) -> Image.Image:
    """Inks as colours on a screen, by their profile where they have one that can be used."""
    profile = opened.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            screen = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(opened, source, screen, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return opened.convert("RGB")


def _complete(picture: Picture, opened: Image.Image) -> Picture:
    """A picture's pixels with what else the opened one tells."""
    profile = _fitting(picture, opened.info.get("icc_profile"))
    rounding = max(rounding_error(picture.bits), _jpeg_error(opened))
    return _turned(replace(picture, profile=profile, rounding=rounding), opened)


def _fitting(picture: Picture, profile: bytes | None) -> bytes | None:
    """A profile, if it is one of the colours that the picture has by now."""
    wanted = b"GRAY" if picture.is_grey else b"RGB "
    return profile if profile and profile[16:20] == wanted else None


def _jpeg_error(opened: Image.Image) -> float:
    """The least that a JPEG's compression did, from its table: coarse steps, coarse values."""
    tables = getattr(opened, "quantization", None)
    if not tables:
        return 0.0
    steps = np.asarray(tables[min(tables)], dtype=np.float64).reshape(8, 8)
    low = steps[:_JPEG_LOW, :_JPEG_LOW]
    return float(np.sqrt(np.mean(low**2) / 12)) / WHITE[8]


def _turned(picture: Picture, opened: Image.Image) -> Picture:
    """The picture upright, with the rest of its EXIF block."""
    try:
        exif = opened.getexif()
        orientation = exif.pop(ORIENTATION, 1)
        block = exif.tobytes() if len(exif) else None
    except _MALFORMED:
        return replace(picture, notes=[*picture.notes, "its EXIF block is malformed and left out"])
    alpha = None if picture.alpha is None else upright(picture.alpha, orientation)
    notes = [*picture.notes]
    if orientation in _TURNS:
        notes.append("turned upright, as its EXIF block says")
    return replace(
        picture, pixels=upright(picture.pixels, orientation), alpha=alpha, exif=block, notes=notes
    )


_TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
"""Whether an orientation of EXIF swaps rows and columns, then the steps through both."""


def upright(values: Array, orientation: int) -> Array:
    """Values (H, W, ...) turned or mirrored as an EXIF orientation, 1 to 8, asks for."""
    if orientation not in _TURNS:
        return values
    swapped, down, across = _TURNS[orientation]
    turned = values.swapaxes(0, 1) if swapped else values
    return np.ascontiguousarray(turned[::down, ::across])
