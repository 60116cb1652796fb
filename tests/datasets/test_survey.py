"""The survey of a source: what it finds, and everything that is wrong told at once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.index import Row, read_index, write_index
from ddpg.datasets.survey import survey
from ddpg.errors import UserError
from ddpg.validation import is_identifier

CardOf = Callable[..., DatasetCard]
Draw = Callable[..., Path]


def problem(card: DatasetCard, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        survey(card, root)
    return str(caught.value)


def ids(card: DatasetCard, root: Path) -> list[str]:
    return [row.id for row in survey(card, root)]


def test_nested_folders_of_mixed_formats_in_natural_order(card_of: CardOf, draw: Draw) -> None:
    files = ["10.png", "9.JPEG", "b/2.tif", "b/11.webp", "b/c.d/x.bmp", "010.PPM", "a.v2.Jpg"]
    root = draw(*files)
    rows = survey(card_of({"count": 7}), root)
    assert [row.id for row in rows] == ["9", "010", "10", "a.v2", "b-2", "b-11", "b-c.d-x"]
    assert {row.source for row in rows} == set(files)
    for row in rows:
        assert row.sha256 == hashlib.sha256((root / row.source).read_bytes()).hexdigest()
        assert (row.width, row.height, row.label) == (16, 12, None)


def test_what_systems_leave_behind_is_no_picture(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png", ".b.png", "__MACOSX/._a.png", "__MACOSX/c.png", ".cache/d.png")
    for name in (".DS_Store", "Thumbs.db", "._a.png", "notes.txt", "sub.png/readme.md"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("no picture")
    assert ids(card_of({"count": 1}), root) == ["a"]


def test_every_name_has_an_id_and_keeps_itself(card_of: CardOf, draw: Draw) -> None:
    names = ["IMG (1).jpg", "Müller.jpg", "-a.png", "日本.png", "a{b}%[1]*.png", "x'y\" z.png"]
    root = draw(*names, "plain.png")
    rows = {row.source: row.id for row in survey(card_of({"count": 7}), root)}
    assert set(rows) == {*names, "plain.png"}
    assert rows["plain.png"] == "plain"
    assert rows["IMG (1).jpg"] == "IMG_1-da5ffd25"
    assert all(is_identifier(name) for name in rows.values())
    draw("IMG  1.jpg")
    again = {row.source: row.id for row in survey(card_of({"count": 8}), root)}
    assert rows.items() < again.items()


def test_names_that_are_no_text_are_told(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png")
    (root / "a.png").rename(root / "\udcff.png")
    assert r"'\udcff.png' is not text in UTF-8" in problem(card_of({"count": 1}), root)


def test_what_is_left_out_is_said(
    card_of: CardOf, draw: Draw, caplog: pytest.LogCaptureFixture
) -> None:
    root = draw("a.png", "b.avif", "c.jp2", "d.tga")
    for name in ("e.heic", "f.HEIC", "notes.txt", ".hidden"):
        (root / name).touch()
    assert ids(card_of({"count": 4}), root) == ["a", "b", "c", "d"]
    assert "3 files (.heic: 2, .txt: 1) are no pictures by their names" in caplog.text


@pytest.mark.parametrize(
    "file", ["../secret.png", "deep/../../secret.png", "{absolute}", "C:/secret.png", "..\\s.png"]
)
@pytest.mark.parametrize("line", ["id\tfile\ns\t{file}\n", "{file}\n"])
def test_no_list_leads_out_of_its_source(card_of: CardOf, draw: Draw, file: str, line: str) -> None:
    root = draw("1.png")
    file = file.replace("{absolute}", str(draw("secret.png", folder="elsewhere") / "secret.png"))
    draw("secret.png", folder=".")
    (root / "list.txt").write_text(line.replace("{file}", file))
    message = problem(card_of({"count": 1, "list": "list.txt"}), root)
    assert "the list of the pictures cannot be used" in message
    assert "list.txt, line" in message


def test_links_are_followed_once(card_of: CardOf, draw: Draw, tmp_path: Path) -> None:
    root = draw("a.png")
    elsewhere = draw("b.png", folder="elsewhere")
    (root / "linked").symlink_to(elsewhere)
    (root / "round").symlink_to(root)
    assert ids(card_of({"count": 2}), root) == ["a", "linked-b"]
    (root / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert "gone.png: no such file" in problem(card_of({"count": 3}), root)


def test_a_wrong_count_tells_what_the_folders_hold(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png", "x/b.png", "x/c.png")
    message = problem(card_of({"count": 2}), root)
    assert "mine: " in message
    assert "the card says 2 pictures, the source has 3 (the top: 1, x: 2)" in message


def test_everything_is_told_at_once(
    card_of: CardOf, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw(
        "good.png",
        "Twin.png",
        "twin.jpg",
        "a/b.png",
        "a-b.png",
        "two words.png",
        "é.png",
        "a\\b.png",
        "n\nl.png",
    )
    draw("small.png", side=4)
    draw("huge.png", side=60)
    (root / "empty.png").touch()
    (root / "text.jpg").write_text("no picture")
    (root / "half.png").write_bytes((root / "good.png").read_bytes()[:300])
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(root / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.zeros((9, 9), np.float32)).save(root / "float.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    lines = [line.strip() for line in problem(card_of({"count": 3}), root).splitlines()]
    for expected in (
        "the card says 3 pictures, the source has 16 (the top: 15, a: 1)",
        "'a-b.png' and 'a/b.png' (id a-b)",
        "'Twin.png' and 'twin.jpg' (id Twin)",
        r"'a\\b.png' has a backslash; folders are told apart by /",
        r"'n\nl.png' has control characters or line breaks",
        "small.png: 8 x 4",
        "empty.png: the file is empty",
        "text.jpg: not a picture in a known format",
        "moving.gif: has 2 frames or pages instead of one picture",
        "float.tif: floating-point pixels have no agreed white; store 8 or 16 bits",
    ):
        assert expected in lines
    for start in ("half.png: cannot be decoded: ", "huge.png: too large to be decoded safely: "):
        assert any(line.startswith(start) for line in lines)
    assert not any("good" in line for line in lines)


def test_many_problems_of_a_kind_are_counted(card_of: CardOf, tmp_path: Path) -> None:
    for k in range(25):
        (tmp_path / f"{k}.png").touch()
    lines = problem(card_of({"count": 25}), tmp_path).splitlines()
    assert lines[1:] == [
        "  pictures that cannot be read (25):",
        *(f"    {k}.png: the file is empty" for k in range(20)),
        "    and 5 more",
    ]


@pytest.mark.parametrize(
    "save",
    [
        lambda path: Image.new("CMYK", (9, 9)).save(path / "x.jpg"),
        lambda path: Image.new("L", (9, 9)).save(path / "x.png"),
        lambda path: Image.new("P", (9, 9)).save(path / "x.gif"),
        lambda path: Image.new("RGBA", (9, 9)).save(path / "x.webp"),
        lambda path: Image.fromarray(np.zeros((9, 9), np.uint16)).save(path / "x.png"),
        lambda path: Image.new("RGB", (9, 9)).save(path / "x.png", format="JPEG"),
    ],
    ids=["cmyk", "grey", "palette", "alpha", "16-bit", "misnamed"],
)
def test_pictures_that_can_be_prepared_pass(
    card_of: CardOf, tmp_path: Path, save: Callable[[Path], None]
) -> None:
    save(tmp_path)
    assert ids(card_of({"count": 1}), tmp_path) == ["x"]


def test_previews_of_cameras_are_no_further_pages(card_of: CardOf, tmp_path: Path) -> None:
    main, preview = (Image.new("RGB", (side, side)) for side in (16, 9))
    main.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[preview])
    assert survey(card_of({"count": 1}), tmp_path)[0].width == 16


def listed(names: list[str], root: Path) -> dict[str, Any]:
    (root / "names.txt").write_text("\n".join(names))
    return {"count": len(names), "list": "names.txt"}


def test_a_list_gives_order_labels_and_choice(
    card_of: CardOf, draw: Draw, caplog: pytest.LogCaptureFixture
) -> None:
    root = draw("v_1.JPEG", "v_2.JPEG", "n01/v_3.jpeg", "v_4.JPEG")
    images = listed(["v_4 9", "val/n01/v_3.JPEG 7", "V_1.jpeg 0"], root)
    with caplog.at_level(logging.INFO, "ddpg"):
        rows = survey(card_of(images), root)
    assert [(row.id, row.source, row.label) for row in rows] == [
        ("v_4", "v_4.JPEG", 9),
        ("val-n01-v_3", "n01/v_3.jpeg", 7),
        ("V_1", "v_1.JPEG", 0),
    ]
    assert "1 pictures are not listed and take no part: v_2.JPEG" in caplog.text


def test_names_that_agree_better_win(card_of: CardOf, draw: Draw) -> None:
    root = draw("a/x.png", "b/x.png", "b/y.png", "b/y.jpg", "z.png", "c/z.png")
    names = ["b/x.png", "y.jpg", "z.png", "c/z"]
    assert [row.source for row in survey(card_of(listed(names, root)), root)] == [
        *("b/x.png", "b/y.jpg", "z.png", "c/z.png"),
    ]


def test_lists_that_do_not_fit(card_of: CardOf, draw: Draw) -> None:
    root = draw("a/x.png", "b/x.png", "cat/1.png", "y.png", "d/z.png")
    names = ["x.png 1", "dog/1.png 2", "y.png", "none.png 4", "z.png 5", "e/d/z.png 6"]
    message = problem(card_of(listed(names, root) | {"count": 9}), root)
    lines = [line.strip() for line in message.splitlines()]
    for expected in (
        "the card says 9 pictures, its list names.txt has 6",
        "x.png: a/x.png, b/x.png",
        "pictures that are listed and not there (2):",
        "dog/1.png",
        "none.png",
        "d/z.png: z.png, e/d/z.png",
        "pictures without a label, while others have one (1):",
        "'y.png'",
    ):
        assert expected in lines


def test_a_broken_list_does_not_hide_broken_pictures(card_of: CardOf, draw: Draw) -> None:
    root = draw("a.png")
    (root / "b.png").touch()
    message = problem(card_of(listed(["a.png one", "b.png"], root)), root)
    assert "names.txt, line 1: expected a name and perhaps a label" in message
    assert "b.png: the file is empty" in message
    assert "images.list: " in problem(card_of({"count": 2, "list": "other.txt"}), root)


def test_tables_are_taken_at_their_word(card_of: CardOf, draw: Draw) -> None:
    root = draw("sub/a.png", "b.png", "odd name.data.png")
    sha256 = hashlib.sha256((root / "b.png").read_bytes()).hexdigest()
    images = [
        {"id": "second", "file": "b.png", "sha256": sha256, "label": 2},
        {"id": "first", "file": "odd name.data.png", "label": 1},
    ]
    rows = survey(card_of(images), root)
    assert [(row.id, row.label) for row in rows] == [("second", 2), ("first", 1)]
    images[0]["sha256"] = "0" * 64
    message = problem(card_of([*images, {"id": "x", "file": "a.png", "label": 3}]), root)
    assert f"b.png: sha256 {sha256}, expected {'0' * 64}" in message
    assert "a.png (there is sub/a.png)" in message


def test_copies_are_noted(card_of: CardOf, draw: Draw, caplog: pytest.LogCaptureFixture) -> None:
    root = draw("a.png")
    (root / "b.png").write_bytes((root / "a.png").read_bytes())
    survey(card_of({"count": 2}), root)
    assert "1 pictures are copies of others, to the byte" in caplog.text


FETCHED: dict[str, Any] = {"remote": {"file": "set", "path": "set"}}


def test_the_folder_inside_what_was_fetched(card_of: CardOf, draw: Draw) -> None:
    root = draw("wanted/1.png", "wanted/2.png", "others/3.png")
    rows = survey(card_of({"count": 2}, **FETCHED, folder="wanted"), root)
    assert [(row.id, row.source) for row in rows] == [("1", "wanted/1.png"), ("2", "wanted/2.png")]
    deeper = root.parent
    rows = survey(card_of({"count": 2}, **FETCHED, folder="wanted"), deeper)
    assert [row.source for row in rows] == ["pictures/wanted/1.png", "pictures/wanted/2.png"]


def test_a_folder_of_ones_own_need_not_repeat_the_layout(card_of: CardOf, draw: Draw) -> None:
    root = draw("1.png", "2.png")
    assert ids(card_of({"count": 2}, **FETCHED, folder="wanted"), root) == ["1", "2"]
    assert ids(card_of(listed(["2.png"], root), **FETCHED, folder="wanted"), root) == ["2"]


def test_a_layout_that_is_not_understood_is_described(card_of: CardOf, draw: Draw) -> None:
    root = draw("x/1.png", "y/2.png")
    card = card_of({"count": 1}, **FETCHED, folder="wanted")
    assert "has no folder 'wanted', and not 1 pictures in all; it has x/, y/" in problem(card, root)
    draw("x/wanted/1.png", "y/wanted/1.png")
    assert "'wanted' may be any of x/wanted, y/wanted" in problem(card, root)
    assert "there is no such folder" in problem(card, root / "none")


def test_the_list_lies_beside_above_or_below_the_pictures(card_of: CardOf, draw: Draw) -> None:
    root = draw("deep/wanted/1.png", "deep/wanted/2.png")
    card = card_of({"count": 1, "list": "names.txt"}, **FETCHED, folder="wanted")
    for place in ("deep/wanted", ".", "lists"):
        (root / place).mkdir(exist_ok=True)
        (root / place / "names.txt").write_text("2.png 5\n")
        rows = survey(card, root)
        assert [(row.id, row.source, row.label) for row in rows] == [("2", "deep/wanted/2.png", 5)]
        (root / place / "names.txt").unlink()


def test_the_index_is_read_back(tmp_path: Path) -> None:
    rows = [Row("a", 'odd\t"name".png', "0" * 64, 3, 4), Row("b", "b.png", "1" * 64, 5, 6, 0)]
    write_index(rows, tmp_path / "index.tsv")
    assert read_index(tmp_path / "index.tsv") == rows


@pytest.mark.parametrize(
    "content", ["", "id\tfile\n", "{header}\na\tb\n", "{header}\na\tb\tc\td\te\t\n"]
)
def test_files_that_are_no_index(tmp_path: Path, content: str) -> None:
    path = tmp_path / "index.tsv"
    path.write_text(content.format(header="id\tsource\tsha256\twidth\theight\tlabel"))
    with pytest.raises(UserError, match=r"index\.tsv: (columns must|row 2|is not the index)"):
        read_index(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_index(tmp_path / "none.tsv")
