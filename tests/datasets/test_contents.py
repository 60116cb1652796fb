"""What pictures hold, as the specs of the jobs that read them know it."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.contents import (
    fetched_content,
    listed_contents,
    note_fetched,
    surveyed_content,
)

CardOf = Callable[..., DatasetCard]
Draw = Callable[..., Path]

IMAGES = [{"id": name, "file": f"{name}.png"} for name in "abc"]


def exchange(path: Path, other: Path) -> None:
    """Put another file in place of one, as `cp -p` does: the date is older than the results."""
    os.utime(other, (1e9, 1e9))
    shutil.copy2(other, path)


def test_a_listed_picture_that_is_exchanged_is_another_one(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png", "b.png", "c.png", "other.png")
    card = card_of(IMAGES, folder=str(root))
    before, survey = listed_contents(card, [0, 1, 2]), surveyed_content(card)
    exchange(root / "b.png", root / "other.png")
    after = listed_contents(card, [0, 1, 2])
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert surveyed_content(card) != survey


def test_a_link_that_is_set_elsewhere_is_another_picture(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png", "c.png", "1.png", "2.png")
    (root / "b.png").symlink_to("1.png")
    card = card_of(IMAGES, folder=str(root))
    before = listed_contents(card, [1])
    (root / "b.png").unlink()
    (root / "b.png").symlink_to("2.png")
    assert listed_contents(card, [1]) != before


@pytest.mark.parametrize("images", [{"count": 2}, {"count": 2, "list": "names.txt"}, "names"])
def test_pictures_that_are_counted_or_named(card_of: CardOf, draw: Draw, images: Any) -> None:
    root = draw("a.png", "b.png")
    other = draw("other.png", folder="elsewhere") / "other.png"
    (root / "names.txt").write_text("b.png\na.png\n")
    images = str(root / "names.txt") if images == "names" else images
    card = card_of(images, folder=str(root))
    before = surveyed_content(card)
    (root / "notes.md").write_text("no picture")
    assert surveyed_content(card) == before
    exchange(root / "a.png", other)
    exchanged = surveyed_content(card)
    (root / "names.txt").write_text("a.png\nb.png\n")
    reordered = surveyed_content(card_of(images, folder=str(root)))
    assert before != exchanged
    assert (exchanged == reordered) is (images == {"count": 2})


def test_pictures_of_a_package(
    card_of: CardOf, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw("a.png", "b.png", folder="some_pictures/data")
    other = draw("other.png", folder="elsewhere") / "other.png"
    monkeypatch.syspath_prepend(tmp_path)
    for images in (IMAGES[:2], {"count": 2}):
        card = card_of(images, package="some_pictures", folder="data")
        before = surveyed_content(card), listed_contents(card, [0])
        exchange(root / "a.png", other)
        assert surveyed_content(card) != before[0]
        other = draw("other.png", folder="elsewhere") / "other.png"


def test_an_archive_that_is_exchanged_is_fetched_again(
    card_of: CardOf, draw: Draw, tmp_path: Path
) -> None:
    for name in ("x", "y"):
        root = draw("a.png", folder=name)
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.write(root / "a.png", "a.png")
    card = card_of({"count": 1}, archive=str(tmp_path / "x.zip"))
    before = fetched_content(card)
    exchange(tmp_path / "x.zip", tmp_path / "y.zip")
    assert fetched_content(card) != before


def test_a_folder_that_a_variable_names_counts_by_what_it_holds(
    card_of: CardOf, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw("a.png", "b.png")
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DDPG_TEST_SET", str(root))
    remote = {"file": "set", "environment": "DDPG_TEST_SET", "mirrors": ["https://none.invalid/x"]}
    card = card_of({"count": 2}, remote=remote)
    before = fetched_content(card)
    note_fetched(card)
    monkeypatch.delenv("DDPG_TEST_SET")
    assert fetched_content(card) == before
    monkeypatch.setenv("DDPG_TEST_SET", str(root))
    exchange(root / "a.png", root / "b.png")
    assert fetched_content(card) != before


def test_nothing_is_said_of_what_is_not_there(card_of: CardOf, tmp_path: Path) -> None:
    card = card_of(IMAGES, folder=str(tmp_path / "none"))
    assert surveyed_content(card) == ""
    assert listed_contents(card, [0]) == [""]
    assert fetched_content(card_of({"count": 1}, archive=str(tmp_path / "none.zip"))) == ""
