"""YAML files of users: what is refused, and how shortly it is said."""

import tracemalloc

import pytest

from ddpg.errors import UserError
from ddpg.study.config import StudyConfig
from ddpg.validation import (
    SHOWN_PROBLEMS,
    PathText,
    Section,
    as_asked,
    listed,
    read_yaml,
    shown,
    validated,
)


def read(tmp_path, content):
    path = tmp_path / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_yaml(path)


def bomb(levels=9):
    """YAML whose aliases stand for 10 ** levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 10)}]" for k in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands already in line 1"),
        ("s:\n  x: 1\n  x: 1\n", "line 3: the key 'x' stands already in line 2"),
        ("a: {x: 1, x: 1}\n", "line 1: the key 'x' stands already in line 1"),
        ("a: 2023-02-30\n", "line 1: '2023-02-30' is read as a date; put it in quotes"),
        ("a: 2023-02-28\n", "line 1: '2023-02-28' is read as a date; put it in quotes"),
        ("a: 2001-12-14t21:59:43.10-05:00\n", "line 1: .* is read as a date"),
        ("ids: [0123]\n", "line 1: '0123' is read as the number 83; put it in quotes"),
        ("a: 0o17\nb: 0x1F\n", "line 2: '0x1F' is read as the number 31"),
        ("a: 089\nb: 010\n", "line 2: '010' is read as the number 8"),
        ("a: 2024_11\n", "line 1: '2024_11' is read as the number 202411; put it in quotes"),
        ("a: 1:30\n", "line 1: '1:30' is read as the number 90; put it in quotes"),
        ("a: 0b101\n", "line 1: '0b101' is read as the number 5"),
        (f"a: {'1' * 5000}\n", "line 1: a number of 5000 digits"),
        ("a: .nan\n", r"line 1: '\.nan' is no finite number"),
        ("a: -.inf\n", r"line 1: '-\.inf' is no finite number"),
        ("a: 1.0e+400\n", r"line 1: '1\.0e\+400' is no finite number"),
        ("a: 1.5e-400\n", r"line 1: '1\.5e-400' is read as 0"),
        ("a: !!bool maybe\n", "line 1: 'maybe' is no truth value"),
        ("a: 1\nb: !!bool ''\n", "line 2: '' is no truth value"),
        ('a: "\\ud800"\n', "line 1: .* is no text: it holds half a character"),
        (f"a: {'[' * 3000}{']' * 3000}\n", "line 1: is nested deeper than 50 levels"),
        (f"a: {'{a: ' * 3000}1{'}' * 3000}\n", "line 1: is nested deeper than 50 levels"),
        ("a: !!binary aGVsbG8=\n", "line 1: the tag !!binary is not used"),
        ("a: !!python/object/apply:os.system [ls]\n", "line 1: the tag !!python/.* is not used"),
        ("a: !!set {x, y}\n", "line 1: the tag !!set is not used"),
        ("a: !mine x\n", "line 1: the tag !mine is not used"),
        ("a: &a [*a]\n", r"line 1: \*a stands inside of itself"),
        ("b: &b {x: *b}\n", r"line 1: \*b stands inside of itself"),
        ("? [a, b]\n: 1\n", "line 1: a key must be a word"),
        ("a:\n\tb: 1\n", "is not valid YAML: line 2: .*blanks indent, tabs do not"),
        ("a: 'x\n", "is not valid YAML: line 2: "),
        ("a: [1, 2\n", "is not valid YAML: line 2: "),
        ("a: *nowhere\n", "is not valid YAML: line 1: .*undefined alias"),
        ("a: 1\n---\nb: 1\n", "is not valid YAML: line 2: "),
        ("a: 1\nb: \x00\n", "is not valid YAML: line 2: the character #x00"),
        (b"a: 1\nb: M\xfcller\n", r"line 2: is not text in UTF-8 \(byte 0xfc, 'ü' in Latin-1\)"),
        (b"\x00\x01\x02\xff", "is not text in UTF-8"),
        ("", "is empty; it must hold a mapping"),
        ("# nothing\n", "is empty; it must hold a mapping"),
        ("- a\n", "must hold a mapping of keys to values, got"),
        ("just words\n", "must hold a mapping"),
        (bomb(), "line .: aliases repeat more than can be meant"),
        ("a: &a {x: 1}\nb: &b {<<: [" + "*a," * 9 + "*a]}\n" + "".join(
            f"c{k}: &c{k} {{<<: [" + f"*{'b' if k == 0 else f'c{k - 1}'}," * 9 + "]}\n"
            for k in range(7)
        ), "line .: aliases repeat more than can be meant"),
    ],
)  # fmt: skip
def test_what_is_lost_or_grows_is_refused_with_its_line(tmp_path, content, expected):
    tracemalloc.start()
    with pytest.raises(UserError, match=rf"file\.yaml(: |, ){expected}") as caught:
        read(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert len(str(caught.value)) < 500 + len(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


def test_words_that_yaml_takes_for_truth_stay_words(tmp_path):
    content = read(tmp_path, "ids: [no, Yes, on, off, y]\non: 1\ntrue: 2\nnull: 3\nflag: true\n")
    assert content == {
        "ids": ["no", "Yes", "on", "off", "y"], "on": 1, "true": 2, "null": 3, "flag": True,
    }  # fmt: skip


def test_anchors_and_merged_keys_are_allowed(tmp_path):
    content = read(tmp_path, "base: &base {x: 1, y: 2}\nmine: {<<: *base, y: 3}\nlist: [*base]\n")
    assert content["mine"] == {"x": 1, "y": 3}
    assert content["list"] == [{"x": 1, "y": 2}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends_do_not_matter(tmp_path, encoding, end):
    mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
    text = f"{mark}# first{end}name: Müller{end}seed: 3{end}"
    assert read(tmp_path, text.encode(encoding)) == {"name": "Müller", "seed": 3}


def test_a_zero_is_a_zero(tmp_path):
    assert read(tmp_path, "a: 0.0\nb: 0.0e-400\nc: 1.0e-300\n") == {"a": 0, "b": 0, "c": 1e-300}


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1e-400", "1.5e-999", "NaN", '"\\ud800"'])
def test_json_holds_what_is_written_or_is_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(f'{{"a": {text}}}')
    with pytest.raises(UserError, match=r"c\.json: "):
        read_yaml(tmp_path / "c.json")


class Named(Section):
    """A section with paths."""

    path: PathText


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("p\0q", "control characters"),
        ("p\nq", "control characters"),
        ("~nobody-of-that-name/p", "there is no user of that name"),
        ("a/" + "b" * 256, "no file has a name of more than 255 bytes"),
        ("ü" * 128, "no file has a name of more than 255 bytes"),
        ("$HOME/p", "environment variables"),
    ],
)
def test_paths_that_no_file_has(path, reason):
    with pytest.raises(UserError, match=f"c: path: .*{reason}"):
        validated(Named, {"path": path}, "c")


def test_json_is_read_too_and_refuses_repeated_keys(tmp_path):
    path = tmp_path / "study.json"
    path.write_text('{\n\t"name": "a", "seed": 3}')
    assert read_yaml(path) == {"name": "a", "seed": 3}
    for text in ('{"a": 1, "a": 2}', '{"a": NaN}', '{"a": '):
        path.write_text(text)
        with pytest.raises(UserError, match=r"study\.json: "):
            read_yaml(path)


def test_a_value_in_a_message_is_cut():
    deep = ["x"] * 10
    for _ in range(9):
        deep = [deep] * 10
    for value in (
        "x" * 10**6,
        list(range(10**6)),
        deep,
        10**5000,
        dict.fromkeys(range(99), "y" * 99),
    ):
        assert len(shown(value)) <= 300
    assert shown("yes") == "'yes'"
    assert shown([1, 2]) == "[1, 2]"


def test_many_problems_make_a_short_message():
    assert listed(["a", "b", "a"]) == "a (2 times)\nb"
    assert len(listed(map(str, range(10**4))).splitlines()) == SHOWN_PROBLEMS + 1


@pytest.mark.slow
def test_bad_values_of_a_configuration_are_shown_shortly():
    content = {"name": "a" * 10**6, "experiments": 12, "k" * 10**5: 1, "metrics": ["x"] * 10**4}
    with pytest.raises(UserError) as caught:
        validated(StudyConfig, content, "config.yaml")
    assert len(str(caught.value)) < 20_000
    assert "experiments: input should be a valid string, got 12; put it in quotes" in str(
        caught.value
    )


@pytest.mark.parametrize("word", ["null", "None", "~", ""])
def test_a_key_can_be_taken_back_on_a_command_line(word):
    nothing = {"published": word, "limit": word, "datasets": [{"card": "a", "subset": word}]}
    assert as_asked(StudyConfig, nothing) == {
        "published": None,
        "limit": None,
        "datasets": [{"card": "a", "subset": None}],
    }


@pytest.mark.parametrize(
    ("text", "expected"), [("64", 64), (["96", "128"], [96, 128]), ("native", "native")]
)
def test_a_size_of_a_command_line_is_a_number_a_pair_or_a_word(text, expected):
    given = {"datasets": [{"card": "a", "image_size": text}]}
    assert as_asked(StudyConfig, given)["datasets"][0]["image_size"] == expected


def test_text_of_a_command_line_becomes_what_the_model_asks_for():
    content = {
        "name": 202411,
        "limit": "8",
        "motion_kernel": {"size": "31", "intensity": "0.25"},
        "datasets": [{"card": "2024", "image_size": "64", "subset": ["1", "02"], "limit": "null"}],
        "metrics": ["psnr"],
        "unknown": "7",
        "seed": "seven",
    }
    assert as_asked(StudyConfig, content) == {
        "name": "202411",
        "limit": 8,
        "motion_kernel": {"size": 31, "intensity": 0.25},
        "datasets": [{"card": "2024", "image_size": 64, "subset": ["1", "02"], "limit": None}],
        "metrics": ["psnr"],
        "unknown": "7",
        "seed": "seven",
    }
