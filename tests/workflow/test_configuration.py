"""The configuration as Snakemake gives it and as its files say it."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake.exceptions import WorkflowError

from ddpg.cli import main, with_piped
from ddpg.errors import UserError
from ddpg.workflow import half_precision
from ddpg.workflow.configuration import as_written, readable, study_configuration


def workflow(own, given=(), **config):
    settings = SimpleNamespace(configfiles=given, config=config, replace_workflow_config=False)
    return SimpleNamespace(config_settings=settings, configfiles=[*given, own])


def test_files_are_read_again_and_the_command_line_counts_most(tmp_path):
    own, over = tmp_path / "own.yaml", tmp_path / "over.yaml"
    own.write_text("name: a\nseed: 1\nmotion_kernel: {size: 61, intensity: 0.5}\n")
    over.write_text("seed: 2\nlimit: 5\n")
    content = study_configuration(workflow(own, [over], motion_kernel={"size": "31"}, limit=3))
    assert content == {
        "name": "a", "seed": 2, "limit": 3, "motion_kernel": {"size": 31, "intensity": 0.5},
    }  # fmt: skip
    over.write_text("seed: 2\nseed: 3\n")
    with pytest.raises(UserError, match=r"over\.yaml: line 2: the key 'seed' stands already"):
        study_configuration(workflow(own, [over]))


def test_names_of_digits_are_kept_as_they_were_written():
    words = ["snakemake", "--config", "name=2024_11", "seed=1_000"]
    assert as_written({"name": 202411, "seed": 1000}, words) == {"name": "2024_11", "seed": 1000}


def test_paths_of_digits_are_kept_even_where_there_may_be_none():
    words = ["snakemake", "--config", "tuned=2024_11", "published=0123", "steps=1e2"]
    given = {"tuned": 202411, "published": 123, "steps": 100.0}
    assert as_written(given, words) == {"tuned": "2024_11", "published": "0123", "steps": 100.0}


def test_a_key_that_stands_twice_in_a_section_of_the_command_line_is_refused():
    words = ["snakemake", "--config", "motion_kernel={size: 31, size: 33}", "name=a"]
    given = {"motion_kernel": {"size": 33}, "name": "a"}
    with pytest.raises(UserError, match=r"--config motion_kernel: .* the key 'size' stands alread"):
        as_written(given, words)
    words[2] = "motion_kernel={size: 33}"
    assert as_written(given, words) == given


@pytest.mark.slow
def test_arguments_through_a_pipe_have_no_limit():
    names = ["--shards", *(f"{'n' * 90}{k}=1" for k in range(30_000)), "x" * 10**6]
    script = "import sys; from ddpg.cli import with_piped; print(len(with_piped(sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", script, "collect", "@-", "--output", "o"],
        input="\0".join([*names, ""]).encode(), check=True, capture_output=True,
    )  # fmt: skip
    assert int(done.stdout) == len(names) + 3
    assert with_piped(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("gpu", "here", "precision", "refused"),
    [
        (False, True, "float16", True),
        (True, True, "float16", False),
        (False, False, "float16", False),
        (False, True, "bfloat16", False),
    ],
)
def test_float16_without_a_gpu(monkeypatch, gpu, here, precision, refused):
    monkeypatch.setattr(half_precision, "has_gpu", lambda: gpu)
    monkeypatch.setattr(half_precision, "runs_here", lambda _: here)
    row = SimpleNamespace(method="ddpg", prior="own", cell=SimpleNamespace(dataset="mine"))
    prior = SimpleNamespace(execution=SimpleNamespace(precision=precision))
    study = SimpleNamespace(
        experiments=[row], entries=["mine"], file="config.yaml", prior_of=lambda _: prior
    )
    if refused:
        with pytest.raises(UserError, match="mine: precision: float16 is for GPUs"):
            half_precision.refuse_half_precision_without_gpu(None, study)
    else:
        half_precision.refuse_half_precision_without_gpu(None, study)


@pytest.mark.parametrize("text", ["description: 2023-02-30", "a: 1\na: 2", "a: " + "[" * 3000])
def test_what_snakemake_would_stumble_over_is_told_with_the_file(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(WorkflowError, match=r"config\.yaml: "):
        readable(path)


def test_snakemake_reads_utf_8_alone(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(WorkflowError, match=r"config\.yaml: .* save it as UTF-8"):
        readable(path)
    path.write_bytes("a: 1\n".encode("utf-8-sig"))
    assert readable(path) == str(path)


@pytest.mark.parametrize("verb", ["why", "status"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name: 2024-13-45\n", "line 1: '2024-13-45' is read as a date"),
        (b"seed: " + b"9" * 5000, "line 1: a number of 5000 digits"),
        (b"a: " + b"[" * 3000, "line 1: is nested deeper than"),
        ("seed: 3\n".encode("utf-16"), "Snakemake reads UTF-8 alone"),
    ],
)
def test_our_commands_name_a_file_that_snakemake_does_not(tmp_path, capfd, verb, content, reason):
    path = tmp_path / "over.yaml"
    path.write_bytes(content)
    assert main([verb, "--configfile", str(path)])
    told = capfd.readouterr().err
    assert f"{path}: {reason}" in told
    assert "Traceback" not in told
