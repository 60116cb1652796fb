"""Where restorations go; never over something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ddpg.errors import UserError
from ddpg.restoring.places import Place, places


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "trip/IMG (1).jpg", "trip/sub/Müller.jpg", "trip/notes.txt"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def targets(*inputs: str, output: str | None = None) -> list[str]:
    found = places([Path(name) for name in inputs], None if output is None else Path(output))
    return [str(place.target.absolute().relative_to(Path.cwd())) for place in found]


def test_without_an_output_they_lie_beside():
    assert targets("a.jpg") == ["a-restored.png"]
    assert targets("a.jpg", "trip") == [
        "a-restored.png", "trip-restored/IMG (1).png", "trip-restored/sub/Müller.png",
    ]  # fmt: skip
    assert targets("trip/") == ["trip-restored/IMG (1).png", "trip-restored/sub/Müller.png"]


def test_a_file_or_a_folder_can_be_named():
    assert targets("a.jpg", output="x.tif") == ["x.tif"]
    assert targets("a.jpg", output="new") == ["new/a.png"]
    assert targets("a.jpg", "b.png", output="new/") == ["new/a.png", "new/b.png"]
    Path("v1.2").mkdir()
    assert targets("a.jpg", output="v1.2") == ["v1.2/a.png"]


def test_pictures_of_one_name_keep_their_suffix():
    Path("a.tif").write_bytes(b"")
    assert targets("a.jpg", "a.tif", "b.png", output="new") == [
        "new/a.jpg.png", "new/a.tif.png", "new/b.png",
    ]  # fmt: skip
    with pytest.raises(UserError, match="two pictures"):
        targets("a.jpg", "trip/../a.jpg", output="new")


def test_what_an_earlier_run_has_put_into_the_folder_is_left_out():
    Path("trip/clean").mkdir()
    Path("trip/clean/IMG (1).png").write_bytes(b"")
    assert targets("trip", output="trip/clean") == [
        "trip/clean/IMG (1).png", "trip/clean/sub/Müller.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "output", "word"),
    [
        (("a.jpg",), "x.xyz", "ends with one of"),
        (("a.jpg", "b.png"), "x.png", "need a folder"),
        (("trip",), "b.png", "not a folder"),
        (("trip/sub/none",), None, None),
        (("empty",), None, "holds no picture"),
    ],
)
def test_impossible_outputs_are_told(inputs, output, word):
    Path("empty").mkdir()
    if word is None:
        assert targets(*inputs) == ["trip/sub/none-restored.png"]  # told when it is read
        return
    with pytest.raises(UserError, match=word):
        targets(*inputs, output=output)


def test_nothing_is_overwritten_unless_asked():
    place = Place(Path("a.jpg"), Path("b.png"))
    with pytest.raises(UserError, match=r"b\.png: is there already; --force"):
        place.check(1, force=False)
    place.check(1, force=True)
    Path("c-spread.png").write_bytes(b"")
    with pytest.raises(UserError, match="c-spread"):
        Place(Path("a.jpg"), Path("c.png")).check(2, force=False)
    Place(Path("a.jpg"), Path("c.png")).check(1, force=False)


def test_the_picture_itself_is_never_overwritten():
    with pytest.raises(UserError, match="the picture itself"):
        Place(Path("b.png"), Path("trip/../b.png")).check(1, force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told_before_anything_is_computed():
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="no permission"):
        Place(Path("a.jpg"), Path("locked/new/a.png")).check(1, force=False)


def test_a_file_in_the_way_of_a_folder_is_told():
    with pytest.raises(UserError, match="not a folder"):
        Place(Path("a.jpg"), Path("b.png/a.png")).check(1, force=False)
