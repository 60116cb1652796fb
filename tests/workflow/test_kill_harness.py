"""The kill harness finds what it looks for, and a study that is killed twice ends as if it was not.

Thirty kills are benchmarks/kills/harness.py's own matter; docs/faults.md has its report.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SHARD = (
    "results/smallest/restorations/skimage-photos/sr_bicubic-x4-svd/0.05/ddpg/dead-leaves/"
    "shard-0.safetensors"
)
PRINTED = """\
Building DAG of jobs...
rule observe:
    input: x
    output: results/a.safetensors
    log: results/logs/a.log
    jobid: 2
rule restore:
    output: results/b.safetensors, results/b.csv
    log: results/logs/b.log
    jobid: 1
Finished jobid: 2 (Rule: observe)
Building DAG of jobs...
rule restore:
    output: results/c.safetensors, results/c.csv
    jobid: 2
Finished jobid: 2 (Rule: restore)
"""


@pytest.fixture
def harness(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "kills")
    return importlib.import_module("harness")


@pytest.fixture
def studies(harness, tmp_path):
    """Two folders of equal products, the first as if it had not been disturbed."""
    made = []
    for name in ("undisturbed", "killed"):
        study = harness.Study(tmp_path / name)
        (study.folder / "results/logs").mkdir(parents=True)
        (study.folder / "results/metrics.csv").write_text("psnr,20\n")
        (study.folder / f"results/logs/{name}.log").write_text("")
        study.record.write_text("1\tbegun\tshard\ta\tb\n1\tkept\tshard\ta\n1\tkept\tshard\tb\n")
        made.append(study)
    return made


def problems(harness, studies):
    undisturbed, killed = studies
    return harness.examine(killed, undisturbed, 1, 1, time.monotonic()).problems


def test_equal_studies_have_no_problems(harness, studies):
    assert problems(harness, studies) == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("results/metrics.csv", "differs: results/metrics.csv"),
        ("results/more.csv", "differs: results/more.csv"),
        ("results/.metrics.host-1.partial.csv", "left over: results/.metrics.host-1.partial.csv"),
        ("results/.shard-0.safetensors.lock", "left over: results/.shard-0.safetensors.lock"),
        (".snakemake/locks/0.input.lock", "left over: .snakemake/locks/0.input.lock"),
    ],
)
def test_what_differs_or_is_left_over_is_found(harness, studies, path, problem):
    place = studies[1].folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("other")
    assert problems(harness, studies) == [problem]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("2\tbegun\tshard\tb\n2\tkept\tshard\tb\n", ["kept again: 1"]),
        # The batch in which a job died is begun again by the next one, and only that.
        ("2\tbegun\tshard\ta\n", []),
        ("2\tbegun\tshard\ta\n2\tbegun\tshard\tb\n", ["beyond one batch: 1"]),
        ("2\tkept\tshard\tc\n", ["3 images were kept, expected 2"]),
    ],
)
def test_images_that_are_restored_again_are_found(harness, studies, lines, expected):
    with studies[1].record.open("a") as stream:
        stream.write(lines)
    assert problems(harness, studies) == expected


def test_products_that_are_made_again_are_found(studies):
    study = studies[1]
    study.output.write_text(PRINTED)
    for name in "abc":
        (study.folder / f"results/{name}.safetensors").write_text(name)
    assert study.note_finished() == []
    assert sorted(study.finished) == ["results/a.safetensors", "results/c.safetensors"]
    (study.folder / "results/b.safetensors").write_text("again")  # was not finished
    (study.folder / "results/c.safetensors").unlink()
    (study.folder / "results/c.safetensors").write_text("c")
    assert study.note_finished() == ["results/c.safetensors"]


@pytest.mark.workflow
def test_a_study_that_is_killed_twice_ends_the_same(tmp_path):
    report = tmp_path / "report.md"
    script = ROOT / "benchmarks/kills/harness.py"
    options = ["--study", "smallest", "--targets", SHARD, "--kills", "2", "--longest", "12"]
    result = subprocess.run(
        [sys.executable, script, *options, "--folder", tmp_path / "studies", "--report", report],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    text = report.read_text()
    assert "nothing went wrong" in text
    assert len(re.findall(r"^\| 0/\d .* \| nothing lost \|$", text, re.MULTILINE)) == 2
    assert "equal, nothing left over" in text
