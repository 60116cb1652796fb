"""What was deleted is made again, wherever it stands."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ddpg.workflow import remaking

SHARD = "results/tiny/restorations/tiny/motion_deblur-fft/0.05/pinv/shard-0.safetensors"
FIGURE = "results/tiny/figures/kernels.pdf"


@pytest.mark.workflow
def test_what_was_deleted_is_listed_and_made_again(finished: Any, verb: Any) -> None:
    nothing = verb(finished, "remake", "tiny")
    assert nothing.stdout == "results/tiny: nothing is missing\n"
    place = finished.folder / SHARD
    before = place.read_bytes()
    place.unlink()
    (finished.folder / FIGURE).unlink()
    assert verb(finished, "remake", "--list", "tiny").stdout.splitlines() == [FIGURE, SHARD]
    done = verb(finished, "remake", "--cores", "2", "results/tiny/restorations")
    assert done.returncode == 0, done.stderr
    assert place.read_bytes() == before
    assert not (finished.folder / FIGURE).exists()  # it was not asked for
    wrong = verb(finished, "remake", "results/tiny/nothing.csv")
    assert wrong.returncode == 1
    assert "results/tiny/nothing.csv: no job of the study makes anything there" in wrong.stderr


def test_targets_are_cut_to_command_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(remaking.subprocess, "run", run)
    files = [f"results/{number:06d}/{'x' * 90}" for number in range(5000)]
    assert remaking.remake(files, ["a.yaml"], "4") == 0
    assert [f for call in calls for f in call[call.index("--") + 1 :]] == files
    assert all(sum(map(len, call)) < 250_000 for call in calls)
    assert all(call[:3] == [sys.executable, "-m", "snakemake"] for call in calls)
    assert all(call[3:7] == ["--cores", "4", "--configfile", "a.yaml"] for call in calls)
    assert len(calls) > 1
