"""The workflow as users run it: products, a run that is stopped, and bad input."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.workflow

CELL = "tiny/sr_bicubic-x4-svd/0.05"
DDPG = "ddpg/dead-leaves"
METRICS = "results/tiny/metrics.csv"


def test_every_product_is_made(finished):
    results = finished.folder / "results/tiny"
    for name in (
        "metrics.csv",
        "provenance.json",
        "index.html",
        "tables/summary.csv",
        "tables/tables.md",
        "tables/tables.tex",
        "figures/metric_vs_noise.pdf",
        "figures/perception_distortion.png",
        "figures/kernels.png",
        "figures/grids/tiny/sr_bicubic-x4-svd/0.05.png",
    ):
        assert (results / name).stat().st_size > 0, name
    with (results / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    values = {(r["label"], r["task"], r["image"], r["metric"]): r["value"] for r in rows}
    # Of three pictures: two metrics and three costs, and two metrics of what two cells observed.
    assert len(values) == len(rows) == 3 * (4 * 5 + 2 * 2)
    assert values["ddpg-3", "sr_bicubic", "c", "network_evaluations"] == "3"
    assert all(0 < float(values["pinv", "motion_deblur", i, "ssim"]) < 1 for i in "abc")


def test_restorations_are_kept_as_half_precision_tensors_and_pictures(finished):
    shard = finished.folder / "results/tiny/restorations" / CELL / DDPG / "shard-0"
    tensors = load_file(shard.with_suffix(".safetensors"))
    assert {n: (t.shape, str(t.dtype)) for n, t in tensors.items()} == {
        "a": ((3, 64, 64), "float16"),
        "b": ((3, 64, 64), "float16"),
    }
    assert sorted(p.name for p in shard.with_suffix(".png").glob("*.png")) == ["a.png", "b.png"]


def test_nothing_temporary_remains(finished):
    left = [
        p for p in (finished.folder / "results").rglob(".*") if p.name != ".snakemake_timestamp"
    ]
    assert left == []


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}
    by_hand = subprocess.run(finished.command("--dry-run"), **finished.process_options())
    assert "Nothing to be done" in by_hand.stdout


@pytest.mark.parametrize(
    ("rule", "figure"),
    [
        ("plots", "metric_vs_noise"),
        ("kernels", "kernels"),
        ("grid", "grids/tiny/sr_bicubic-x4-svd/0.05"),
        ("trajectories", "trajectories/tiny/sr_bicubic-x4-svd/0.05"),
    ],
)
@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_a_figure_that_was_removed_is_missed(finished, rule, figure, suffix):
    (finished.folder / f"results/tiny/figures/{figure}.{suffix}").unlink()
    assert finished.planned()[rule] == 1


def test_lpips_without_a_backbone_is_empty_and_says_why(finished):
    finished.configure(metrics=["psnr", "lpips"], lpips_net="squeeze")
    result = finished.snakemake("results/tiny/metrics.csv")
    assert result.returncode == 0, result.stdout + result.stderr
    with (finished.folder / "results/tiny/metrics.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "lpips_squeeze"]
    # Of three pictures: four experiments, and what was observed in two cells.
    assert len(rows) == 3 * (4 + 2)
    assert all(row["value"] == "" and "squeezenet" in row["note"] for row in rows)


def test_ctrl_c_ends_a_run_with_three_lines_and_the_same_command_goes_on(fresh, finished_folder):
    run, terminal = on_a_terminal(fresh, METRICS)
    try:
        wait_for_logs(fresh.folder / "results/tiny/logs/restore", 2, run)
        os.write(terminal, b"\x03")
        said = everything_said(terminal)
        assert run.wait() != 0
    finally:
        os.close(terminal)
        run.kill()
    ending = said[said.rindex("Stopped after ") :].splitlines()
    assert len(ending) == 3
    assert "What they made is kept" in ending[0]
    assert "ddpg status tiny" in ending[1]
    assert "the same command again" in ending[2]
    # A Python that is just starting another job tells of ^C itself, where it imports.
    told = r"Traceback \(most recent call last\):\n(?:.*\n)*?KeyboardInterrupt\b"
    said = re.sub(told, lambda found: "" if "importlib" in found[0] else found[0], said)
    for line in ("Traceback", "FAILED", "Error"):
        assert line not in said
    assert processes_in(fresh.folder) == []
    for path in (fresh.folder / "results").rglob("*.safetensors"):
        assert load_file(path) or ".state" in str(path), path
    # Nothing has to be unlocked.
    result = fresh.snakemake(METRICS)
    assert result.returncode == 0, result.stdout + result.stderr
    for path in sorted((finished_folder / "results/tiny/restorations").rglob("*.safetensors")):
        other = fresh.folder / path.relative_to(finished_folder)
        assert other.read_bytes() == path.read_bytes(), path.name


def on_a_terminal(project, *arguments: str) -> tuple[subprocess.Popen, int]:
    """A run with a terminal of its own, as people start it, and the other end of that."""
    ours, its = pty.openpty()
    options = project.process_options()

    def at_the_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that ^C is a signal
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests in the background ignore it

    run = subprocess.Popen(
        project.command(*arguments),
        cwd=options["cwd"],
        env=options["env"] | project.starter.jobs | {"TERM": "xterm"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=at_the_terminal,
    )
    os.close(its)
    return run, ours


def everything_said(terminal: int) -> str:
    """What is written to a terminal until nobody has it open, without escape codes."""
    said = b""
    with contextlib.suppress(OSError):  # so a terminal ends
        while select.select([terminal], [], [], 300)[0] and (more := os.read(terminal, 65536)):
            said += more
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", said.decode())


def processes_in(folder) -> list[str]:
    """The commands of processes that are at work in a folder, but for those that are ending."""
    deadline = time.monotonic() + 60
    while found := [command for command in _commands(folder) if command]:
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)
    return []


def _commands(folder) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder.resolve()):
                yield (process / "cmdline").read_text().replace("\0", " ")


def wait_for_logs(folder: Path, count: int, process: subprocess.Popen) -> None:
    """Wait until so many jobs log, while a process runs."""
    deadline = time.monotonic() + 600
    while len(list(folder.rglob("*.log"))) < count:
        assert process.poll() is None, "the run ended early"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_provenance_names_what_was_used(finished):
    provenance = json.loads((finished.folder / "results/tiny/provenance.json").read_text())
    assert provenance["configuration"]["seed"] == 0
    assert provenance["versions"]["torch"]
    assert provenance["hardware"]["processor"]
    ((how, count),) = provenance["networks"]["tiny"].items()
    words = r"(float32|bfloat16), channels last, not compiled, 1 image at a time on \S.*"
    assert re.fullmatch(words, how)
    assert count == 6
    name, _, identity = provenance["priors"]["dead-leaves"]["weights"].partition(": ")
    assert name == "dead-leaves.safetensors"
    assert len(identity) == 64


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda p: p.configure(shard_sise=3), "config.yaml: unknown key 'shard_sise'; allowed:"),
        (lambda p: p.configure(datasets=[{"card": "tiny", "image_size": 66}]), "does not divide"),
        (lambda p: p.write_sheet([("tiny", "sr_bicubic", "-1", "ddpg")]), "line 2: sigma_y"),
        (
            lambda p: p.write_sheet([("tiny", "sr_bicubic", "0", "ddpg", "", "", "abc")]),
            "line 2: gamma must be a number, got 'abc'",
        ),
        (
            lambda p: p.configure(datasets=[{"card": "tiny", "image_size": 64, "prior": "none"}]),
            "unknown prior 'none'",
        ),
    ],
)
def test_bad_input_dies_in_the_dry_run_with_a_clear_message(fresh, break_it, expected):
    break_it(fresh)
    result = fresh.snakemake("--dry-run")
    assert result.returncode != 0
    message = result.stdout + result.stderr
    assert expected in message
    assert "Traceback" not in message
    assert not (fresh.folder / "results").exists()


def test_an_unreadable_picture_is_named(fresh):
    (fresh.folder / "pictures/b.png").write_bytes(b"not a picture")
    result = fresh.snakemake("results/tiny/images/tiny/shard-0.safetensors")
    assert result.returncode != 0
    assert "pictures/b.png" in result.stdout + result.stderr
    assert not list((fresh.folder / "results").rglob("*.safetensors"))
