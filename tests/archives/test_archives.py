"""Archives made by hand, each with one fault; nothing may be left of any of them."""

from __future__ import annotations

import errno
import gzip
import io
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ddpg.archives import ArchiveError, unpack
from ddpg.errors import FetchError

CONTENTS = {"a.png": b"A" * 3000, "sub/b.png": b"B", "sub/deep/c.txt": b"", "ünï ☃.png": b"snow"}
TARS = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


def make_zip(path: Path, members: dict[str, bytes], **fields: Any) -> Path:
    """A zip; names are written as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, contents, zipfile.ZIP_DEFLATED)
    return path


def make_tar(path: Path, members: dict[str, bytes], how: str = "w", **fields: Any) -> Path:
    with tarfile.open(path, how) as archive:  # type: ignore[call-overload]
        for name, contents in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(contents))
    return path


def refused(
    archive: Path, match: str, error: type[Exception] = ArchiveError, **limits: int
) -> None:
    """Nothing of the archive may be left, inside or outside the folder."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(error, match=match) as caught:
        unpack(archive, archive.parent / "out", **limits)
    assert str(archive) in str(caught.value)
    assert sorted(archive.parent.rglob("*")) == before


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {"zip": make_zip, "tar": make_tar}
both = pytest.mark.parametrize("kind", MAKERS)


@pytest.mark.parametrize("kind", ["zip", *TARS])
def test_good_archives(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "archive"  # the kind is in the bytes, not in the name
    if kind == "zip":
        make_zip(archive, CONTENTS)
    else:
        make_tar(archive, CONTENTS, TARS[kind])
    found = unpack(archive, tmp_path / "new" / "out")
    assert [path.relative_to(tmp_path / "new" / "out").as_posix() for path in found] == [*CONTENTS]
    assert [path.read_bytes() for path in found] == [*CONTENTS.values()]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_forms_of_tar_and_long_names(tmp_path: Path, form: int) -> None:
    name = "/".join(["folder" * 8] * 3) + "/picture.png"
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"yes"))
    assert unpack(tmp_path / "a.tar", tmp_path / "out")[0].read_bytes() == b"yes"


@both
def test_folders_as_members(tmp_path: Path, kind: str) -> None:
    (tmp_path / "src" / "x" / "empty").mkdir(parents=True)
    (tmp_path / "src" / "x" / "f").write_bytes(b"1")
    made = shutil.make_archive(str(tmp_path / "a"), kind, tmp_path / "src")
    unpack(Path(made), tmp_path / "out")
    assert (tmp_path / "out" / "x" / "empty").is_dir()
    assert (tmp_path / "out" / "x" / "f").read_bytes() == b"1"


@both
@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("/etc/evil", "absolute path"),
        ("//evil", "absolute path"),
        ("../evil", "leads out"),
        ("sub/../../evil", "leads out"),
        ("sub/..", "leads out"),
        ("C:/evil", "absolute path"),
        ("c:evil", "absolute path"),
        ("..\\evil", "backslash"),
        ("\\\\server\\evil", "backslash"),
        ("bell\x07", "control characters"),
        ("line\nbreak", "control characters"),
        ("escape\x1b[2J", "control characters"),
        ("c1\x85", "control characters"),
        (".", "no file name"),
        ("x" * 256, "longer than 255 bytes"),
    ],
)
def test_names_that_lead_astray(tmp_path: Path, kind: str, name: str, match: str) -> None:
    refused(MAKERS[kind](tmp_path / "a", {"good": b"1", name: b"2"}), match)


def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("bad\udcff"))
    refused(tmp_path / "a", "not text in UTF-8")


def test_a_nul_in_a_name_does_not_cut_it(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"goodX/../evil": b"1"})
    path.write_bytes(path.read_bytes().replace(b"goodX/", b"good\0/"))
    refused(path, "control characters")


@both
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.png", "a.png"),
        ("a.png", "./a.png"),
        ("a.png", "A.PNG"),
        ("x/a.png", "X/a.png"),
        ("caf\u00e9", "cafe\u0301"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/b", "A"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_for_one_file(tmp_path: Path, kind: str, first: str, second: str) -> None:
    path = tmp_path / "a"
    if kind == "tar":
        with tarfile.open(path, "w") as archive:
            for name in (first, second):
                archive.addfile(tarfile.TarInfo(name))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in (first, second):
                archive.writestr(name, b"")
    refused(path, "would overwrite|is a file, not a folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("to", ["/etc/passwd", "../../out", "good"])
def test_links_in_tars(tmp_path: Path, kind: bytes, to: str) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        archive.addfile(tarfile.TarInfo("good"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = kind, to
        archive.addfile(link)
    refused(tmp_path / "a", "'link' is a link")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"Z"])
def test_devices_in_tars(tmp_path: Path, kind: bytes) -> None:
    path = make_tar(tmp_path / "a", {"odd": b""}, type=kind)
    refused(path, "'odd' is a device, pipe or another special member")


@pytest.mark.parametrize(
    ("mode", "match"),
    [
        (stat.S_IFLNK, "is a link"),
        (stat.S_IFIFO, "is a device"),
        (stat.S_IFCHR, "is a device"),
        (stat.S_IFSOCK, "is a device"),
    ],
)
def test_links_and_devices_in_zips(tmp_path: Path, mode: int, match: str) -> None:
    path = make_zip(
        tmp_path / "a", {"odd": b"/etc/passwd"}, create_system=3, external_attr=(mode | 0o777) << 16
    )
    refused(path, f"'odd' {match}")


@both
def test_modes_are_not_taken_over(tmp_path: Path, kind: str) -> None:
    if kind == "tar":
        make_tar(tmp_path / "a", {"f": b"1"}, mode=0o6777, uid=12345)
    else:
        bits = (stat.S_IFREG | 0o6777) << 16
        make_zip(tmp_path / "a", {"f": b"1"}, create_system=3, external_attr=bits)
    (file,) = unpack(tmp_path / "a", tmp_path / "out")
    assert stat.S_IMODE(file.stat().st_mode) & 0o7111 == 0


@pytest.mark.parametrize("kind", ["zip", *TARS])
def test_bombs(tmp_path: Path, kind: str) -> None:
    members = {"bomb": bytes(3_000_000)}
    path = tmp_path / "a"
    if kind == "zip":
        make_zip(path, members)
    else:
        make_tar(path, members, TARS[kind])
    refused(path, "unpacks to more than 2999999 bytes", max_bytes=2_999_999)
    assert len(unpack(path, tmp_path / "out", max_bytes=3_000_000)) == 1


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"bomb": bytes(3_000_000)})
    size = (3_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    refused(path, "truncated or damaged", max_bytes=1000)


def test_a_sparse_tar_of_terabytes(tmp_path: Path) -> None:
    """4 TiB of zeros in 2 KiB, in the sparse form of GNU tar 1.0."""
    table = b"1\n0\n512\n".ljust(512, b"\0")
    info = tarfile.TarInfo("bomb")
    info.size = 1024
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "bomb",
        "GNU.sparse.realsize": str(4 << 40),
    }
    with tarfile.open(tmp_path / "a", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(table + b"x" * 512))
    refused(tmp_path / "a", "unpacks to more than", max_bytes=1 << 20)


def test_a_name_of_gigabytes(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 34
    (tmp_path / "a").write_bytes(gzip.compress(header.tobuf() + bytes(1 << 16)))
    refused(tmp_path / "a", "truncated or damaged|holds no tar")


def test_headers_of_headers(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 512
    (tmp_path / "a").write_bytes((header.tobuf() + b"x".ljust(512, b"\0")) * 2000)
    refused(tmp_path / "a", "truncated or damaged: maximum recursion")


@both
def test_too_many_members(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path / "a", {f"{n}/x": b"" for n in range(11)})
    refused(path, "holds more than 10 members", max_files=10)
    assert len(unpack(path, tmp_path / "out", max_files=11)) == 11


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    refused(make_zip(tmp_path / "a", {"f": bytes(11)}), r"11 bytes \(11 B\) are needed", FetchError)


@pytest.mark.parametrize("kind", ["zip", *TARS])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_truncated_archives(tmp_path: Path, kind: str, share: float) -> None:
    import random

    noise = random.Random(0).randbytes(40_000)  # noqa: S311
    members = {f"{n}.png": noise[n * 10_000 : (n + 1) * 10_000] for n in range(4)}
    path = tmp_path / "a"
    whole = make_zip(path, members) if kind == "zip" else make_tar(path, members, TARS[kind])
    contents = whole.read_bytes()
    path.write_bytes(contents[: int(share * 40_000)])
    refused(path, "truncated or damaged")


def test_a_tar_that_ends_between_two_members(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a", {"one": b"1", "two": b"2"})
    path.write_bytes(path.read_bytes()[:1024])
    refused(path, "truncated or damaged: it breaks off")


def test_a_spoilt_header_between_two_members(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a", {"one": b"1", "two": b"2"})
    contents = bytearray(path.read_bytes())
    contents[1024 + 150] ^= 0xFF
    path.write_bytes(bytes(contents))
    refused(path, "truncated or damaged")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_flipped_bits(tmp_path: Path, kind: str) -> None:
    import random

    members = {"noise": random.Random(0).randbytes(20_000)}  # noqa: S311
    path = tmp_path / "a"
    made = make_zip(path, members) if kind == "zip" else make_tar(path, members, TARS[kind])
    contents = bytearray(made.read_bytes())
    contents[len(contents) // 2] ^= 0x10
    path.write_bytes(bytes(contents))
    refused(path, "damaged")


def test_encrypted_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"secret": b"1"})
    contents = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        contents[contents.index(magic) + offset] |= 1
    path.write_bytes(bytes(contents))
    refused(path, "'secret' is encrypted")


def test_an_unknown_compression(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"f": b"1"})
    contents = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        contents[contents.index(magic) + offset] = 9  # deflate64
    path.write_bytes(bytes(contents))
    refused(path, "truncated or damaged|compression")


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (98, "PPMd"), (77, "unknown")]
)
def test_a_compression_that_cannot_be_read_is_named(tmp_path: Path, method: int, name: str) -> None:
    path = make_zip(tmp_path / "a", {"good": b"1", "f": b"1"})
    contents = bytearray(path.read_bytes())
    contents[contents.rindex(b"PK\1\2") + 10] = method
    path.write_bytes(bytes(contents))
    refused(path, rf"'f' uses the compression method {method} \({name}\), which cannot be read")


@pytest.mark.parametrize("flag", [0x01, 0x40])
def test_every_kind_of_encryption_is_named(tmp_path: Path, flag: int) -> None:
    path = make_zip(tmp_path / "a", {"secret": b"1"})
    contents = bytearray(path.read_bytes())
    contents[contents.rindex(b"PK\1\2") + 8] |= flag
    path.write_bytes(bytes(contents))
    refused(path, "'secret' is encrypted")


def test_a_zip_of_a_later_version(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"f": b"1"})
    contents = bytearray(path.read_bytes())
    contents[contents.rindex(b"PK\1\2") + 6] = 99
    path.write_bytes(bytes(contents))
    refused(path, "of a kind that is not supported: zip file version 9.9")


@pytest.mark.parametrize("size", [2_000_000, 3_000_000_000])
def test_a_zip_that_claims_more_than_its_bytes_can_hold(tmp_path: Path, size: int) -> None:
    """The disk may have room for the claim or not: no reason to ask it."""
    path = make_zip(tmp_path / "a", {"f": b"123"})
    contents = bytearray(path.read_bytes())
    place = contents.rindex(b"PK\1\2") + 24
    contents[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(bytes(contents))
    refused(path, f"'f' cannot unpack to {size} bytes from 5: damaged")


def test_a_zip_with_zip64_numbers_beyond_all_files(tmp_path: Path) -> None:
    """Where a member begins is 2**64 - 1: no position that a file has."""
    path = make_zip(tmp_path / "a", {"f": b"123"}, extra=b"\1\0\x08\0" + b"\xff" * 8)
    contents = bytearray(path.read_bytes())
    place = contents.rindex(b"PK\1\2") + 42
    contents[place : place + 4] = b"\xff" * 4
    path.write_bytes(bytes(contents))
    refused(path, "truncated or damaged")


def test_a_zip_member_without_a_name(tmp_path: Path) -> None:
    refused(make_zip(tmp_path / "a", {"good": b"1", "": b"2"}), "'' is no file name")


def test_a_zip_name_that_claims_to_be_utf8_and_is_not(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"\N{LATIN SMALL LETTER U WITH DIAERESIS}": b"1"})
    path.write_bytes(path.read_bytes().replace(b"\xc3\xbc", b"\xfc\xfc"))
    refused(path, r"the name '\\\\xfc\\\\xfc' is not text in UTF-8")


@both
def test_a_leading_dash_is_a_name_like_any_other(tmp_path: Path, kind: str) -> None:
    (path,) = unpack(MAKERS[kind](tmp_path / "a", {"-rf": b"1"}), tmp_path / "out")
    assert path == tmp_path / "out" / "-rf"


def test_a_disk_that_fills_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ddpg.archives.writing.Writer.add_file", full)
    refused(make_zip(tmp_path / "a", {"f": b"1"}), "No space left", FetchError)


@pytest.mark.parametrize(
    "contents", [b"", b"hello", b"7z\xbc\xaf\x27\x1c", b"(\xb5/\xfd zstd", b"<html>" * 200]
)
def test_other_files(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "a").write_bytes(contents)
    refused(tmp_path / "a", "neither a zip nor a tar")


def test_compressed_but_no_tar(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b"a checkpoint" * 100))
    refused(tmp_path / "a", "holds no tar archive")


@both
def test_empty_archives(tmp_path: Path, kind: str) -> None:
    refused(MAKERS[kind](tmp_path / "a", {}), "holds no file")


def test_nothing_is_unpacked_over_a_folder(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"f": b"1"})
    (tmp_path / "out").mkdir()
    assert unpack(path, tmp_path / "out")[0].read_bytes() == b"1"  # an empty one may be there
    (tmp_path / "out" / "f").write_bytes(b"mine")
    with pytest.raises(ArchiveError, match="is there already"):
        unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "f").read_bytes() == b"mine"


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".out.unpacking" / "old").mkdir(parents=True)
    unpack(make_zip(tmp_path / "a", {"f": b"1"}), tmp_path / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "f", "out"]


def test_a_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be read: No such file"):
        unpack(tmp_path / "none", tmp_path / "out")
