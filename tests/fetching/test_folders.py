"""Folders that come as archives, from the web or from the user."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.archives import ArchiveError
from ddpg.fetching import FetchError, Remote, fetch_folder

GetFolder = Callable[..., Path]
CONTENTS = {"a.png": b"A" * 3000, "sub/b.png": b"B"}


def zipped(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


GOOD = zipped(CONTENTS)
DIGEST = hashlib.sha256(GOOD).hexdigest()


def inside(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def get(server: Any, tmp_path: Path) -> GetFolder:
    server.files["set.zip"] = GOOD

    def get(*mirrors: str, **fields: Any) -> Path:
        limits = {name: fields.pop(name) for name in ("max_bytes", "max_files") if name in fields}
        remote = Remote("set.zip", mirrors or (f"{server.address}/set.zip",), **fields)
        target, pins = tmp_path / "in" / "set", tmp_path / "pins.yaml"
        options: dict[str, Any] = {"key": "set", "retries": 0, "timeout": 1, "backoff": 0}
        return fetch_folder(remote, target, pins=pins, **options, **limits)

    return get


def beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_an_archive_becomes_a_folder_once(server: Any, get: GetFolder, tmp_path: Path) -> None:
    target = get()
    assert inside(target) == CONTENTS
    pins = yaml.safe_load((tmp_path / "pins.yaml").read_text())
    assert pins == {"set": {"sha256": DIGEST, "size": len(GOOD)}}
    assert get() == target
    assert len(server.requests) == 1
    assert beside(target) == [".set.origin.json", "set"]  # the archive itself is gone


def test_a_changed_folder_is_kept_aside(get: GetFolder) -> None:
    target = get(sha256=DIGEST)
    (target / "a.png").unlink()
    assert inside(get(sha256=DIGEST)) == CONTENTS
    assert inside(target.with_name("set.sha256-mismatch")) == {"sub/b.png": b"B"}
    (target / ".noise").write_bytes(b"left by a system")
    assert get(sha256=DIGEST) == target
    assert not target.with_name("set.sha256-mismatch-1").exists()


def test_another_archive_is_kept_aside_where_people_see_it(server: Any, get: GetFolder) -> None:
    server.files["set.zip"] = zipped({"other": b"1"})
    with pytest.raises(FetchError, match="is not the expected file") as caught:
        get(sha256=DIGEST)
    assert DIGEST in str(caught.value)
    assert "write its size and sha256 into the card" in str(caught.value)
    server.files["set.zip"] = GOOD
    target = get(sha256=DIGEST)
    assert beside(target) == [".set.origin.json", "set", "set.zip.sha256-mismatch"]


def test_archives_of_a_folder_that_is_known_by_its_files(
    server: Any, get: GetFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """What the first holds is not what was expected: it is put aside, and the second is tried."""
    caplog.set_level(logging.INFO)
    lines = [f"{hashlib.sha256(v).hexdigest()}  {k}\n" for k, v in sorted(CONTENTS.items())]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    server.files["wrong.zip"] = zipped({"other": b"1"})
    mirrors = [f"{server.address}/{name}" for name in ("wrong.zip", "set.zip")]
    target = get(*mirrors, f"gdrive-folder:{'F' * 33}", sha256=digest)
    assert inside(target) == CONTENTS
    assert inside(target.with_name("set.sha256-mismatch")) == {"other": b"1"}
    assert beside(target) == [".set.origin.json", "set", "set.sha256-mismatch"]
    assert "wrong.zip: the folder there is not the expected file" in caplog.text


def test_a_damaged_archive_is_not_pinned(server: Any, get: GetFolder, tmp_path: Path) -> None:
    server.files["set.zip"] = GOOD[:-10]
    with pytest.raises(FetchError, match="truncated or damaged"):
        get()
    assert not (tmp_path / "pins.yaml").exists()
    assert not (tmp_path / "in" / "set").exists()
    server.files["second.zip"] = GOOD
    both = (f"{server.address}/set.zip", f"{server.address}/second.zip")
    assert inside(get(*both)) == CONTENTS


def test_an_expected_archive_that_is_unsafe(server: Any, get: GetFolder, tmp_path: Path) -> None:
    evil = zipped({"../evil": b"1"})
    server.files["set.zip"] = evil
    with pytest.raises(ArchiveError, match="leads out"):
        get(sha256=hashlib.sha256(evil).hexdigest())
    assert not (tmp_path / "in" / "evil").exists()
    server.files["set.zip"] = GOOD
    with pytest.raises(ArchiveError, match="more than 1 members"):
        get(sha256=DIGEST, max_files=1)
    with pytest.raises(ArchiveError, match="more than 3000 bytes"):
        get(sha256=DIGEST, max_bytes=3000)


def test_an_archive_that_a_killed_run_had_downloaded_is_used(
    server: Any, get: GetFolder, tmp_path: Path
) -> None:
    work = tmp_path / "in" / ".set.download"
    work.mkdir(parents=True)
    (work / "set.zip").write_bytes(GOOD)
    assert inside(get(sha256=DIGEST)) == CONTENTS
    assert server.requests == []
    assert not work.exists()


def test_a_truncated_download_is_continued_by_the_next_run(
    server: Any, get: GetFolder, fault: Any
) -> None:
    server.faults = [fault(cut=1000)]
    with pytest.raises(FetchError, match=f"too early; {len(GOOD) - 1000} bytes are missing"):
        get()
    assert inside(get()) == CONTENTS
    assert server.asked_ranges() == [None, "bytes=1000-"]


def test_a_folder_put_there_by_hand_is_taken_as_it_is(
    server: Any, get: GetFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "in" / "set").mkdir(parents=True)
    (tmp_path / "in" / "set" / "mine.png").write_bytes(b"1")
    assert inside(get()) == {"mine.png": b"1"}
    assert "taken as it is" in caplog.text
    assert server.requests == []


def test_an_empty_folder_is_filled(get: GetFolder, tmp_path: Path) -> None:
    (tmp_path / "in" / "set").mkdir(parents=True)
    assert inside(get()) == CONTENTS


def test_a_file_in_the_place_of_the_folder_is_kept(get: GetFolder, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "set").write_bytes(b"mine")
    assert inside(get()) == CONTENTS
    assert (tmp_path / "in" / "set.sha256-mismatch").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["folder", "archive", "folder of the archive"])
def test_a_variable_names_a_folder_or_an_archive(
    server: Any, get: GetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    local = tmp_path / "mine"
    local.mkdir()
    if kind == "folder":
        (local / "a.png").write_bytes(b"1")
    else:
        (local / "set.zip").write_bytes(GOOD)
    monkeypatch.setenv("HERE", str(local / "set.zip" if kind == "archive" else local))
    for _ in range(2):
        target = get(sha256=DIGEST, environment="HERE")
        assert target.is_symlink() == (kind == "folder")
        assert inside(target) == ({"a.png": b"1"} if kind == "folder" else CONTENTS)
    assert server.requests == []


def test_a_local_archive_is_verified(get: GetFolder, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(zipped({"other": b"1"}))
    with pytest.raises(FetchError, match=r"mine\.zip \(the card's path\) is not the expected"):
        get(sha256=DIGEST, path=str(tmp_path / "mine.zip"))
    assert (tmp_path / "mine.zip").exists()
    (tmp_path / "mine.zip").write_bytes(b"PK\3\4 damaged")
    with pytest.raises(ArchiveError, match="damaged"):
        get(path=str(tmp_path / "mine.zip"))
    assert not (tmp_path / "pins.yaml").exists()


def test_a_named_folder_takes_the_place_of_a_fetched_one(get: GetFolder, tmp_path: Path) -> None:
    get()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_bytes(b"1")
    target = get(path=str(tmp_path / "mine"))
    assert inside(target) == {"x": b"1"}
    assert inside(target.with_name("set.replaced")) == CONTENTS
    assert os.listdir(tmp_path / "mine") == ["x"]  # noqa: PTH208


def test_the_message_names_the_folder(get: GetFolder, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        get("http://127.0.0.1:9/set.zip", environment="HERE")
    target = tmp_path / "in" / "set"
    assert f"cannot be fetched to {target}; it was looked for at" in str(caught.value)
    assert "http://127.0.0.1:9/set.zip: cannot be reached" in str(caught.value)
    assert str(caught.value).endswith(
        f"put the folder at {target}, or set the environment variable HERE to the path of the "
        "folder or the archive"
    )
