"""How much of its picture a PNG holds (ISO/IEC 15948): decoders leave out what is not there.

Data that break off are an error to every decoder, but data that end in good order before the last
row are not: the rows that are missing come out black.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each colour type."""
_PASSES = (
    *((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4)),
    *((2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)),
)
"""Of interlaced pictures: first row and step, first column and step."""
_PIECE = 1 << 20


class Header(NamedTuple):
    """The fields of a PNG's header."""

    width: int
    height: int
    depth: int
    colour_type: int
    compression: int
    filters: int
    interlaced: int

    @property
    def size(self) -> int:
        """Bytes of the whole picture before compression, the filters' among them."""
        if not self.interlaced:
            return self._size(self.height, self.width)
        return sum(
            self._size(len(range(top, self.height, down)), len(range(left, self.width, right)))
            for top, down, left, right in _PASSES
        )

    def _size(self, rows: int, columns: int) -> int:
        if not columns:
            return 0
        return rows * (1 + -(-columns * self.depth * _CHANNELS.get(self.colour_type, 1) // 8))


def lacks_data(path: str | os.PathLike[str]) -> bool:
    """Whether the data of a PNG end before its picture does; False for any other file."""
    with Path(path).open("rb") as stream:
        if stream.read(len(_SIGNATURE)) != _SIGNATURE:
            return False
        wanted, held = 0, 0
        inflate = zlib.decompressobj()
        for name, content in _chunks(stream):
            if name == b"IHDR":
                wanted = Header(*struct.unpack(">IIBBBBB", content)).size
            elif name == b"IDAT":
                held += _inflated(inflate, content)
            if held and held >= wanted:
                break
    return held < wanted


def _inflated(inflate: zlib._Decompress, content: bytes) -> int:
    """How many bytes come out of some more of the data; kept small, whatever they hold."""
    count = 0
    while content and not inflate.eof:
        count += len(inflate.decompress(content, _PIECE))
        content = inflate.unconsumed_tail
    return count


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(head := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        yield name, stream.read(length)
        stream.seek(4, os.SEEK_CUR)  # of the checksum, which the decoder looks at
