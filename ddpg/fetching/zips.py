"""Members of a zip archive, for :mod:`ddpg.fetching.archives`."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from ddpg.fetching.writer import Writer

ENCRYPTED = 0x1
"""The bit of a member's flags that says so (APPNOTE.TXT, section 4.4.4)."""


def read(archive: Path, writer: Writer) -> None:
    """Write every member."""
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        writer.announce(len(members), sum(member.file_size for member in members))
        for member in members:
            _refuse_what_is_no_file(member, writer)
        for member in members:
            # zipfile cuts names at a NUL and, on Windows, turns backslashes: judge the original.
            if member.is_dir():
                writer.add_folder(member.orig_filename)
            else:
                with opened.open(member) as contents:
                    writer.add_file(member.orig_filename, contents)


def _refuse_what_is_no_file(member: zipfile.ZipInfo, writer: Writer) -> None:
    if member.flag_bits & ENCRYPTED:
        writer.refuse(member.orig_filename, "is encrypted")
    kind = stat.S_IFMT(member.external_attr >> 16)  # zero where the archive was not made by Unix
    if stat.S_ISLNK(kind):
        writer.refuse(member.orig_filename, "is a link")
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        writer.refuse(member.orig_filename, "is a device, pipe or socket")
