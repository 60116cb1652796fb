"""Lists of pictures as people write them, and as they should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddpg.datasets.entries import made_id
from ddpg.datasets.lists import read_list
from ddpg.errors import UserError


def read(tmp_path: Path, content: str | bytes, name: str = "list.txt") -> list[tuple[object, ...]]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(entry.id, entry.file, entry.label) for entry in read_list(path).entries]


PLAIN = [("b", "b.JPEG", 65), ("a", "a.JPEG", 970)]


@pytest.mark.parametrize(
    "content",
    [
        "b.JPEG 65\na.JPEG 970\n",
        "b.JPEG 65\na.JPEG 970",
        "b.JPEG 65\r\na.JPEG 970\r\n",
        "b.JPEG\t65  \n\n  a.JPEG   970\t\n   \n",
        "# from the web\n./b.JPEG 65\na.JPEG 0970\n",
        "\ufeffb.JPEG 65\na.JPEG 970\n",
        "b.JPEG 65\na.JPEG 970\n".encode("utf-16"),
    ],
)
def test_blanks_marks_and_line_ends_do_not_matter(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) == PLAIN
    assert not read_list(tmp_path / "list.txt").exact


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ILSVRC2012_val_00000293", ("ILSVRC2012_val_00000293", "ILSVRC2012_val_00000293", None)),
        ("val/n01/x.v2.JPEG 0", ("val-n01-x.v2", "val/n01/x.v2.JPEG", 0)),
        (r"val\n01\x.PNG", ("val-n01-x", "val/n01/x.PNG", None)),
        ("007", ("007", "007", None)),
        ("007 7", ("007", "007", 7)),
    ],
)
def test_names_with_and_without_folder_suffix_and_label(
    tmp_path: Path, line: str, expected: tuple[object, ...]
) -> None:
    assert read(tmp_path, line) == [expected]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("IMG (1).jpg", ("IMG_1-da5ffd25", "IMG (1).jpg", None)),
        ("IMG (1).jpg 7", ("IMG_1-da5ffd25", "IMG (1).jpg", 7)),
        ("Müller.jpg", ("Muller-d7c7a145", "Müller.jpg", None)),
        ("-rf.png", ("rf-169fbd31", "-rf.png", None)),
        ("$(x).png", ("x-d08965fb", "$(x).png", None)),
    ],
)
def test_names_that_are_no_ids_get_one_as_in_a_folder(
    tmp_path: Path, line: str, expected: tuple[object, ...]
) -> None:
    assert read(tmp_path, line) == [expected]
    assert made_id(str(expected[1])) == expected[0]


def test_two_unicode_forms_of_a_name_are_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 2: .* repeats line 1"):
        read(tmp_path, "ü.png\nu\u0308.png\n")


@pytest.mark.parametrize("name", ["list.tsv", "list.txt"])
@pytest.mark.parametrize("label", ["9" * 5000, "٣", "-1", "1.0", "1_0"])
def test_labels_are_written_in_a_few_digits(tmp_path: Path, name: str, label: str) -> None:
    content = (
        f"id\tfile\tlabel\na\ta.png\t{label}\n" if name.endswith("tsv") else f"a.png {label}\n"
    )
    with pytest.raises(UserError, match="label") as caught:
        read(tmp_path, content, name)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("line", [".", "./", "././"])
def test_a_line_that_names_no_file(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError, match=r"line 1: .* names no file"):
        read(tmp_path, line)


def test_checksums_may_be_in_capitals(tmp_path: Path) -> None:
    read(tmp_path, f"id\tfile\tsha256\na\ta.png\t{'AB' * 32}\n", "list.tsv")
    assert read_list(tmp_path / "list.tsv").entries[0].sha256 == "ab" * 32


def test_all_bad_lines_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, "a.png 1\nb.png one\nmy cat.png\na.png 1\nc.png -1\n")
    lines = str(caught.value).splitlines()
    assert [line.partition("list.txt, ")[2] for line in lines] == [
        "line 2: expected a name and perhaps a label of 0 or more, got 'b.png one'",
        "line 4: 'a.png 1' repeats line 1",
        "line 5: expected a name and perhaps a label of 0 or more, got 'c.png -1'",
    ]


@pytest.mark.parametrize("name", ["list.tsv", "list.txt"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables(tmp_path: Path, name: str, mark: str, end: str) -> None:
    sha256 = "0" * 64
    rows = ["id\tfile\tsha256\tlabel", f"a\tmy cat.png\t{sha256}\t3", "b\tsub/b.PNG\t\t ", ""]
    assert read(tmp_path, mark + end.join(rows), name) == [
        ("a", "my cat.png", 3),
        ("b", "sub/b.PNG", None),
    ]
    listing = read_list(tmp_path / name)
    assert listing.exact
    assert [entry.sha256 for entry in listing.entries] == [sha256, None]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id\tpath\na\tb\n", r"columns must be id, file .*got \['id', 'path'\]"),
        ("id\tfile\tid\n", "columns must be"),
        ("", "columns must be"),
        ("id\tfile\n", "the list is empty"),
        ("id\tfile\na\n", "line 2: file: is required"),
        ("id\tfile\na\tb\tc\n", "line 2: has more fields than the header"),
        ("id\tfile\tlabel\na\tb\t1.5\n", "line 2: label: must be an integer of 0 or more"),
        ("id\tfile\tsha256\na\tb\tabc\n", "line 2: sha256: string should match"),
    ],
)
def test_tables_that_make_no_sense(tmp_path: Path, content: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        read(tmp_path, content, "list.tsv")


def test_files_that_are_no_lists(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_list(tmp_path / "none.txt")
    with pytest.raises(UserError, match="is not text in UTF-8"):
        read(tmp_path, b"\x89PNG\r\n\xff")
    with pytest.raises(UserError, match="the list is empty"):
        read(tmp_path, "# nothing\n\n")
