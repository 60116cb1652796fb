"""Archives and remote folders as data sets, from the card to the index."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.fetching import fetch_dataset
from ddpg.datasets.survey import survey
from ddpg.errors import UserError

CardOf = Callable[..., DatasetCard]
Draw = Callable[..., Path]


def packed(folder: Path, archive: Path) -> Path:
    """All of a folder as an archive, in the way of its suffix."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as stream:
            for path in files:
                stream.write(path, path.relative_to(folder))
    else:
        mode: Any = "w" if archive.suffix == ".tar" else f"w:{archive.suffix[1:]}"
        with tarfile.open(archive, mode) as stream:
            for path in files:
                stream.add(path, path.relative_to(folder))
    return archive


def fetched(card: DatasetCard, tmp_path: Path) -> Path:
    fetch_dataset(card, tmp_path / "resources/mine", pins=tmp_path / "pins.yaml")
    return tmp_path / "resources/mine"


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tar.bz2", "set.tar.xz"])
def test_archives(card_of: CardOf, draw: Draw, tmp_path: Path, name: str) -> None:
    folder = draw("deep/9.png", "deep/10.JPEG", "other/x.png", "__MACOSX/deep/._9.png")
    archive = packed(folder, tmp_path / name)
    card = card_of({"count": 2}, archive=str(archive), folder="deep")
    assert card.source.local == str(archive)
    rows = survey(card, fetched(card, tmp_path))
    assert [(row.id, row.source) for row in rows] == [
        ("9", "deep/9.png"),
        ("10", "deep/10.JPEG"),
    ]
    assert not (tmp_path / "pins.yaml").exists()


def test_a_local_archive_may_change(card_of: CardOf, draw: Draw, tmp_path: Path) -> None:
    folder = draw("1.png")
    card = card_of({"count": 1}, archive=str(packed(folder, tmp_path / "set.zip")))
    before = survey(card, fetched(card, tmp_path))
    draw("1.png")
    packed(folder, tmp_path / "set.zip")
    after = survey(card, fetched(card, tmp_path))
    assert before[0].sha256 != after[0].sha256


def remote(**fields: Any) -> dict[str, Any]:
    return {"remote": {"file": "set", **fields}}


def test_a_folder_named_by_the_environment(
    card_of: CardOf, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = draw("wanted/1.png", "wanted/2.png", "others/3.png")
    (folder / "names.txt").write_text("2 7\n")
    monkeypatch.setenv("DDPG_TEST_SET", str(folder))
    source = remote(mirrors=["gdrive-folder:x"], environment="DDPG_TEST_SET")
    card = card_of({"count": 1, "list": "names.txt"}, **source, folder="wanted")
    assert card.source.local == str(folder)
    (row,) = survey(card, fetched(card, tmp_path))
    assert (row.id, row.source, row.label) == ("2", "wanted/2.png", 7)
    assert not (tmp_path / "pins.yaml").exists()


def test_archives_in_a_folder_are_unpacked_beside_it(
    card_of: CardOf, draw: Draw, tmp_path: Path
) -> None:
    """As in a folder that was saved from the web by hand; nothing is written into it."""
    saved = tmp_path / "saved"
    packed(draw("1.png", "2.png", folder="a"), saved / "faces.zip")
    packed(draw("v/1.JPEG", folder="b"), saved / "sub/things.tar.gz")
    (saved / "names.txt").write_text("1 7\n")
    shutil.copy(saved / "names.txt", saved / "noarchive.zip")
    before = sorted(saved.rglob("*"))
    source = remote(path=str(saved))
    faces = card_of({"count": 2}, **source, folder="faces")
    assert [row.source for row in survey(faces, fetched(faces, tmp_path))] == [
        *("faces/1.png", "faces/2.png"),
    ]
    things = card_of({"count": 1, "list": "names.txt"}, **source, folder="things")
    (row,) = survey(things, fetched(things, tmp_path))
    assert (row.id, row.source, row.label) == ("1", "sub/things/v/1.JPEG", 7)
    assert sorted(saved.rglob("*")) == before


def test_fetching_again_gives_the_same(card_of: CardOf, draw: Draw, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    packed(draw("1.png"), saved / "faces.zip")
    card = card_of({"count": 1}, **remote(path=str(saved)))
    assert survey(card, fetched(card, tmp_path)) == survey(card, fetched(card, tmp_path))


@pytest.mark.slow
def test_a_download_is_pinned_and_shared(
    card_of: CardOf, draw: Draw, tmp_path: Path, http_folder: Callable[[Path], str]
) -> None:
    archive = packed(draw("a/1.png", "b/2.png"), tmp_path / "web/set.zip")
    source = {"remote": {"file": "set.zip", "mirrors": [f"{http_folder(archive.parent)}/set.zip"]}}
    rows = []
    for name, folder in (("first", "a"), ("second", "b")):
        card = card_of({"count": 1}, **source, folder=folder).model_copy(update={"name": name})
        output = tmp_path / "resources" / name
        fetch_dataset(card, output, pins=tmp_path / "pins.yaml")
        rows += survey(card, output)
        archive.unlink(missing_ok=True)  # the second finds what the first has fetched
    assert [row.source for row in rows] == ["a/1.png", "b/2.png"]
    pins = yaml.safe_load((tmp_path / "pins.yaml").read_text())
    assert list(pins) == ["datasets/first", "datasets/second"]


def test_nothing_to_fetch_and_nothing_there(
    card_of: CardOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="mine: its pictures lie in a folder; nothing is to be"):
        fetched(card_of({"count": 1}, folder="."), tmp_path)
    with pytest.raises(UserError, match="which does not exist"):
        fetched(card_of({"count": 1}, archive="none.zip"), tmp_path)
    monkeypatch.delenv("DDPG_TEST_SET", raising=False)
    with pytest.raises(UserError, match="DDPG_TEST_SET"):
        fetched(card_of({"count": 1}, **remote(environment="DDPG_TEST_SET")), tmp_path)


def test_a_folder_put_there_by_hand_is_taken_and_stays(
    card_of: CardOf, draw: Draw, tmp_path: Path
) -> None:
    card = card_of({"count": 1}, **remote(mirrors=["http://127.0.0.1:9/set.zip"]))
    shutil.copytree(draw("1.png"), tmp_path / "resources/mine")
    before = (tmp_path / "resources/mine/1.png").read_bytes()
    for _ in range(2):
        assert [row.id for row in survey(card, fetched(card, tmp_path))] == ["1"]
    assert (tmp_path / "resources/mine/1.png").read_bytes() == before


def test_what_was_added_to_a_fetched_folder_is_kept_aside(
    card_of: CardOf, draw: Draw, tmp_path: Path
) -> None:
    archive = packed(draw("1.png"), tmp_path / "set.zip")
    card = card_of({"count": 1}, archive=str(archive))
    (fetched(card, tmp_path) / "notes.txt").write_text("mine")
    fetched(card, tmp_path)
    assert (tmp_path / "resources/mine.replaced/notes.txt").read_text() == "mine"
    assert not (tmp_path / "resources/mine/notes.txt").exists()


@pytest.mark.slow
def test_another_mirror_fetches_nothing_anew(
    card_of: CardOf, draw: Draw, tmp_path: Path, http_folder: Callable[[Path], str]
) -> None:
    archive = packed(draw("1.png"), tmp_path / "web/set.zip")
    address = f"{http_folder(archive.parent)}/set.zip"
    for mirror in (address, "http://127.0.0.1:9/set.zip"):
        card = card_of({"count": 1}, remote={"file": "set.zip", "mirrors": [mirror]})
        assert len(survey(card, fetched(card, tmp_path))) == 1
        archive.unlink(missing_ok=True)
