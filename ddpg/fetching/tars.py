"""Members of a tar archive, for :mod:`ddpg.fetching.archives`."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from pathlib import Path
from typing import IO

from ddpg.fetching.errors import ArchiveError
from ddpg.fetching.writer import BLOCK, Writer

LARGEST_HEADER = 16 << 20
"""Bytes that are read at once; only a header that means harm asks for more."""

ROOM_FOR_HEADERS = 8 << 10
"""Bytes of headers and padding per member, beside its contents."""


def read(archive: Path, writer: Writer) -> None:
    """Write every member."""
    with _decompressed(archive) as stream:
        reader = _Forward(stream, writer)
        try:
            opened = tarfile.TarFile(fileobj=reader, mode="r")  # type: ignore[arg-type]
        except tarfile.ReadError as error:
            raise ArchiveError(f"{archive}: holds no tar archive, or is damaged") from error
        with opened:
            while (member := opened.next()) is not None:
                _write(opened, member, writer)
                opened.members.clear()  # type: ignore[attr-defined] # they pile up otherwise
        reader.finish()


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, writer: Writer) -> None:
    if member.issym() or member.islnk():
        writer.refuse(member.name, "is a link")
    if member.isdir():
        writer.add_folder(member.name)
    elif member.isreg():
        contents = opened.extractfile(member)
        if contents is None or member.size < 0:
            writer.refuse(member.name, "has no contents")
        writer.add_file(member.name, contents)
    else:
        writer.refuse(member.name, "is a device, pipe or another special member")


def _decompressed(archive: Path) -> IO[bytes]:
    """The tar inside, recognised by its first bytes."""
    with archive.open("rb") as stream:
        head = stream.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(archive)  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(archive)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open(archive)
    return archive.open("rb")


class _Forward:
    """A stream that is read once, forwards, in pieces of sensible size, up to a limit.

    tarfile reads a long name or a table of attributes in one piece, however large it claims to
    be, and takes a file that breaks off between two members for a whole one.
    """

    def __init__(self, stream: IO[bytes], writer: Writer) -> None:
        self._stream, self._writer = stream, writer
        self._limit = writer.max_bytes + ROOM_FOR_HEADERS * (writer.max_files + 8)
        self._position = 0
        self._last = b""

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def seek(self, position: int) -> int:
        """Skip forwards."""
        if position < self._position:
            raise tarfile.ReadError("members overlap")
        while self._position < position:
            if not self.read(min(BLOCK, position - self._position)):
                break
        return self._position

    def read(self, size: int) -> bytes:
        """Read so many bytes, fewer only at the end."""
        if not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self._last = self._stream.read(size)
        self._position += len(self._last)
        if self._position > self._limit:
            self._writer.too_large()
        return self._last

    def finish(self) -> None:
        """Make sure that the archive ends as a tar does, and its compression too."""
        if len(self._last) != tarfile.BLOCKSIZE or any(self._last):
            raise tarfile.ReadError("it breaks off before its end")
        while self.read(BLOCK):
            pass
