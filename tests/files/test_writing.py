"""Atomic writing: the final name holds the old content or the new, never half of it."""

import os
import subprocess
import sys

import pytest

from ddpg.files import writing as files
from ddpg.files.writing import replacing


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_the_new_content_appears_under_the_final_name_only_at_the_end(tmp_path):
    path = tmp_path / "value.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["value.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_exception_the_old_content_is_there_and_nothing_else(tmp_path, error):
    path = tmp_path / "value.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["value.txt"]


def test_a_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "value.txt"):
        pass
    assert names(tmp_path) == []


def test_directories_are_made_and_the_suffix_is_kept(tmp_path):
    path = tmp_path / "a/b/picture.png"
    with replacing(path) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"\x00")
    assert path.read_bytes() == b"\x00"


def test_a_text_path_will_do(tmp_path):
    with replacing(os.fspath(tmp_path / "value.txt")) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "value.txt").read_text() == "new"


def test_a_directory_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"), replacing(tmp_path / "folder") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["folder"]


def test_below_a_regular_file_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), replacing(tmp_path / "file/value.txt"):
        pytest.fail("the block must not run")


def leftover(folder, host, process, target="value.txt"):
    stem, _, suffix = target.rpartition(".")
    path = folder / f".{stem}.{host}-{process}.partial.{suffix}"
    path.write_text("half")
    return path


def test_what_a_killed_process_left_is_removed(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leftover(tmp_path, files._host(), child.pid)
    old = leftover(tmp_path, "elsewhere", 1)
    os.utime(old, (0, 0))
    with replacing(tmp_path / "value.txt") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["value.txt"]


def test_what_others_are_writing_is_left_alone(tmp_path):
    old = [
        leftover(tmp_path, files._host(), os.getppid()),
        leftover(tmp_path, "elsewhere", 1),
        leftover(tmp_path, files._host(), 2**30, target="value.more.txt"),
        leftover(tmp_path, files._host(), 2**30, target="value.csv"),
    ]
    with replacing(tmp_path / "value.txt") as temporary:
        temporary.write_text("new")
    assert all(path.exists() for path in old)
