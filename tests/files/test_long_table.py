"""The long table as a file: round trip, order, and broken files."""

import csv
import subprocess

import pytest

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.errors import CorruptFileError, UserError
from ddpg.files.long_table import (
    COLUMNS,
    collect,
    packed_origins,
    read_long_table,
    setting_columns,
    unpacked_origins,
    write_long_table,
)


def row(**fields):
    identity = {
        "dataset": "photos",
        "task": "sr_bicubic",
        "operator": "svd",
        "scale": "4",
        "sigma_y": "0.05",
        "method": "ddpg",
        "label": "ddpg-20",
        "prior": "dead-leaves",
        "repeat": "0",
        "image": "cat",
        "metric": "psnr",
        "value": "27.5",
        "note": "",
    }
    return identity | fields


def test_rows_come_back_as_text_in_their_order(tmp_path):
    rows = [
        row(),
        row(image="dog", value="", note='needs "a", and\nb; see https://x.y/z?a=1,b=2'),
        row(image="é漢", scale="", value="inf"),
    ]
    write_long_table(tmp_path / "t.csv", rows)
    assert read_long_table(tmp_path / "t.csv") == rows


def test_the_bytes_of_a_shards_table_and_of_the_study_s(tmp_path):
    header = ",".join(COLUMNS).encode()
    assert header.startswith(b"dataset,task,operator,scale,sigma_y,method,label,prior,repeat,image")
    line = b"photos,sr_bicubic,svd,4,0.05,ddpg,ddpg-20,dead-leaves,0,cat,psnr,1.25,"
    write_long_table(tmp_path / "t.csv", [row(value=1.25)])
    assert (tmp_path / "t.csv").read_bytes() == header + b",crc32\n" + line + b",0b41234b\n"
    collect([tmp_path / "t.csv"], tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_bytes() == header + b"\n" + line + b"\n"


def test_an_unknown_field_leaves_the_old_table(tmp_path):
    write_long_table(tmp_path / "t.csv", [row()])
    with pytest.raises(ValueError, match="colour"):
        write_long_table(tmp_path / "t.csv", [row(colour="red")])
    assert read_long_table(tmp_path / "t.csv") == [row()]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "columns must be dataset, task"),
        ("a,b\n1,2\n", "columns must be dataset, task"),
        (",".join(reversed(COLUMNS)) + "\n", "columns must be dataset, task"),
        (",".join(COLUMNS) + "\nphotos,sr_bicubic,sv", "row 2: must have 13 fields"),
        (",".join(COLUMNS) + "\n" + ",".join("x" * 14) + "\n", "row 2: must have 13 fields"),
    ],
)
def test_broken_tables_are_refused_by_name(tmp_path, content, expected):
    path = tmp_path / "broken.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"broken\.csv.*{expected}"):
        read_long_table(path)


def test_collecting_keeps_the_order_given(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    write_long_table(first, [row(image="a"), row(image="b")])
    write_long_table(second, [row(image="c")])
    collect([second, first], tmp_path / "all.csv")
    assert [r["image"] for r in read_long_table(tmp_path / "all.csv")] == ["c", "a", "b"]


def test_the_checksum_beside_the_table_is_one_for_sha256sum(tmp_path):
    write_long_table(tmp_path / "t.csv", [row()])
    collect([tmp_path / "t.csv"], tmp_path / "metrics.csv")
    command = ["sha256sum", "--check", "metrics.csv.sha256"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "metrics.csv",
        "metrics.csv.sha256",
        "t.csv",
    ]


@pytest.mark.parametrize("read", [read_long_table, read_metrics])
@pytest.mark.parametrize("change", [lambda b: b.replace(b"27.5", b"28.5"), lambda b: b[:-60]])
def test_a_study_s_table_that_has_changed_is_refused(tmp_path, read, change):
    write_long_table(tmp_path / "t.csv", [row(), row(image="dog")])
    path = tmp_path / "metrics.csv"
    collect([tmp_path / "t.csv"], path)
    assert len(read(path)) == 2
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CorruptFileError, match=r"metrics\.csv: has changed .*remove the file"):
        read(path)


def test_a_table_without_a_checksum_beside_it_is_anybody_s(tmp_path):
    write_long_table(tmp_path / "t.csv", [row()])
    collect([tmp_path / "t.csv"], tmp_path / "metrics.csv")
    (tmp_path / "metrics.csv.sha256").unlink()
    assert read_long_table(tmp_path / "metrics.csv") == [row()]


def test_an_empty_shard_is_refused_and_nothing_is_written(tmp_path):
    write_long_table(tmp_path / "1.csv", [row()])
    write_long_table(tmp_path / "2.csv", [])
    with pytest.raises(UserError, match=r"2\.csv: holds no measurement"):
        collect([tmp_path / "1.csv", tmp_path / "2.csv"], tmp_path / "all.csv")
    assert not (tmp_path / "all.csv").exists()


def test_settings_follow_as_columns_of_their_own_and_are_empty_for_others(tmp_path):
    given = {"gamma": "0.12345678901234567", "steps": "3"}
    origins = packed_origins({"gamma": "sheet", "steps": "published: a, b; c"})
    tables = [tmp_path / f"{name}.csv" for name in "abc"]
    write_long_table(tables[0], [row(**given, origins=origins)], ["gamma", "steps"])
    write_long_table(tables[1], [row(method="bicubic", label="bicubic")])
    write_long_table(tables[2], [row(method="x", label="x", steps="4", lam="7")], ["steps", "lam"])
    collect(tables, tmp_path / "all.csv")
    header, *lines = csv.reader((tmp_path / "all.csv").read_text().splitlines())
    assert header == [*COLUMNS, "gamma", "steps", "lam", "origins"]
    assert [line[len(COLUMNS) : -1] for line in lines] == [
        ["0.12345678901234567", "3", ""],
        ["", "", ""],
        ["", "4", "7"],
    ]
    assert unpacked_origins(lines[0][-1]) == {"gamma": "sheet", "steps": "published: a, b; c"}
    write_long_table(tables[1], [row(metric="ssim")])  # of the first experiment, without columns
    collect(tables[:2], tmp_path / "all.csv")
    *_, line = csv.reader((tmp_path / "all.csv").read_text().splitlines())
    assert line[len(COLUMNS) :] == ["0.12345678901234567", "3", ""]


def test_parts_of_a_table_are_read_with_all_their_settings(tmp_path):
    tables = [tmp_path / f"{name}.csv" for name in "abc"]
    write_long_table(tables[0], [row(gamma="1", steps="3")], ["gamma", "steps"])
    write_long_table(tables[1], [row(method="bicubic", label="bicubic")])
    write_long_table(tables[2], [row(method="x", label="x", steps="4", lam="7")], ["steps", "lam"])
    collect(tables, tmp_path / "all.csv")
    frame = read_metrics(tmp_path / "all.csv")
    assert setting_columns(list(frame)) == ["gamma", "steps", "lam"]
    assert list(read_metrics(*tables)["lam"]) == ["", "", "7"]
