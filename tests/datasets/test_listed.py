"""Rows of a card's own list: those of its survey, without looking at other pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.index import listed_rows
from ddpg.datasets.survey import survey
from ddpg.errors import UserError
from ddpg.validation import validated

IMAGES = [
    {"id": "one", "file": "1.png", "label": 4},
    {"id": "two", "file": "deep/2.png", "label": 0},
    {"id": "three", "file": "3.png", "label": 1},
]


def card(images: object, folder: Path, **source: object) -> DatasetCard:
    content = {"name": "mine", "source": {"folder": str(folder)} | source, "images": images}
    return validated(DatasetCard, content, "card.yaml")


def draw(folder: Path, *files: str) -> None:
    from PIL import Image

    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (len(file), 0, 0)).save(folder / file)


def test_they_are_those_of_the_survey(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "deep/2.png", "3.png")
    mine = card(IMAGES, tmp_path)
    found = [replace(row, sha256="", width=0, height=0) for row in survey(mine, tmp_path)]
    assert listed_rows(mine, [0, 1, 2], tmp_path) == found
    assert listed_rows(mine, [2, 0], tmp_path) == [found[2], found[0]]


def test_other_pictures_need_not_be_there(tmp_path: Path) -> None:
    (row,) = listed_rows(card(IMAGES, tmp_path), [1], tmp_path)
    assert (row.id, row.source, row.label) == ("two", "deep/2.png", 0)


def test_a_checksum_of_the_list_goes_along(tmp_path: Path) -> None:
    images = [{**IMAGES[0], "sha256": "ab" * 32}]
    assert listed_rows(card(images, tmp_path), [0], tmp_path)[0].sha256 == "ab" * 32


def test_in_what_was_fetched_the_folder_may_lie_deeper(tmp_path: Path) -> None:
    draw(tmp_path, "archive/pictures/1.png")
    mine = card(IMAGES[:1], Path("pictures"), archive="pictures.zip")
    assert [row.source for row in listed_rows(mine, [0], tmp_path)] == ["archive/pictures/1.png"]
    assert [row.source for row in survey(mine, tmp_path)] == ["archive/pictures/1.png"]


@pytest.mark.parametrize(
    ("images", "positions", "expected"),
    [
        (IMAGES, [3], "mine: has 3 pictures, none at 3"),
        ({"count": 3}, [0], "the card gives the number of its pictures only"),
    ],
)
def test_what_cannot_be_listed(
    tmp_path: Path, images: object, positions: list[int], expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        listed_rows(card(images, tmp_path), positions, tmp_path)


def test_a_plain_list_of_names_is_no_list_of_paths(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("1\n2\n")
    with pytest.raises(UserError, match="gives names, no paths"):
        listed_rows(card(str(tmp_path / "names.txt"), tmp_path), [0], tmp_path)
