"""Profiles that are written by what the commands of a cluster tell."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg import cli
from ddpg.errors import UserError
from ddpg.files.shipped import shipped
from ddpg.workflow.starting.cluster import (
    PROFILE,
    choose,
    minutes_of,
    profile_text,
    read_partitions,
)

CPU, SHORT = "cpu*|up|infinite|192000|(null)|10", "short|up|1:00:00|192000+|(null)|10"
A100, MIXED = "a100|up|1-00:00:00|512000|gpu:a100:4(S:0-1)|3", "old|up|2-00:00:00|64000|gpu:2|5"
MIG = "mig|up|12:00:00|64000|gpu:1g.5gb:7|1"


def written(*lines: str, accounts: tuple[str, ...] = (), accounting: bool = True) -> Any:
    found = choose(read_partitions(lines), accounts, accounting)
    before = shipped(PROFILE).read_text()
    text = profile_text(before, found)
    # What is said of a line stays beside it.
    assert re.findall("  # .*", text)[-5:] == re.findall("  # .*", before)[-5:]
    assert "# a name that `sinfo -o %G` shows" in text
    return yaml.safe_load(text), found.said


def test_partitions_models_and_limits_are_told_to_the_profile() -> None:
    profile, said = written(CPU, SHORT, A100)
    assert "slurm_partition" not in profile["default-resources"]  # the cluster's own default
    for rule in ("restore", "trajectory", "tune"):
        asked = profile["set-resources"][rule]
        assert asked == {"gpu": 1, "slurm_partition": "a100", "gpu_model": "a100"}
    assert profile["resources"] == {"runtime": 1440, "mem_mb": 64000}
    assert "slurm-status-command" not in profile
    assert "restorations go to a100 (12 a100, at most 1,440 minutes)" in said


def test_the_partition_of_the_longest_jobs_is_taken_and_the_others_are_said() -> None:
    profile, said = written(A100, MIXED, SHORT, CPU.replace("*", ""))
    assert profile["default-resources"]["slurm_partition"] == "cpu"
    asked = profile["set-resources"]["restore"]
    assert asked == {"gpu": 1, "slurm_partition": "old"}  # its GPUs have no name
    assert profile["resources"]["runtime"] == 2880
    assert any(line.endswith("others with GPUs: a100") for line in said)


def test_a_cluster_without_gpus_or_accounts() -> None:
    profile, said = written("all*|up|30:00|8000|(null)|2", accounting=False)
    assert profile["set-resources"]["restore"] == {"gpu": 0}
    assert profile["resources"] == {"runtime": 30, "mem_mb": 8000}
    assert profile["slurm-status-command"] == "squeue"
    assert "no partition has GPUs: restorations compute on processors" in said
    with pytest.raises(UserError, match="no partition that is up"):
        written("all*|down|30:00|8000|(null)|2")


def test_several_accounts_are_said() -> None:
    _, said = written(CPU, accounts=("mine", "project"))
    assert said[-1].startswith("your accounts: mine, project;")


def test_slices_of_gpus_have_names() -> None:
    assert written(CPU, MIG)[0]["set-resources"]["restore"]["gpu_model"] == "1g.5gb"


@pytest.mark.parametrize("model", ["rtx-6000", "2080"])
def test_a_name_that_the_executor_cannot_hand_on_stays_out(model: str) -> None:
    profile, said = written(CPU, MIG.replace("1g.5gb", model))
    assert profile["set-resources"]["restore"] == {"gpu": 1, "slurm_partition": "mig"}
    assert f"restorations go to mig (7 {model}, at most 720 minutes)" in said
    assert f"gpu_model stays out: the executor cannot ask for the name {model}" in said


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30", 30), ("30:30", 31), ("2-12", 3600), ("1-0:30", 1470), ("n/a", None), ("", None)],
)
def test_limits_of_time(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


def test_the_commands_of_the_cluster_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        "sinfo": f"echo '{CPU}'; echo '{A100}'",
        "sacct": "echo 'Slurm accounting storage is disabled' >&2; exit 1",
        "sacctmgr": "printf 'b\\na\\nb\\n'",
    }
    for name, script in said.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    command = ["cluster", "--output", str(tmp_path / "profiles" / "mine")]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "your accounts: a, b;" in printed
    assert f"--workflow-profile {tmp_path}/profiles/mine" in printed
    profile = yaml.safe_load((tmp_path / "profiles/mine/config.yaml").read_text())
    assert profile["set-resources"]["restore"]["gpu_model"] == "a100"
    assert profile["slurm-status-command"] == "squeue"
    assert cli.main(command) == 1
    assert "is there already" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert cli.main([*command[:-1], str(tmp_path / "other")]) == 1
    assert "sinfo: no such command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "printf 'error: Unknown host\\nfatal: no controller\\n' >&2; exit 1",
            "(fatal: no controller)",
        ),
        ("exec sleep 60", "no answer within"),
    ],
)
def test_a_cluster_that_does_not_answer_is_told_with_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    told: str,
) -> None:
    (tmp_path / "sinfo").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("ddpg.workflow.starting.cluster._PATIENCE", 0.5)
    assert cli.main(["cluster", "--output", str(tmp_path / "mine")]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "by hand: copy profiles/slurm" in error
    assert not (tmp_path / "mine").exists()
