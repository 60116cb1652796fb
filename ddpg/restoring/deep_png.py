"""PNG files of 16 bits a channel in colour, which Pillow does not write.

W3C, "Portable Network Graphics (PNG) Specification", second edition, 2003: an IHDR chunk, the
profile (iCCP) and the EXIF block (eXIf), the rows behind a filter byte, deflated (IDAT), and IEND.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_UP = 2
"""The filter that stores the difference to the row above; good enough for photographs."""
_LEVEL = 6


def write_deep_png(
    path: str | os.PathLike[str],
    values: NDArray[np.uint16],
    *,
    profile: bytes | None = None,
    exif: bytes | None = None,
) -> None:
    """Write a PNG of 16 bits.

    Args:
        path: the file.
        values: (H, W, C) with grey, grey and opacity, colours, or colours and opacity.
        profile: ICC profile of the colours.
        exif: EXIF block, with or without the ``Exif`` marker in front of it.
    """
    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.empty((height, 1 + rows.shape[1]), dtype=np.uint8)
    filtered[:, 0], filtered[:, 1:] = _UP, rows - above
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile, _LEVEL)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), _LEVEL)), (b"IEND", b"")]
    with Path(path).open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        for kind, content in chunks:
            check = zlib.crc32(kind + content)
            stream.write(
                struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
            )
