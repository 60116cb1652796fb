"""Checksums of what a file holds, remembered as long as nothing about the file has changed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from ddpg.files import contents, syntax
from ddpg.files.contents import content_of, file_content


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Snakemake has run, and from which this process works."""
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contents, "SETTLED", 0.0)
    contents._MEMORIES.clear()
    return tmp_path


def test_a_file_is_known_by_its_sha256(folder: Path) -> None:
    (folder / "a").write_bytes(b"abc")
    assert file_content("a") == content_of("a") == hashlib.sha256(b"abc").hexdigest()


def test_an_exchanged_file_with_size_and_date_of_the_old_one_is_noticed(folder: Path) -> None:
    path = folder / "a"
    path.write_bytes(b"one")
    os.utime(path, (1e9, 1e9))
    time.sleep(0.02)
    before = file_content(path)
    other = folder / "b"
    other.write_bytes(b"two")
    os.utime(other, (1e9, 1e9))
    other.replace(path)
    assert file_content(path) == hashlib.sha256(b"two").hexdigest() != before
    path.write_bytes(b"six")  # in place: the inode stays
    os.utime(path, (1e9, 1e9))
    assert file_content(path) == hashlib.sha256(b"six").hexdigest()


def test_a_remembered_file_is_not_read_again_in_this_process_or_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a").write_bytes(b"abc")
    time.sleep(0.02)
    first = file_content("a")
    monkeypatch.setattr(contents, "sha256_of", lambda path: pytest.fail(f"{path} was read again"))
    assert file_content("a") == first
    contents._MEMORIES.clear()
    assert file_content("a") == first


def test_a_file_of_a_moment_ago_is_not_remembered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SETTLED", 60.0)
    (folder / "a").write_bytes(b"abc")
    file_content("a")
    assert not (folder / contents.REMEMBERED).exists()


def test_a_folder_is_known_by_names_and_contents_but_not_by_hidden_files(folder: Path) -> None:
    (folder / "m/unet").mkdir(parents=True)
    (folder / "m/unet/w").write_bytes(b"1")
    first = content_of("m")
    (folder / "m/.cache").mkdir()
    (folder / "m/.cache/x").write_bytes(b"1")
    assert content_of("m") == first
    (folder / "m/unet/w").write_bytes(b"2")
    second = content_of("m")
    (folder / "m/unet/w").rename(folder / "m/unet/v")
    assert len({first, second, content_of("m")}) == 3


def test_a_spoilt_memory_costs_time_only(folder: Path) -> None:
    (folder / contents.REMEMBERED).parent.mkdir()
    for spoilt in ("", "[1]", '{"a": 1}', '{"a": [1, 2]}'):
        (folder / contents.REMEMBERED).write_text(spoilt)
        contents._MEMORIES.clear()
        (folder / "a").write_bytes(b"abc")
        assert file_content("a") == hashlib.sha256(b"abc").hexdigest()


def test_many_files_are_written_down_together(folder: Path) -> None:
    paths = [folder / str(number) for number in range(200)]
    for path in paths:
        path.write_text(path.name)
    time.sleep(0.02)
    written = []
    keep = contents.write_json
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "write_json", lambda *a, **k: written.append(a) or keep(*a, **k))
        for path in paths:
            file_content(path)
    assert len(written) < 20
    contents._MEMORIES[folder / contents.REMEMBERED]._keep()  # as when Python ends
    assert len(json.loads((folder / contents.REMEMBERED).read_text())) == 200


def test_no_file_of_many_is_forgotten(folder: Path) -> None:
    count = syntax.MOST + 1
    memory = contents.memory(contents.REMEMBERED, contents._checked)
    memory.known = {str(folder / str(number)): ([0], "") for number in range(count)}
    (folder / "a").write_text("a")
    time.sleep(0.02)
    file_content("a")
    assert len(json.loads((folder / contents.REMEMBERED).read_text())) == count + 1


@pytest.mark.usefixtures("folder")
def test_a_memory_with_a_limit_holds_what_was_found_out_last() -> None:
    memory = contents.memory(Path(".snakemake/ddpg/some.json"), str, most=2)
    for name in "abc":
        memory.add(name, name)
    memory._keep()
    assert list(json.loads(memory.file.read_text())) == ["b", "c"]
