"""Pictures from and to files, as the published evaluations prepare them.

CelebA-HQ is stretched to a square, ImageNet is cropped at its centre first; both are then resized
with Pillow's antialiased bilinear filter, in 8 bits (Garber & Tirer, CVPR 2024, whose input code
is that of DDRM). The crop rounds halves to even, as torchvision's ``center_crop`` does.

What a published data set never holds has to be decided, and each decision is logged with the name
of the file:

- Transparency is composited on white, which is what a page shows. Merely dropping the alpha
  channel would uncover colours that nobody has ever seen.
- Grey, palette, bilevel and CMYK pictures become RGB; more than 8 bits, in grey and in colour, are
  divided by the largest value and rounded.
- An EXIF orientation and a colour profile are ignored, as in the published evaluations: the stored
  pixels are taken as they are. So is an EXIF block that makes no sense.
- Animations and files of several pages are refused: nobody can say which is meant. The further
  pictures of an MPO file are previews that cameras and telephones add; its first is read.
- Floating-point and 32-bit pixels are refused, because their white would have to be guessed.
- Only :data:`FORMATS` are opened, whatever a file is called: Pillow hands some others to programs
  of the system, such as EPS to Ghostscript, and a picture of somebody else's is no program.

Survey and preparation read with one function, so that what the one accepts the other prepares.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.png_data import lacks_data
from ddpg.files.writing import replacing

CROPS = ("none", "center", "stretch")

FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "TGA"),
    *("TIFF", "WEBP"),
)
"""What is opened, in Pillow's names (MPO is a kind of JPEG). None of them starts a program."""

_EXIF_ORIENTATION = 0x0112
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANES = 258, 262, 284
_WHITE_IS_ZERO = 0
_APART = 2
_UNDECODABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    # Damaged headers lead Pillow's readers astray in these ways too.
    *(TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, RuntimeError),
)

_log = logging.getLogger("ddpg")


class ImageError(UserError):
    """A picture that cannot be read; the message names the file and the reason."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


def load_image(
    path: str | os.PathLike[str], size: int | tuple[int, int] | None, *, crop: str = "center"
) -> Tensor:
    """Read a picture as an RGB image of a size.

    Args:
        path: a file in one of :data:`FORMATS`.
        size: of the result in pixels: the side of a square, or (height, width); None, with the crop
            "none", for the picture's own.
        crop: "center" cuts the middle part of the result's shape before the resize (ImageNet),
            "stretch" resizes the whole picture (CelebA-HQ), "none" takes it as it is.

    Returns:
        (3, height, width), float32, multiples of 1/255 in [0, 1].

    Raises:
        ImageError: the file is missing, empty, truncated, too large, not a picture, or several.
        ValueError: ``size`` or ``crop`` is not allowed, or they do not go together.

    Example:
        >>> from ddpg.datasets.places import source_folder
        >>> picture = load_image(source_folder("data", "skimage") / "astronaut.png", 64)
        >>> picture.shape, bool(picture.min() >= 0), bool(picture.max() <= 1)
        (torch.Size([3, 64, 64]), True, True)
    """
    return load_measured(path, size, crop=crop)[0]


def load_measured(
    path: str | os.PathLike[str], size: int | tuple[int, int] | None, *, crop: str = "center"
) -> tuple[Tensor, tuple[int, int]]:
    """Read a picture as :func:`load_image` does, with its width and height before the resize."""
    sides = _sides(size)
    if crop not in CROPS:
        raise ValueError(f"crop must be one of {', '.join(CROPS)}, got {crop!r}")
    if (sides is None) != (crop == "none"):
        raise ValueError(f"crop 'none' and a size exclude each other, got {crop!r} and {size!r}")
    read = _read(path)
    for note in read.notes:
        _log.warning("%s: %s", os.fspath(path), note)
    picture = read.picture
    if sides is not None:
        picture = _centre_part(picture, sides) if crop == "center" else picture
        picture = picture.resize((sides[1], sides[0]), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
    return from_uint8(pixels), read.picture.size


def _sides(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Height and width; None for a picture's own."""
    if size is None:
        return None
    sides = (size, size) if not isinstance(size, tuple) else size
    if len(sides) != 2 or any(isinstance(n, bool) or not isinstance(n, int) for n in sides):
        raise ValueError(f"size must be a positive integer or two, got {size!r}")
    if min(sides) < 1:
        raise ValueError(f"size must be a positive integer or two, got {size!r}")
    return sides


def from_uint8(pixels: Tensor) -> Tensor:
    """Bytes 0..255 to float32 in [0, 1]."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels must be uint8, got {pixels.dtype}")
    return pixels.to(torch.float32).div_(255)


def unit_pixels(pixels: Tensor) -> Tensor:
    """Prepared pictures as float32 in [0, 1]; those that are drawn lie on [-1, 1], not in bytes."""
    return from_uint8(pixels) if pixels.dtype == torch.uint8 else pixels.float() / 2 + 0.5


def to_uint8(image: Tensor) -> Tensor:
    """Values in [0, 1], clamped to it and rounded to the nearest byte."""
    if not image.is_floating_point():
        raise ValueError(f"image must be floating point, got {image.dtype}")
    if not bool(image.isfinite().all()):
        raise ValueError("image must be finite, got NaN or infinite values")
    return image.to(torch.float32).clamp(0, 1).mul(255).round_().to(torch.uint8)


def save_png(path: str | os.PathLike[str], image: Tensor) -> None:
    """Write an image as an 8-bit PNG; the file appears whole or not at all.

    Args:
        path: where to; directories that lead to it are made.
        image: (3, H, W) floating point in [0, 1] (clamped and rounded), or uint8.
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"image must have shape (3, H, W), got {tuple(image.shape)}")
    pixels = image if image.dtype == torch.uint8 else to_uint8(image)
    array = pixels.permute(1, 2, 0).cpu().contiguous().numpy()
    with replacing(path) as temporary:
        Image.fromarray(array).save(temporary, format="PNG")


def inspect_image(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read a picture exactly as :func:`load_image` does, and give its width and height.

    Raises:
        ImageError: as for :func:`load_image`.
    """
    return _read(path).picture.size


def format_of(path: str | os.PathLike[str]) -> str:
    """What a picture's file is, whatever its name says, such as "PNG".

    Raises:
        ImageError: as for :func:`load_image`.
    """
    with _opened(path) as picture:
        return str(picture.format)


@dataclass(frozen=True)
class _Read:
    """A picture in mode RGB, and what was changed or ignored on the way there."""

    picture: Image.Image
    notes: list[str] = field(default_factory=list)


def _read(path: str | os.PathLike[str]) -> _Read:
    """Read a picture: the one way in which files of others become pixels."""
    with decoded(path) as (picture, deep):
        notes = _exif_notes(picture)
        if picture.mode.startswith("I"):
            notes.append("16-bit grey is reduced to 8 bits")
            return _Read(_from_deep_grey(picture), notes)
        if deep:
            notes.append("16-bit colour is reduced to 8 bits")
            return _Read(_from_deep_colour(path, picture), notes)
        if picture.has_transparency_data:
            notes.append(f"its transparency (mode {picture.mode}) is composited on white")
            return _Read(_on_white(picture), notes)
        if picture.mode != "RGB":
            notes.append(f"converted from mode {picture.mode} to RGB")
        return _Read(picture.convert("RGB"), notes)


@contextmanager
def decoded(path: str | os.PathLike[str]) -> Iterator[tuple[ImageFile.ImageFile, bool]]:
    """The picture in a file, decoded, and whether its colours have 16 bits, of which 8 came.

    Raises:
        ImageError: as for :func:`load_image`.
    """
    with _opened(path) as picture:
        _refuse_cut_colours(path, picture)
        deep = _deep_tiles(picture)
        picture.load()
        _refuse_missing_rows(path, picture)
        _refuse_several(path, picture)
        _refuse_unknown_white(path, picture)
        yield picture, deep


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[ImageFile.ImageFile]:
    """The opened picture; whatever Pillow cannot read is told with the file's name."""
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(path, "cannot be decoded: it is a folder")
        if not stat.S_ISREG(status.st_mode):  # reading a pipe waits for its writer
            raise ImageError(path, "cannot be decoded: it is no regular file")
        if status.st_size == 0:
            raise ImageError(path, "the file is empty")
        with Image.open(path, formats=_formats()) as picture:
            yield picture
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(path, "no such file") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(path, "not a picture in a known format") from error
    except Image.DecompressionBombError as error:
        raise ImageError(path, f"too large to be decoded safely: {error}") from error
    except _UNDECODABLE as error:
        raise ImageError(path, f"cannot be decoded: {error}") from error


@cache
def _formats() -> tuple[str, ...]:
    """Those of :data:`FORMATS` that the installed Pillow has; it stumbles over the others."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _refuse_missing_rows(path: str | os.PathLike[str], picture: Image.Image) -> None:
    """A PNG whose data end early in good order; Pillow leaves the rest black.

    The data are looked at once more only where the last row is black, or the rows are interlaced.
    """
    if picture.format != "PNG":
        return
    last = picture.crop((0, picture.height - 1, picture.width, picture.height))
    if (picture.info.get("interlace") or not last.getbbox()) and lacks_data(path):
        raise ImageError(path, "cannot be decoded: its data end before its last row")


def _refuse_several(path: str | os.PathLike[str], picture: Image.Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise ImageError(path, f"has {frames} frames or pages instead of one picture")


def _refuse_unknown_white(path: str | os.PathLike[str], picture: Image.Image) -> None:
    # Pillow brings the grey of a PGM to 16 bits, whatever its largest value, and says 32.
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PPM"):
        kind = "32-bit integer" if picture.mode == "I" else "floating-point"
        raise ImageError(path, f"{kind} pixels have no agreed white; store 8 or 16 bits")


def _refuse_cut_colours(path: str | os.PathLike[str], picture: Image.Image) -> None:
    """Colours of more than 8 bits of which Pillow gives 8 only, or the wrong ones."""
    if picture.format == "JPEG2000" and not picture.mode.startswith("I"):
        bits = _bits_of_jpeg2000(path)
        if bits > 8:
            raise ImageError(
                path, f"JPEG 2000 in colour of {bits} bits would be cut to 8; store PNG or TIFF"
            )
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_TIFF_PLANES) == _APART and max(_tiff_bits(picture)) > 8:
        raise ImageError(
            path, "16-bit TIFF with each colour in a plane of its own; store the colours together"
        )


def _tiff_bits(picture: Image.Image) -> tuple[int, ...]:
    """Bits of each channel of a TIFF; 16 where it does not say, or is none."""
    bits = getattr(picture, "tag_v2", {}).get(_TIFF_BITS, (16,))
    return tuple(bits) if isinstance(bits, tuple) else (int(bits),)


def _exif_notes(picture: Image.Image) -> list[str]:
    try:
        orientation = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except _UNDECODABLE:
        return ["its EXIF block is malformed and ignored"]
    return [] if orientation == 1 else ["its EXIF orientation is ignored"]


def _from_deep_grey(picture: Image.Image) -> Image.Image:
    """Grey of more than 8 bits as RGB; what a PNG declares transparent becomes white."""
    values = np.asarray(picture)
    pixels = _rounded(values, white_of_deep_grey(picture))
    if white_is_zero(picture):
        pixels = 255 - pixels
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        pixels[values == transparent] = 255
    return Image.fromarray(pixels).convert("RGB")


def white_of_deep_grey(picture: Image.Image) -> int:
    """The largest value of grey of more than 8 bits."""
    return 2 ** _tiff_bits(picture)[0] - 1


def white_is_zero(picture: Image.Image) -> bool:
    """Whether the deep grey of a TIFF is stored as its negative."""
    return getattr(picture, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO


def _deep_tiles(picture: ImageFile.ImageFile) -> bool:
    """Whether a picture that is not decoded yet has colours of 16 bits, of which Pillow keeps 8."""
    return picture.mode[0] != "I" and any(_DEEP.search(str(tile[3])) for tile in picture.tile)


def _from_deep_colour(path: str | os.PathLike[str], high: Image.Image) -> Image.Image:
    """Colour of 16 bits as RGB.

    Args:
        path: the file.
        high: it, decoded as Pillow does.
    """
    values = deep_colours(path).astype(np.uint32)
    if high.mode == "CMYK":
        return Image.fromarray(_rounded(values, 65535), mode="CMYK").convert("RGB")
    colours = values[..., :3]
    if high.mode == "RGBA":
        alpha = values[..., 3:]
        # Within 64 bits: 65535 squared, times 2.
        colours = colours.astype(np.uint64)
        if not is_premultiplied(path):
            colours = (colours * alpha + 32767) // 65535
        colours = np.minimum(colours + (65535 - alpha), 65535)
    transparent = high.info.get("transparency")
    if high.mode == "RGB" and isinstance(transparent, tuple):
        hidden = (colours == np.array(transparent)).all(axis=-1)
        colours[hidden] = 65535
    return Image.fromarray(_rounded(colours, 65535))


def deep_colours(path: str | os.PathLike[str]) -> NDArray[np.uint16]:
    """The values 0 ... 65535 of a picture with colours of 16 bits, (H, W, C).

    Pillow keeps the upper byte of each. Decoded once more with the bytes taken in the other order
    the file gives the lower one. Grey with transparency comes as colours with transparency.
    """
    upper, lower = (_decoded_bytes(path, swapped=swapped) for swapped in (False, True))
    return np.bitwise_or(upper.astype(np.uint16) << np.uint16(8), lower, dtype=np.uint16)


def _decoded_bytes(path: str | os.PathLike[str], *, swapped: bool) -> NDArray[np.uint8]:
    """(H, W, C) upper bytes of a picture's 16-bit values, or the lower ones."""
    with Image.open(path, formats=_formats()) as picture:
        grey = any(str(tile[3]).startswith("LA;16") for tile in picture.tile)
        picture.tile = [
            tile._replace(args=_raw_mode(tile.args, swapped=swapped)) for tile in picture.tile
        ]
        picture.load()
        pixels = np.asarray(picture)
    if grey:  # upper and lower byte of grey, then of alpha
        pixels = pixels[..., [0, 0, 0, 2]] if not swapped else pixels[..., [1, 1, 1, 3]]
    return pixels


_DEEP = re.compile(r";16[LBN]")
"""In a raw mode: 16 bits a channel. Without the order of bytes it is 16 bits a pixel."""
_NATIVE = ";16L" if sys.byteorder == "little" else ";16B"


def _raw_mode(arguments: Any, *, swapped: bool) -> Any:
    """A decoder's arguments with its raw mode changed: see :func:`_decoded_bytes`."""
    if isinstance(arguments, tuple):
        first, *others = arguments
        return (_raw_mode(first, swapped=swapped), *others)
    if not isinstance(arguments, str) or not _DEEP.search(arguments):
        return arguments
    if arguments.startswith("LA;16"):
        return "RGBA"
    raw = arguments.replace("RGBa", "RGBA").replace(";16N", _NATIVE)
    if swapped:
        raw = raw.replace(";16L", ";16?").replace(";16B", ";16L").replace(";16?", ";16B")
    return raw


def is_premultiplied(path: str | os.PathLike[str]) -> bool:
    """Whether the colours of a transparent picture are stored times their opacity."""
    with Image.open(path, formats=_formats()) as picture:
        return any("RGBa" in str(tile[3]) for tile in picture.tile)


def _rounded(values: NDArray[np.integer], white: int) -> NDArray[np.uint8]:
    """Values from 0 to ``white`` as the nearest bytes."""
    wide = np.clip(values, 0, white).astype(np.uint32)
    return ((wide * 255 + white // 2) // white).astype(np.uint8)


def _bits_of_jpeg2000(path: str | os.PathLike[str]) -> int:
    """Bits of the first component, from the header (ISO/IEC 15444-1, A.5.1); 8 if there is none."""
    with Path(path).open("rb") as stream:
        head = stream.read(1 << 20)
    start = head.find(b"\xff\x4f\xff\x51")
    size = head[start + 42 : start + 43]
    return (size[0] & 0x7F) + 1 if start >= 0 and size else 8


def _on_white(picture: Image.Image) -> Image.Image:
    """``picture`` composited on white."""
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _centre_part(picture: Image.Image, sides: tuple[int, int]) -> Image.Image:
    """The largest part of the picture that has the shape of a size, from its middle."""
    width, height = picture.size
    if height * sides[1] > width * sides[0]:
        part = width, max(1, round(width * sides[0] / sides[1]))
    else:
        part = max(1, round(height * sides[1] / sides[0])), height
    left, top = round((width - part[0]) / 2), round((height - part[1]) / 2)
    return picture.crop((left, top, left + part[0], top + part[1]))
