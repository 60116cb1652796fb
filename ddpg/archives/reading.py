"""Archives, unpacked safely: zip, and tar with or without gzip, bzip2 or xz.

An archive is data from elsewhere. Nothing is written outside the folder; links, devices and pipes
are refused, all of them: a data set needs none, and a link that is harmless by itself may not be
together with the next member. Two members for one file are refused, size and count are limited by
what is really written, and neither modes, owners nor times are taken over. Either the whole
archive is unpacked or nothing is left.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from ddpg.archives.writing import BLOCK, ArchiveError, Writer
from ddpg.errors import FetchError, UserError
from ddpg.files.text import plain

MAX_BYTES = 64 << 30
MAX_FILES = 500_000

KINDS = {
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
}
"""First bytes -> kind."""


def unpack(
    archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> list[Path]:
    """Unpack an archive into a new folder that is the caller's alone; gives its files, in order.

    Args:
        archive: zip, tar, tar.gz, tar.bz2 or tar.xz, recognised by its contents.
        folder: must not exist, or be empty.
        max_files: the most members, folders included.

    Raises:
        ArchiveError: the archive is damaged, unsafe, too large or of another kind.
        FetchError: the disk has no room for it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{folder}: is there already; nothing is unpacked over it")
    staging = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # of a killed run
    try:
        staging.mkdir(parents=True)
        writer, kind = Writer(archive, staging, max_bytes, max_files), _kind(archive)
        with _damage_told(archive):
            (_read_zip if kind == "zip" else _read_tar)(archive, writer)
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


@contextmanager
def _damage_told(archive: Path) -> Iterator[None]:
    """Whatever zipfile and tarfile raise for damaged archives becomes one message."""
    try:
        yield
    except UserError:
        raise
    except UnicodeDecodeError as error:
        name = bytes(error.object).decode("utf-8", "backslashreplace")
        raise ArchiveError(f"{archive}: the name {name!r} is not text in UTF-8") from error
    except NotImplementedError as error:
        raise ArchiveError(f"{archive}: of a kind that is not supported: {error}") from error
    except OSError as error:
        if error.errno is None:  # gzip and bzip2 report damage this way
            raise ArchiveError(f"{archive}: truncated or damaged: {error}") from error
        told = FetchError if error.errno in (errno.ENOSPC, errno.EDQUOT) else ArchiveError
        raise told(f"{archive}: cannot be unpacked: {error.strerror}") from error
    except Exception as error:  # spoilt headers let them look for what is not there, and so on
        reason = str(error) or type(error).__name__
        raise ArchiveError(f"{archive}: truncated or damaged: {reason}") from error


def _kind(archive: Path) -> str:
    """The kind of an archive, by its first bytes."""
    try:
        with archive.open("rb") as stream:
            head = stream.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be read: {error.strerror}") from error
    for magic, kind in KINDS.items():
        if head.startswith(magic):
            return kind
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        pass  # an empty tar
    except tarfile.HeaderError as error:
        reason = "is neither a zip nor a tar (plain, gzip, bzip2 or xz)"
        raise ArchiveError(f"{archive}: {reason}") from error
    return "tar"


ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The bits of a member's flags that say so (APPNOTE.TXT, section 4.4.4)."""

METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd", 99: "AES"}
"""Compressions that other programs use (APPNOTE.TXT, section 4.4.5) and zipfile does not know."""

READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MOST_DEFLATED = 1032
"""Bytes that one byte of Deflate can stand for (a match of 258 bytes in two bits)."""


def _read_zip(archive: Path, writer: Writer) -> None:
    """Write every member."""
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            if reason := _no_file(member):
                writer.refuse(f"{plain(repr(member.orig_filename))} {reason}")
        writer.announce(len(members), sum(member.file_size for member in members))
        for member in members:
            # zipfile cuts names at a NUL and, on Windows, turns backslashes: judge the original.
            if member.orig_filename.endswith("/"):
                writer.add_folder(member.orig_filename)
            else:
                with opened.open(member) as contents:
                    writer.add_file(member.orig_filename, contents)


def _no_file(member: zipfile.ZipInfo) -> str:
    """Why a member is neither a file nor a folder that can be read; nothing if it is."""
    kind = stat.S_IFMT(member.external_attr >> 16)  # zero where the archive was not made by Unix
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in READABLE:
        method = f"{member.compress_type} ({METHODS.get(member.compress_type, 'unknown')})"
        remedy = "which cannot be read here; pack it anew with an ordinary zip or tar"
        return f"uses the compression method {method}, {remedy}"
    if stat.S_ISLNK(kind):
        return "is a link"
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        return "is a device, pipe or socket"
    possible = {
        zipfile.ZIP_STORED: member.file_size == member.compress_size,
        zipfile.ZIP_DEFLATED: member.file_size <= MOST_DEFLATED * (member.compress_size + 1),
    }
    if not possible.get(member.compress_type, True):
        return f"cannot unpack to {member.file_size} bytes from {member.compress_size}: damaged"
    return ""


LARGEST_HEADER = 1 << 20
"""Bytes of a long name or a table of attributes; only one that means harm is larger."""

HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""Members that only say something of the next one, and are read at once."""


class Member(tarfile.TarInfo):
    """A member whose header is taken as it is or refused.

    tarfile reads a long name or a table of attributes in one piece, however large it claims to
    be, and takes a file that breaks off or is spoilt between two members for a whole one.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A member from its header of 512 bytes."""
        if not buf:
            raise tarfile.ReadError("it breaks off before its end")
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error
        if not 0 <= member.size <= (LARGEST_HEADER if member.type in HEADERS else member.size):
            raise tarfile.ReadError(f"a header of {member.size} bytes")
        return member


def _read_tar(archive: Path, writer: Writer) -> None:
    """Write every member, in one pass through what may be compressed."""
    openers: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    with openers.get(_kind(archive), open)(archive, "rb") as stream:
        try:
            opened = tarfile.open(fileobj=stream, mode="r|", tarinfo=Member)  # noqa: SIM115
        except tarfile.ReadError as error:
            raise ArchiveError(f"{archive}: holds no tar archive, or is damaged") from error
        with opened:
            while (member := opened.next()) is not None:
                _write_member(opened, member, writer)
                opened.members.clear()  # type: ignore[attr-defined] # they pile up otherwise
        trailing = 0
        while block := stream.read(BLOCK):  # only its end tells of some damage
            trailing += len(block)
            writer.limit(0, trailing)


def _write_member(opened: tarfile.TarFile, member: tarfile.TarInfo, writer: Writer) -> None:
    if member.isdir():
        writer.add_folder(member.name)
        return
    contents = opened.extractfile(member) if member.isreg() and member.size >= 0 else None
    if contents is None:
        link = member.issym() or member.islnk()
        kind = "link" if link else "device, pipe or another special member"
        writer.refuse(f"{plain(repr(member.name))} is a {kind}")
    writer.add_file(member.name, contents)
