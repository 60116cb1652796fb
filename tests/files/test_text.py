"""Text and tables of users: what editors and spreadsheets save."""

import os

import pytest

from ddpg.errors import UserError
from ddpg.files.text import Row, decimal_comma, read_table, read_text, written_number

TABLE = "dataset\ttask\tmethod\nmine\tdenoising\tMüller\n"
ROWS = [Row(1, ("dataset", "task", "method")), Row(2, ("mine", "denoising", "Müller"))]
KNOWN = ("dataset", "task", "method", "label")


def written(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "sheet.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        ("", "utf-8"), ("", "utf-8-sig"), ("", "utf-16"), ("", "utf-32"),
        ("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be"), ("\ufeff", "utf-32-be"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_with_a_mark_and_every_line_end(tmp_path, mark, encoding, end):
    path = written(tmp_path, mark + TABLE.replace("\n", end), encoding)
    assert read_table(path) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "# mine\n\n# more\n" + TABLE,
        "\ufeff# mine\n" + TABLE,
        TABLE.replace("\n", "\t\t\n"),
        TABLE + "\t\t\n\n \n",
        TABLE.replace("mine", '"mine"'),
        TABLE.replace("mine", "\u00a0mine \u00a0"),
        TABLE.replace("task", " task\u202f"),
    ],
)
def test_comments_blanks_quotes_and_trailing_tabs_change_nothing(tmp_path, text):
    assert [row.fields for row in read_table(written(tmp_path, text))] == [r.fields for r in ROWS]


def test_lines_are_counted_as_editors_count_them(tmp_path):
    path = written(tmp_path, "# a\n\n" + TABLE + "# b\nmine\tx\ty\n")
    assert [row.line for row in read_table(path)] == [3, 4, 6]


@pytest.mark.parametrize(
    ("separator", "name"), [(",", "comma"), (";", "semicolon"), (" ", "blanks")]
)
def test_another_separator_is_named_and_a_tab_asked_for(tmp_path, separator, name):
    with pytest.raises(UserError, match=rf"sheet\.tsv: its fields .* by (a )?{name}.* tab"):
        read_table(written(tmp_path, TABLE.replace("\t", separator)), known=KNOWN)


def test_commas_and_semicolons_where_they_are_allowed(tmp_path):
    for separator in (",", ";", "\t"):
        path = written(tmp_path, TABLE.replace("\t", separator))
        assert read_table(path, separators=(",", "\t", ";")) == ROWS


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TABLE.encode("latin-1"), r"sheet\.tsv, line 2: is not text .*0xfc, 'ü' in Latin"),
        (TABLE.replace("\n", "\r").encode("latin-1"), r"sheet\.tsv, line 2: is not text in UTF-8"),
        (TABLE.encode("utf-16-le"), r"sheet\.tsv.*: is not text in UTF-8"),
        (b"\xff\xfea", r"sheet\.tsv: is not text in UTF-16"),
        (b'a\tb\n"x\t1\n', r"sheet\.tsv, line 2: is not a line of a table"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_with_encoding_and_line(tmp_path, content, expected):
    with pytest.raises(UserError, match=expected):
        read_table(written(tmp_path, content))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path / "none.tsv")


@pytest.mark.parametrize(
    ("text", "value"), [("0.05", 0.05), ("+1e3", 1000), (".5", 0.5), ("2.", 2), ("-0e-999", 0)]
)
def test_a_number_is_what_is_written(text, value):
    assert written_number(text) == value
    assert type(written_number(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["", "1_000", "０.１", "٣", "nan", "inf", "1e-400", "1e400", "0x10", " 1", "1e", "."]
)
def test_what_is_no_written_number(text):
    with pytest.raises(ValueError, match=r"no number|beyond what a double holds"):
        written_number(text)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"):
        read_text(tmp_path / ("n" * 256))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UserError, match=r"pipe.yaml: cannot be read \(is no regular file\)"):
        read_text(tmp_path / "pipe.yaml")


def test_a_decimal_comma_is_told():
    assert decimal_comma("0,05") == " (write 0.05, with a point)"
    assert decimal_comma("-1,5") == " (write -1.5, with a point)"
    assert decimal_comma("x") == decimal_comma("1,2,3") == decimal_comma("0.05") == ""
