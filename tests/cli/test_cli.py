"""The command line: what people read when something is wrong, and how it exits."""

import logging
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from ddpg import cli
from ddpg.cli import study
from ddpg.files.long_table import write_long_table
from ddpg.machine.terminal import SWITCH, WORDS

ROW = {
    "dataset": "photos",
    "task": "sr_bicubic",
    "operator": "svd",
    "scale": 4,
    "sigma_y": 0.05,
    "method": "pinv",
    "label": "pinv",
    "image": "a",
    "metric": "psnr",
    "value": 25,
    "note": "",
}


@pytest.fixture
def shards(tmp_path):
    """Tables of two shards, and the arguments that collect them below a folder."""
    for k in range(2):
        write_long_table(tmp_path / f"metrics/cell/pinv/shard-{k}.csv", [ROW])

    def arguments(output, count=2):
        first = tmp_path / "metrics/cell/pinv/shard-0.csv"
        return [
            "job",
            "collect",
            "--first",
            first,
            "--shards",
            f"cell/pinv={count}",
            "--output",
            output,
        ]

    return lambda output=tmp_path / "all.csv", **more: [*map(str, arguments(output, **more))]


def test_a_verb_that_works(shards, tmp_path, capsys):
    assert cli.main(shards()) == 0
    assert (tmp_path / "all.csv").read_text().count("\n") == 3
    assert capsys.readouterr().err == ""


def test_a_missing_file_is_one_line_with_its_name(shards, capsys):
    assert cli.main(shards(count=3)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ddpg job collect: ")
    assert "shard-2.csv" in line


def test_the_first_table_must_be_that_of_the_first_experiment(tmp_path, capsys):
    first = tmp_path / "metrics/cell/other/shard-0.csv"
    arguments = [
        "job",
        "collect",
        "--first",
        first,
        "--shards",
        "cell/pinv=1",
        "--output",
        tmp_path / "a",
    ]
    assert cli.main([*map(str, arguments)]) == 1
    assert "must end in cell/pinv/shard-0.csv, got" in capsys.readouterr().err


def test_the_traceback_goes_to_the_log_alone(shards, tmp_path, capsys):
    log = tmp_path / "logs/deep/collect.log"
    assert cli.main([*shards(count=3), "--log", str(log)]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "Traceback" not in error
    assert "Traceback" in log.read_text()
    assert "FileNotFoundError" in log.read_text()
    assert error.strip() in log.read_text()


def test_the_log_of_a_second_run_replaces_the_first(shards, tmp_path):
    log = tmp_path / "collect.log"
    cli.main([*shards(count=3), "--log", str(log)])
    assert cli.main([*shards(), "--log", str(log)]) == 0
    assert "Traceback" not in log.read_text()


def test_an_output_that_cannot_be_written(shards, tmp_path, capsys):
    # Tests may run as root, whom permissions do not stop; a file in the way stops everybody.
    (tmp_path / "file").write_text("in the way")
    assert cli.main(shards(tmp_path / "file/all.csv")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in line
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_log_that_cannot_be_written(shards, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert cli.main([*shards(), "--log", str(tmp_path / "file/collect.log")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in line


def test_an_interruption_exits_with_130(shards, monkeypatch, capsys):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ddpg.files.long_table.collect", interrupted)
    assert cli.main(shards()) == 130
    assert capsys.readouterr().err == "ddpg job collect: KeyboardInterrupt\n"


def test_a_bug_keeps_its_traceback(shards, monkeypatch, capsys):
    def buggy(*_arguments):
        raise KeyError("shape")

    monkeypatch.setattr("ddpg.files.long_table.collect", buggy)
    with pytest.raises(KeyError):
        cli.main(shards())
    error = capsys.readouterr().err
    assert error.startswith("ddpg job collect: this is a bug\nTraceback")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["colect"],
        ["job"],
        ["collect"],
        ["job", "collect"],
        ["job", "restore", "--seed", "one"],
        ["job", "prepare-images", "--crop", "middle", "--image-size", "8"],
    ],
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: ddpg" in capsys.readouterr().err


def restoring(tmp_path, **changes):
    options = {
        "observations": tmp_path / "y.safetensors",
        "dataset": "photos",
        "images": "a",
        "task": "deblur_gauss",
        "operator": "fft",
        "sigma-y": 0,
        "seed": 0,
        "image-size": 32,
        "method": "pinv",
        "output": tmp_path / "out.safetensors",
        "costs": tmp_path / "out.csv",
        "pictures": tmp_path / "out.png",
    } | changes
    pairs = [(f"--{name}", str(value)) for name, value in options.items()]
    return ["job", "restore", *(word for pair in pairs for word in pair)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "dpg"}, "unknown method 'dpg'; known methods: ddpg, idpg"),
        ({"hyper-parameters": "gamma"}, "expected NAME=VALUE, got 'gamma'"),
        ({"hyper-parameters": "eta_tilde=x"}, "--hyper-parameters: eta_tilde must be a number"),
        ({"hyper-parameters": "steps=3"}, "pinv has no hyper-parameter 'steps'"),
        ({"hyper-parameters": "eta_tilde=-1"}, "eta_tilde must be at least 0, got -1"),
        ({"hyper-parameters": "eta_tilde=nan"}, "eta_tilde must be a number, got 'nan'"),
        ({}, "y.safetensors"),
    ],
)
def test_restoring_with_bad_input_is_one_line(tmp_path, capsys, changes, expected):
    assert cli.main(restoring(tmp_path, **changes)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ddpg job restore: ")
    assert expected in line
    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_observation_is_one_line(tmp_path, capsys):
    (tmp_path / "y.safetensors").write_bytes(b"\x08\x00")
    log = ["--log", str(tmp_path / "restore.log")]  # which takes the progress, too
    assert cli.main([*restoring(tmp_path), *log]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "y.safetensors: truncated or not a safetensors file" in line


def test_a_training_recipe_with_an_unknown_key(tmp_path, capsys):
    (tmp_path / "recipe.yaml").write_text("name: mine\nstep: 3\n")
    arguments = ["train-prior", "--config", tmp_path / "recipe.yaml", "--folder", tmp_path / "run"]
    assert cli.main([str(word) for word in arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "recipe.yaml: unknown key 'step'; allowed: widths, blocks" in line


def test_the_schemas_are_written(tmp_path):
    from ddpg.study.config import json_schemas

    assert cli.main(["schemas", "--folder", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(json_schemas())


def verbs_of(parser, name):
    (verbs,) = (action.choices for action in parser._actions if action.dest == name)
    return verbs


@pytest.mark.slow
def test_every_verb_explains_itself(capsys):
    verbs = verbs_of(cli.build_parser(), "verb")
    verbs["job"].late(verbs["job"])
    jobs = verbs_of(verbs["job"], "job_verb")
    assert {"status", "train-prior", "index-folder"} <= set(verbs)
    assert {"restore", "prepare-images", "find-backbone"} <= set(jobs)
    # Of pictures, and of a shard; figures of a choice, and those of a study.
    assert set(verbs) & set(jobs) == {"restore", "plots"}
    for words in [*([name] for name in verbs if name != "job"), *(["job", name] for name in jobs)]:
        with pytest.raises(SystemExit) as caught:
            cli.main([*words, "--help"])
        assert caught.value.code == 0
        assert "--log" in capsys.readouterr().out


def test_the_help_shows_what_people_type_with_an_example_of_each(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    for name in set(verbs_of(cli.build_parser(), "verb")) - {"job"}:
        assert f"  {name} " in text
        assert f"ddpg {name}" in text
    assert "prepare-images" not in text


def test_the_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"ddpg {version('ddpg')}\n"


@pytest.mark.slow
def test_the_module_runs_as_a_command():
    command = [sys.executable, "-m", "ddpg", "job", "collect", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Put the tables of all shards into one." in result.stdout


def test_names_that_are_no_text_reach_the_log(tmp_path, monkeypatch, capfd):
    """A file's name on disk is bytes; those that are no UTF-8 are shown with escapes."""
    # What pytest has seen of the log is sent between processes, as text.
    monkeypatch.setattr(logging.getLogger("ddpg"), "propagate", False)
    folder = tmp_path / "\udcff"
    log = tmp_path / "log"
    assert cli.main(["index-folder", str(folder), "--output", "x.tsv", "--log", str(log)]) == 1
    assert r"\udcff: there is no such folder" in log.read_text()
    capfd.readouterr()


def test_help_imports_nothing_of_the_jobs():
    script = (
        "import sys; from ddpg import cli; cli.build_parser();"
        "print(sorted({'pydantic', 'torch', 'ddpg.jobs', 'ddpg.study'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert output.stdout == "[]\n", output.stderr


PRINTING = """
import sys
from ddpg import cli
from ddpg.cli import study

def _status(options):
    print("x" * {size})

study._status = _status
sys.exit(cli.run(["status"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_verb_whose_reader_goes_ends_quietly(size):
    # As `ddpg why FILE | head` does; what is little is only written at the end.
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", PRINTING.format(size=size)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (cli.UNREAD, "")


def test_another_broken_pipe_is_an_error(monkeypatch, capsys):
    def _status(_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(study, "_status", _status)
    assert cli.main(["status"]) == 1
    assert "Broken pipe" in capsys.readouterr().err


def test_status_lists_the_studies_of_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status"]) == 1
    assert "no study in this folder" in capsys.readouterr().err
    (tmp_path / "results/old").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mine.yaml").write_text("name: mine\n")
    assert cli.main(["status"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "the studies of this folder:",
        "  mine  config/mine.yaml",
        "  old   results/old/",
    ]


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["check"], ["why"], ["why", "a.csv"], ["remake", "a"], ["export", "--output=o"]],
    ids=" ".join,
)
def test_where_no_study_was_begun_it_is_said_how_one_is(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    told = capsys.readouterr().err
    assert "there is no study in this folder: config/config.yaml is not there" in told
    assert "`ddpg init FOLDER` begins one" in told


def test_errors_of_a_job_are_left_to_a_run_that_is_told_in_words(
    shards, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv(SWITCH, WORDS)
    (tmp_path / "metrics/cell/pinv/shard-1.csv").unlink()
    log = tmp_path / "collect.log"
    assert cli.main([*shards(tmp_path / "out.csv"), "--log", str(log)]) == 1
    assert capsys.readouterr().err == ""
    assert "shard-1.csv" in log.read_text()
