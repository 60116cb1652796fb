"""Members of a zip archive, for :mod:`ddpg.fetching.archives`."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from ddpg.fetching.writer import Writer

ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The bits of a member's flags that say so (APPNOTE.TXT, section 4.4.4)."""
PATCHED = 0x20

METHODS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    10: "PKWARE Implode",
    20: "Zstandard",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES",
}
"""Compressions that other programs use (APPNOTE.TXT, section 4.4.5) and zipfile does not know."""

READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MOST_DEFLATED = 1032
"""Bytes that one byte of Deflate can stand for (a match of 258 bytes in two bits)."""


def read(archive: Path, writer: Writer) -> None:
    """Write every member."""
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            _refuse_what_is_no_file(member, writer)
        writer.announce(len(members), sum(member.file_size for member in members))
        for member in members:
            # zipfile cuts names at a NUL and, on Windows, turns backslashes: judge the original.
            if member.orig_filename.endswith("/"):
                writer.add_folder(member.orig_filename)
            else:
                with opened.open(member) as contents:
                    writer.add_file(member.orig_filename, contents)


def _refuse_what_is_no_file(member: zipfile.ZipInfo, writer: Writer) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)  # zero where the archive was not made by Unix
    reason = ""
    if member.flag_bits & ENCRYPTED:
        reason = "is encrypted"
    elif member.flag_bits & PATCHED:
        reason = "is a patch of another file"
    elif member.compress_type not in READABLE:
        method = METHODS.get(member.compress_type, "unknown")
        reason = f"uses the compression method {member.compress_type} ({method}), "
        reason += "which cannot be read here; pack it anew with an ordinary zip or tar"
    elif stat.S_ISLNK(kind):
        reason = "is a link"
    elif kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        reason = "is a device, pipe or socket"
    elif _lies(member):
        reason = f"cannot unpack to {member.file_size} bytes from {member.compress_size}: damaged"
    if reason:
        writer.refuse(member.orig_filename, reason)


def _lies(member: zipfile.ZipInfo) -> bool:
    """Whether the size that a member claims is impossible."""
    if member.compress_type == zipfile.ZIP_STORED:
        return member.file_size != member.compress_size
    deflated = member.compress_type == zipfile.ZIP_DEFLATED
    return deflated and member.file_size > MOST_DEFLATED * (member.compress_size + 1)
