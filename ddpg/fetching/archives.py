"""Archives, unpacked safely: zip, and tar with or without gzip, bzip2 or xz.

An archive is data from elsewhere. Nothing is written outside the folder; links, devices and pipes
are refused, all of them: a data set needs none, and a link that is harmless by itself may not be
together with the next member. Two members for one file are refused, size and count are limited by
what is really written, and neither modes, owners nor times are taken over. Either the whole
archive is unpacked or nothing is left.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ddpg.errors import UserError
from ddpg.fetching import tars, zips
from ddpg.fetching.errors import ArchiveError, FetchError
from ddpg.fetching.writer import Writer
from ddpg.files.locking import locked

MAX_BYTES = 64 << 30
MAX_FILES = 500_000

FULL = (errno.ENOSPC, errno.EDQUOT)

DAMAGE = (
    ArithmeticError,  # positions beyond every file
    AttributeError,  # headers that refer to what is not there
    EOFError,
    LookupError,  # the same
    MemoryError,  # dictionaries of gigabytes
    RecursionError,  # headers of headers of headers
    TypeError,  # the same as AttributeError
    ValueError,  # numbers and texts in headers
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def unpack(
    archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> list[Path]:
    """Unpack an archive into a new folder.

    Args:
        archive: zip, tar, tar.gz, tar.bz2 or tar.xz, recognised by its contents.
        folder: must not exist, or be empty.
        max_bytes: the most that is written in all.
        max_files: the most members, folders included.

    Returns:
        the files, in the archive's order.

    Raises:
        ArchiveError: the archive is damaged, unsafe, too large or of another kind.
        FetchError: the disk has no room for it.
    """
    with locked(folder):
        return unpack_locked(archive, folder, max_bytes=max_bytes, max_files=max_files)


def unpack_locked(archive: Path, folder: Path, *, max_bytes: int, max_files: int) -> list[Path]:
    """Like :func:`unpack`, for a caller that holds the lock of the folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{folder}: is there already; nothing is unpacked over it")
    staging = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # of a killed run
    try:
        staging.mkdir(parents=True)
        writer = Writer(archive, staging, max_bytes, max_files)
        reader = zips.read if _kind(archive) == "zip" else tars.read
        _read(reader, archive, writer)
        if not writer.files:
            raise ArchiveError(f"{archive}: holds no file")
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [folder / path for path in writer.files]


def is_archive(path: Path) -> bool:
    """Whether a file is of a kind that can be unpacked, judged by its first bytes."""
    try:
        return bool(_kind(path))
    except ArchiveError:
        return False


def _read(reader: Callable[[Path, Writer], None], archive: Path, writer: Writer) -> None:
    """Run a reader; what the libraries raise for damaged archives becomes one message."""
    try:
        reader(archive, writer)
    except UserError:
        raise
    except UnicodeDecodeError as error:
        name = bytes(error.object).decode("utf-8", "backslashreplace")
        raise ArchiveError(f"{archive}: the name {name!r} is not text in UTF-8") from error
    except NotImplementedError as error:  # before RuntimeError, which it is
        raise ArchiveError(f"{archive}: of a kind that is not supported: {error}") from error
    except DAMAGE as error:
        raise ArchiveError(f"{archive}: truncated or damaged: {_words(error)}") from error
    except OSError as error:
        if error.errno is None:  # gzip and bzip2 report damage this way
            raise ArchiveError(f"{archive}: truncated or damaged: {error}") from error
        if error.errno in FULL:
            raise FetchError(f"{archive}: cannot be unpacked: {error.strerror}") from error
        raise ArchiveError(f"{archive}: cannot be unpacked: {error.strerror}") from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _kind(archive: Path) -> str:
    """The kind of an archive, by its first bytes.

    Raises:
        ArchiveError: it is of another kind, or cannot be read.
    """
    try:
        with archive.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be read: {error.strerror}") from error
    kinds = {b"PK\3\4": "zip", b"PK\5\6": "zip", b"\x1f\x8b": "gz", b"BZh": "bz2"}
    kinds[b"\xfd7zXZ\0"] = "xz"
    for magic, kind in kinds.items():
        if head.startswith(magic):
            return kind
    if _is_tar_header(head):
        return "tar"
    raise ArchiveError(f"{archive}: is neither a zip nor a tar (plain, gzip, bzip2 or xz)")


def _is_tar_header(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        return isinstance(error, tarfile.EOFHeaderError)  # type: ignore[attr-defined]
    return True
