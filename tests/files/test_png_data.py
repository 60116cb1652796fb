"""PNG files whose data end before their picture does."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ddpg.files.png_data import lacks_data
from ddpg.images import ImageError, inspect_image, load_image
from ddpg.pictures.kernels import read_kernel
from ddpg.pictures.masks import read_mask
from ddpg.pictures.reading import read_picture

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
PASSES = [
    *((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4)),
    *((2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)),
]


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def write_png(path, size, *, lines=None, colour_type=2, depth=8, interlaced=0, pieces=1):
    """A grey-looking PNG with the first lines of its data alone, ended in good order."""
    height, width = size
    passes = PASSES if interlaced else [(0, 1, 0, 1)]
    rows = []
    for top, down, left, right in passes:
        columns = len(range(left, width, right))
        bits = columns * depth * CHANNELS[colour_type]
        line = b"\0" + b"\xc8" * -(-bits // 8)
        rows += [line] * (len(range(top, height, down)) if columns else 0)
    data = zlib.compress(b"".join(rows[:lines]))
    step = -(-len(data) // pieces)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    parts = [chunk(b"IDAT", data[at : at + step]) for at in range(0, len(data), step)]
    content = [chunk(b"IHDR", header), chunk(b"tEXt", b"Title\0x"), *parts, chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))
    return path


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(
    ("colour_type", "depth"), [(0, 1), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (6, 8), (6, 16)]
)
def test_one_row_too_few_is_refused_and_all_rows_are_not(tmp_path, colour_type, depth, interlaced):
    kind = {"colour_type": colour_type, "depth": depth, "interlaced": interlaced}
    whole = write_png(tmp_path / "whole.png", (21, 19), **kind, pieces=3)
    assert not lacks_data(whole)
    assert inspect_image(whole) == (19, 21)
    short = write_png(tmp_path / "short.png", (21, 19), **kind, lines=-1, pieces=3)
    assert lacks_data(short)
    for read in (inspect_image, read_picture, lambda path: load_image(path, 8)):
        with pytest.raises(ImageError, match=r"short\.png: cannot be decoded: "):
            read(short)


@pytest.mark.parametrize(
    "read", [read_kernel, lambda path: read_mask(path, (9, 9), inverted=False)]
)
def test_kernels_and_masks_as_well(tmp_path, read):
    short = write_png(tmp_path / "short.png", (9, 9), lines=5)
    with pytest.raises(ImageError, match="its data end before its last row"):
        read(short)


def test_a_black_last_row_is_no_sign_and_other_files_are_left_alone(tmp_path):
    pixels = np.full((9, 9, 3), 255, np.uint8)
    pixels[-1] = 0
    for suffix in ("png", "bmp", "webp"):
        Image.fromarray(pixels).save(tmp_path / f"black.{suffix}", lossless=True)
        assert inspect_image(tmp_path / f"black.{suffix}") == (9, 9)
    assert not lacks_data(tmp_path / "black.bmp")
