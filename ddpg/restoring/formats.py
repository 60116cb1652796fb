"""The files that restored pictures can be, without torch."""

from __future__ import annotations

from pathlib import Path

from ddpg.errors import UserError

FORMATS = {
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".jp2": "JPEG2000",
}
"""What a name may end with, and the format that is then written."""
DEEP = (".png", ".tif", ".tiff")
"""Those that hold 16 bits."""
OPAQUE = (".jpg", ".jpeg", ".bmp")
"""Those that hold no transparency."""
UNPROFILED = (".bmp", ".jp2")
"""Those that are written without a colour profile."""


def check_format(path: Path) -> None:
    """Refuse a name whose end says nothing about the format.

    Raises:
        UserError: naming the ends that do.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: a picture's name ends with one of {', '.join(FORMATS)}")
