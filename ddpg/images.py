"""Pictures from and to files, as the published evaluations prepare them.

CelebA-HQ is stretched to a square, ImageNet is cropped at its centre first; both are then resized
with Pillow's antialiased bilinear filter, in 8 bits (Garber & Tirer, CVPR 2024, whose input code
is that of DDRM). The crop rounds halves to even, as torchvision's ``center_crop`` does.

What a published data set never holds has to be decided, and each decision is logged with the name
of the file:

- Transparency is composited on white, which is what a page shows. Merely dropping the alpha
  channel would uncover colours that nobody has ever seen.
- Grey, palette, bilevel and CMYK pictures become RGB; 16-bit grey is divided by 257.
- An EXIF orientation and a colour profile are ignored, as in the published evaluations: the stored
  pixels are taken as they are.
- Of an animation or a multi-page file the first frame is read.
- Floating-point and 32-bit pixels are refused, because their white would have to be guessed.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.writing import replacing

CROPS = ("center", "stretch")

_EXIF_ORIENTATION = 0x0112
_UNDECODABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    # Damaged headers lead Pillow's readers astray in these ways too.
    *(TypeError, LookupError, OverflowError),
)

_log = logging.getLogger("ddpg")


class ImageError(UserError):
    """A picture that cannot be read; the message names the file and the reason."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


def load_image(path: str | os.PathLike[str], size: int, *, crop: str = "center") -> Tensor:
    """Read a picture as a square RGB image.

    Args:
        path: a file that Pillow can read.
        size: side of the result in pixels.
        crop: "center" cuts the centre to the shorter side before the resize (ImageNet),
            "stretch" resizes the whole picture (CelebA-HQ).

    Returns:
        (3, size, size), float32, multiples of 1/255 in [0, 1].

    Raises:
        ImageError: the file is missing, empty, truncated, too large, or not a picture.
        ValueError: ``size`` or ``crop`` is not allowed.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be a positive integer, got {size!r}")
    if crop not in CROPS:
        raise ValueError(f"crop must be one of {', '.join(CROPS)}, got {crop!r}")
    picture = _read_rgb(path)
    if crop == "center":
        picture = _centre_square(picture)
    picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return from_uint8(torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous())


def from_uint8(pixels: Tensor) -> Tensor:
    """Bytes 0..255 to float32 in [0, 1]."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels must be uint8, got {pixels.dtype}")
    return pixels.to(torch.float32).div_(255)


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
    """Decode a picture in full, as :func:`load_image` would, and give its width and height.

    Raises:
        ImageError: it cannot be decoded, or it is an animation or has several pages, of which
            nobody can say which is meant.
    """
    with _decoded(path) as picture:
        _refuse_unknown_white(path, picture)
        frames = getattr(picture, "n_frames", 1)
        # The further pictures of an MPO file are previews that cameras and telephones add.
        if frames > 1 and picture.format != "MPO":
            raise ImageError(path, f"has {frames} frames or pages instead of one picture")
        return picture.size


def _read_rgb(path: str | os.PathLike[str]) -> Image.Image:
    """The decoded picture in mode RGB."""
    with _decoded(path) as picture:
        return _converted(path, picture)


@contextmanager
def _decoded(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The decoded picture; whatever Pillow cannot read is told with the file's name."""
    try:
        if Path(path).stat().st_size == 0:
            raise ImageError(path, "the file is empty")
        with Image.open(path) as picture:
            picture.load()
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


def _converted(path: str | os.PathLike[str], picture: Image.Image) -> Image.Image:
    """``picture`` in mode RGB; what is changed or ignored is logged."""
    _refuse_unknown_white(path, picture)
    if picture.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        _note(path, "its EXIF orientation is ignored")
    if getattr(picture, "n_frames", 1) > 1:
        _note(path, "only the first of its frames is read")
    if picture.mode.startswith("I;16"):
        _note(path, "16-bit grey is reduced to 8 bits")
        values = np.asarray(picture).astype(np.uint32)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        return _on_white(path, picture)
    if picture.mode != "RGB":
        _note(path, f"converted from mode {picture.mode} to RGB")
    return picture.convert("RGB")


def _refuse_unknown_white(path: str | os.PathLike[str], picture: Image.Image) -> None:
    if picture.mode in ("I", "F"):
        kind = "32-bit integer" if picture.mode == "I" else "floating-point"
        raise ImageError(path, f"{kind} pixels have no agreed white; store 8 or 16 bits")


def _on_white(path: str | os.PathLike[str], picture: Image.Image) -> Image.Image:
    """``picture`` composited on white."""
    _note(path, f"its transparency (mode {picture.mode}) is composited on white")
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _note(path: str | os.PathLike[str], what: str) -> None:
    _log.warning("%s: %s", os.fspath(path), what)


def _centre_square(picture: Image.Image) -> Image.Image:
    """The centre of the picture, cut to its shorter side."""
    width, height = picture.size
    side = min(width, height)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return picture.crop((left, top, left + side, top + side))
