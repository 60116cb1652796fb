"""Data set cards: what is accepted, what is known before anything is fetched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.datasets.cards import DatasetCard, read_card
from ddpg.datasets.entries import derived_id, natural_key
from ddpg.errors import UserError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "config/cards/datasets").rglob("*.yaml"))


def written(tmp_path: Path, images: Any, **source: Any) -> str:
    path = tmp_path / "card.yaml"
    content = {"name": "mine", "source": source or {"folder": "."}, "images": images}
    path.write_text(yaml.safe_dump(content))
    return str(path)


def problem(tmp_path: Path, images: Any, **source: Any) -> str:
    with pytest.raises(UserError) as caught:
        read_card(written(tmp_path, images, **source))
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cards_are_valid(path: Path) -> None:
    card = read_card(str(path))
    assert card.count > 0
    assert card.description


def test_the_published_sets_are_known_before_they_are_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    cards = {name: read_card(name) for name in ("celeba_hq", "imagenet")}
    assert {name: card.count for name, card in cards.items()} == {
        "celeba_hq": 1000,
        "imagenet": 1000,
    }
    assert [card.crop for card in cards.values()] == ["stretch", "center"]
    assert all(card.source.is_fetched and card.listing is None for card in cards.values())


@pytest.mark.slow
def test_reading_cards_imports_nothing_heavy() -> None:
    heavy = ["torch", "pandas", "requests", "pooch", "gdown", "PIL", "numpy"]
    code = (
        "import sys, ddpg.datasets.cards, ddpg.study.selection;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"fodler": "."},
            "unknown key 'source.fodler'; allowed: package, packages, archive, remote, folder",
        ),
        ({"package": "a", "archive": "b.zip"}, "source: give one of package, archive and remote"),
        (
            {"packages": {"a": "b"}, "archive": "b.zip"},
            "source: give one of package, archive and remote, or packages, got packages",
        ),
        ({"archive": "b.zip", "folder": "../up"}, "source: folder must lie inside the archive"),
        ({"archive": "b.zip", "folder": "/up"}, "source: folder must lie inside the archive"),
        ({"remote": {"file": "a/b", "path": "x"}}, "source.remote.file: string should match"),
        ({"remote": {"file": "b.zip"}}, "source.remote: give mirrors, a path or an environment"),
        ({"remote": {"file": "b", "mirrors": ["b.zip"]}}, "source.remote.mirrors.0: string should"),
        (
            {"remote": {"file": "b", "mirrors": ["ftp://example.org/b.zip"]}},
            "source.remote.mirrors.0: string should match pattern "
            "'^(https?|doi|gdrive|gdrive-folder):",
        ),
        (
            {"remote": {"file": "b", "mirrors": ["https://[::1/b.zip"]}},
            "source.remote.mirrors.0: mirrors must name a server, with a port up to 65535 if with "
            "any, got 'https://[::1/b.zip'",
        ),
    ],
)
def test_impossible_sources(tmp_path: Path, source: dict[str, Any], expected: str) -> None:
    assert f"card.yaml: {expected}" in problem(tmp_path, {"count": 1}, **source)


def test_a_source_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text("name: mine\nsource: {}\nimages: {count: 2}\n")
    with pytest.raises(UserError, match="source: give one of package, folder, archive and remote"):
        read_card(str(path))


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ({"cuont": 3}, "unknown key 'images.cuont'; allowed: count, list"),
        ({"count": 0}, "images.count: input should be greater than or equal to 1, got 0"),
        ([], "images: the data set is empty"),
        ("", "images: the data set is empty"),
        (7, "images: input should be a valid list, got 7"),
        (
            [{"id": "a", "fiel": "x"}],
            "unknown key 'images.0.fiel'; allowed: id, file, sha256, label",
        ),
        ([{"id": "a", "file": "x", "label": -1}], "images.0.label: input should be greater than"),
    ],
)
def test_impossible_images(tmp_path: Path, images: Any, expected: str) -> None:
    assert f"card.yaml: {expected}" in problem(tmp_path, images)


@pytest.mark.parametrize("name", ["../up", "a/b", "", "-dash", "a b", "x" * 101, "a;b", "a\n"])
def test_ids_are_safe_words(tmp_path: Path, name: str) -> None:
    assert "images.0.id" in problem(tmp_path, [{"id": name, "file": "x.png"}])


def test_pictures_with_one_id_are_told_at_once(tmp_path: Path) -> None:
    files = {"cat": "cat.png", "dog": "dog.png", "Cat": "sub/cat.png", "DOG": "x.png"}
    message = problem(tmp_path, [{"id": name, "file": file} for name, file in files.items()])
    assert "'cat' (cat.png) and 'Cat' (sub/cat.png)" in message
    assert "'dog' (dog.png) and 'DOG' (x.png)" in message


def test_a_file_is_listed_once_and_all_have_a_class_or_none(tmp_path: Path) -> None:
    pictures = [{"id": "a", "file": "x.png", "label": 1}, {"id": "b", "file": "./x.png"}]
    message = problem(tmp_path, pictures)
    assert "every file may be listed once; repeated: x.png (a, b)" in message
    assert "label: 1 of 2 pictures have none, b; all pictures have one or none has" in message


@pytest.mark.parametrize("file", [".", "./", ""])
def test_a_picture_is_a_file(tmp_path: Path, file: str) -> None:
    assert "images.0.file" in problem(tmp_path, [{"id": "a", "file": file}])


def test_unknown_card_lists_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match=r"no such card; cards in .*: celeba_hq, .*skimage-photos"):
        read_card("skimage-fotos")


def test_what_a_shard_is_made_from(tmp_path: Path, card_of: Callable[..., DatasetCard]) -> None:
    listed = [{"id": name, "file": f"sub/{name}.png"} for name in "abc"]
    assert card_of(listed, folder="p").files([0, 2]) == ["p/sub/a.png", "p/sub/c.png"]
    assert card_of({"count": 3}, folder="p").files([0, 2]) == ["p"]
    assert card_of(listed, package="skimage").files([0]) == []
    assert card_of(listed, archive="p.zip").files([0]) == []
    (tmp_path / "names.txt").write_text("a\nb\n")
    assert card_of(str(tmp_path / "names.txt"), folder="p").files([1]) == ["p"]


def test_a_list_of_the_working_tree_is_counted(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("b.png 3\na.png 4\n")
    card = read_card(written(tmp_path, str(tmp_path / "names.txt")))
    assert card.count == 2
    assert [(image.id, image.label) for image in card.listed()] == [("b", 3), ("a", 4)]


def test_pictures_that_are_only_counted_cannot_be_listed(
    card_of: Callable[..., DatasetCard],
) -> None:
    with pytest.raises(UserError, match="mine: the card gives the number of its pictures only"):
        card_of({"count": 3}).listed()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("00234.png", "00234"),
        ("a/b.c/d.v2.JPEG", "a-b.c-d.v2"),
        ("./x.TIFF", "x"),
        ("no-suffix.v3", "no-suffix.v3"),
    ],
)
def test_ids_come_from_paths(file: str, expected: str) -> None:
    assert derived_id(file) == expected


def test_numbers_are_sorted_as_numbers() -> None:
    names = ["x10", "x9", "x010", "9", "10", "x", "a-2-b", "a-10-a"]
    assert sorted(names, key=natural_key) == [
        *("9", "10", "a-2-b", "a-10-a", "x", "x9", "x010", "x10"),
    ]


def test_pictures_that_are_drawn_have_names_before_anything_is_drawn(tmp_path: Path) -> None:
    card = read_card(written(tmp_path, {"count": 3}, prior="gaussian", seed=5))
    assert (card.source.kind, card.source.is_fetched, card.count) == ("prior", False, 3)
    assert [entry.id for entry in card.listed()] == ["drawn-0000", "drawn-0001", "drawn-0002"]
    assert card.files([0, 1]) == []


@pytest.mark.parametrize(
    ("images", "source", "message"),
    [
        ({"count": 3}, {"prior": "gaussian", "folder": "x"}, "lie in no folder"),
        ({"count": 3}, {"prior": "gaussian", "package": "skimage"}, "got package and prior"),
        ({"count": 3}, {"folder": "x", "seed": 1}, "seed is that of pictures that are drawn"),
        ({"count": 3, "list": "x.txt"}, {"prior": "gaussian"}, "{count: NUMBER}"),
        ([{"id": "a", "file": "a.png"}], {"prior": "gaussian"}, "{count: NUMBER}"),
        ({"count": 3}, {"prior": "gaussian", "seed": -1}, "seed: input should be greater than"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    tmp_path: Path, images: Any, source: Any, message: str
) -> None:
    assert message in problem(tmp_path, images, **source)
