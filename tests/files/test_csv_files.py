"""CSV files with a checksum in their last column: round trip, and every way to be changed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ddpg.errors import CorruptFileError
from ddpg.files.csv_files import read_rows, write_rows

COLUMNS = ("image", "seconds", "note")
ROWS = [
    {"image": "a", "seconds": "1.25", "note": ""},
    {"image": "é, ü", "seconds": "0.5", "note": 'two\nlines, "quoted"'},
    {"image": "c", "seconds": "12", "note": "no"},
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_rows(tmp_path / "t.csv", COLUMNS, ROWS)
    return tmp_path / "t.csv"


def test_rows_come_back(table: Path) -> None:
    assert read_rows(table, COLUMNS) == ROWS


def test_a_plain_reader_sees_a_plain_table(table: Path) -> None:
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [{name: row[name] for name in COLUMNS} for row in rows] == ROWS
    assert len({row["crc32"] for row in rows}) == 1


def test_values_are_written_as_text_and_missing_ones_are_empty(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", COLUMNS, [{"image": 3, "seconds": 0.1}])
    assert read_rows(tmp_path / "t.csv", COLUMNS) == [{"image": "3", "seconds": "0.1", "note": ""}]
    with pytest.raises(ValueError, match="no such column: colour"):
        write_rows(tmp_path / "t.csv", COLUMNS, [{"colour": "red"}])


@pytest.mark.parametrize("mask", [0x01, 0x10, 0xFF])
def test_no_byte_can_change_what_is_read(table: Path, mask: int) -> None:
    whole = table.read_bytes()
    unnoticed = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= mask
        table.write_bytes(changed)
        try:
            unnoticed += [position] if read_rows(table, COLUMNS) != ROWS else []
        except CorruptFileError as error:
            unnoticed += [] if "t.csv: " in str(error) else [str(error)]
    assert unnoticed == []


def test_a_file_that_ends_early_is_refused_wherever_it_ends(table: Path) -> None:
    whole = table.read_bytes()
    header = whole.index(b"\n")
    empty = {len("image,seconds,note"), header, header + 1}
    for kept in range(len(whole) - 1):  # the last byte is the line's end
        table.write_bytes(whole[:kept])
        if kept in empty:
            assert read_rows(table, COLUMNS) == []  # no rows at all: those who need some refuse it
            continue
        with pytest.raises(CorruptFileError, match=r"t\.csv: .*; remove the file and run again"):
            read_rows(table, COLUMNS)


def test_rows_in_another_order_and_a_row_less_are_refused(table: Path) -> None:
    header, first, *rest = table.read_text(encoding="utf-8").splitlines(keepends=True)
    for lines in ([header, *rest, first], [header, *rest], [header, first, first, *rest]):
        table.write_text("".join(lines), encoding="utf-8")
        with pytest.raises(CorruptFileError, match="have changed or are not all there"):
            read_rows(table, COLUMNS)


def test_a_table_without_checksums_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,seconds,note\na,1,\n")
    assert read_rows(tmp_path / "t.csv", COLUMNS) == [{"image": "a", "seconds": "1", "note": ""}]


def test_other_delimiters(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.tsv", COLUMNS, ROWS, delimiter="\t")
    assert (tmp_path / "t.tsv").read_text().startswith("image\tseconds\tnote\tcrc32\n")
    assert read_rows(tmp_path / "t.tsv", COLUMNS, delimiter="\t") == ROWS


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match=r"none\.csv: cannot be read \(No such file"):
        read_rows(tmp_path / "none.csv", COLUMNS)
