"""Why a job would run: Snakemake's words taken apart."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from ddpg.workflow.why import Job, causes, explain, parameter_changes, parse
from ddpg.workflow.why import dry_run as plan

RESTORED = "results/restorations/tiny/blur/0/ddpg/shard-0.safetensors"
MEASURED = "results/evaluations/tiny/blur/0/ddpg/shard-0.csv"
SPEC = {"sigma_y": 0.05, "hyper_parameters": {"steps": "2", "gamma": "8"}, "code": "12"}
PARAMS = (
    "Params have changed since last execution: Union of exclusive params before and now across "
    "all output: before: {} now: {} "
)


def dry_run(reason: str) -> str:
    return f"""Building DAG of jobs...
Job stats:
job         count
restore         1
total           2

[Mon Nov 23 17:15:00 2026]
rule restore:
    input: observations.safetensors
    output: {RESTORED}, costs.csv
    log: results/logs/restore.log
    jobid: 2
    reason: {reason}
    wildcards: experiment=tiny/blur/0/ddpg, shard=0
    resources: tmpdir=/tmp, mem_mb=4000
[Mon Nov 23 17:15:00 2026]
localrule evaluate:
    input: {RESTORED}, costs.csv
    output: {MEASURED}
    jobid: 0
    reason: Input files updated by another job: costs.csv, {RESTORED}
    wildcards: experiment=tiny/blur/0/ddpg, shard=0
[Mon Nov 23 17:15:00 2026]
rule all:
    input: {MEASURED}
    reason: Input files updated by another job: {MEASURED}
Reasons:
    input files updated by another job:
        evaluate, all
This was a dry-run (flag -n). The order of jobs does not reflect the order of execution.
"""


def changed(**fields: object) -> str:
    return PARAMS.format(SPEC, SPEC | fields)


def test_the_jobs_of_a_dry_run() -> None:
    restore, evaluate, everything = parse(dry_run("Code has changed since last execution"))
    assert (restore.rule, restore.output) == ("restore", [RESTORED, "costs.csv"])
    assert restore.reason == "Code has changed since last execution"
    assert evaluate.title == "evaluate (experiment=tiny/blur/0/ddpg, shard=0)"
    assert evaluate.awaited == ["costs.csv", RESTORED]
    assert everything.title == "all"


def test_a_target_is_traced_to_what_is_behind_it() -> None:
    jobs = parse(dry_run(changed(hyper_parameters={"steps": "2", "gamma": "9"})))
    text = "\n".join(explain(jobs, [MEASURED]))
    assert text == (
        f"{MEASURED}: 2 jobs would run\n\n"
        f"evaluate (experiment=tiny/blur/0/ddpg, shard=0) makes {MEASURED}, because\n"
        f"  - restore makes its input anew: costs.csv, {RESTORED}\n\n"
        "What is behind it:\n"
        "  restore (experiment=tiny/blur/0/ddpg, shard=0)\n"
        "    - hyper_parameters: gamma=8 -> gamma=9"
    )


def test_nothing_to_do() -> None:
    text = "Building DAG of jobs...\nNothing to be done (all requested files are present).\n"
    assert explain(parse(text), ["a.csv"]) == ["a.csv: up to date, nothing would run"]
    assert explain([], []) == ["the study: up to date, nothing would run"]


def test_many_jobs_with_one_cause_are_told_once() -> None:
    jobs = [
        Job("restore", output=[f"{k}"], wildcards=f"shard={k}", reason=changed(code="13"))
        for k in range(500)
    ]
    assert explain(jobs, [])[-2:] == [
        "  restore: shard=0 and 499 more",
        "    - the code that it runs has changed",
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Missing output files: a.csv, b.csv", ["this is not there: a.csv, b.csv"]),
        ("Incomplete output files: a", ["it was interrupted when it was made: a"]),
        ("Forced execution", ["it was asked for"]),
        ("Code has changed since last execution", ["the command of its rule has changed"]),
        (
            "Software environment definition has changed since last execution",
            ["its software environment has changed"],
        ),
        ("Some day it will be otherwise", ["some day it will be otherwise"]),
        (
            f"Missing output files: a; Code has changed since last execution; {changed(code='1')}",
            [
                "this is not there: a",
                "the code that it runs has changed",
                "the command of its rule has changed",
            ],
        ),
        (changed(sigma_y=0.1), ["sigma_y: 0.05 -> 0.1"]),
        (changed(repeat=1), ["its parameter repeat is new"]),
    ],
)
def test_causes(reason: str, expected: list[str]) -> None:
    assert causes(Job("restore", reason=reason)) == expected


def test_parameters_that_are_no_dictionaries() -> None:
    assert parameter_changes("{'a': 1},' --x y; z'", "{'a': 1},' --x w; z'") == [
        "option 2: y; -> w;"
    ]
    assert parameter_changes("<nothing exclusive>", "{'a': 1}") == ["its parameter a is new"]
    assert parameter_changes("<object at 0>", "{'a': 1}") == [
        "its parameters have changed: <object at 0> -> {'a': 1}"
    ]
    assert parameter_changes("{'a': 'x y'}", "{'a': 'y x'}") == [
        "a: the same words in another order"
    ]


def test_a_newer_input_comes_with_the_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    for name, when in (("in", 86_400), ("out", 0)):
        Path(name).write_text("")
        os.utime(name, (when, when))
    (cause,) = causes(Job("observe", output=["out"], reason="Updated input files: in"))
    assert cause.startswith("in is newer than what was made from it (1970-01-0")


def test_inputs_that_came_and_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(".snakemake/metadata")
    folder.mkdir(parents=True)
    record = folder / urlsafe_b64encode(b"out").decode()
    record.write_text(json.dumps({"input": ["a", "b"]}))
    reason = "Set of input files has changed since last execution"
    assert causes(Job("grid", input=["b", "c"], output=["out"], reason=reason)) == [
        "input that it did not have: c",
        "input that it no longer has: a",
    ]
    assert causes(Job("grid", input=["b"], output=["other"], reason=reason)) == [
        "it has other input files than last time"
    ]


@pytest.mark.slow
def test_a_target_that_looks_like_an_option_is_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    plan(["-x"], ["a.yaml"])
    assert commands[0][-4:] == ["--configfile", "a.yaml", "--", "-x"]
