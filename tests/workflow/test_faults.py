"""Faults: once each is removed, the study ends complete, and equal to an undisturbed one."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ddpg.files.tensors import read_ids, read_tensors

pytestmark = pytest.mark.workflow

RESULTS = "results/tiny"
METRICS = f"{RESULTS}/metrics.csv"
MOTION = "tiny/motion_deblur-fft/0.05"
SR = "tiny/sr_bicubic-x4-svd/0.05"
DDPG = "ddpg/dead-leaves"
RESTORED = f"{RESULTS}/restorations/{SR}/{DDPG}/shard-0.safetensors"


def quality(folder: Path) -> list[tuple[str, ...]]:
    """The rows of the long table without the costs, which are measured anew each time."""
    with (folder / METRICS).open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] in ("psnr", "ssim")]
    return [tuple(row.values()) for row in rows]


def assert_complete_and_equal(project, finished_folder: Path) -> None:
    """Every tensor and every measurement is that of the undisturbed run; nothing is left over."""
    assert project.planned("--", *everything(finished_folder)) == {}
    for name in everything(finished_folder)[1:]:
        made, expected = project.folder / name, finished_folder / name
        assert made.read_bytes() == expected.read_bytes(), name
    assert quality(project.folder) == quality(finished_folder)
    assert leftovers(project.folder) == []


def everything(finished_folder: Path) -> list[str]:
    """The long table and every file of tensors behind it."""
    found = (finished_folder / RESULTS).rglob("shard-*.safetensors")
    return [METRICS, *sorted(str(path.relative_to(finished_folder)) for path in found)]


def leftovers(folder: Path) -> list[Path]:
    """Temporary files and states; second names of whole shards stay until all is complete."""
    found = [p for p in (folder / "results").rglob(".*") if not p.name.endswith(".whole")]
    return [path for path in found if path.name != ".snakemake_timestamp"]


def unmeasured(project) -> None:
    """Take the study back to where nothing was restored."""
    for name in ("restorations", "evaluations", "metrics.csv"):
        path = project.folder / RESULTS / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def words(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


# --- damaged files --------------------------------------------------------------------------------


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    position = len(data) - 20
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def empty(_data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("file", "damage", "target"),
    [
        (f"{RESULTS}/images/tiny/shard-0.safetensors", flip, METRICS),
        (f"{RESULTS}/observations/{MOTION}/shard-0.safetensors", truncate, METRICS),
        (f"{RESULTS}/restorations/{MOTION}/pinv/shard-0.safetensors", flip, METRICS),
        (f"{RESULTS}/restorations/{MOTION}/pinv/shard-0.csv", flip, METRICS),
        (f"{RESULTS}/evaluations/{MOTION}/pinv/shard-1.csv", truncate, METRICS),
        (f"{RESULTS}/evaluations/{SR}/{DDPG}/shard-0.csv", flip, METRICS),
        (METRICS, truncate, f"{RESULTS}/tables/summary.csv"),
        (METRICS, empty, f"{RESULTS}/tables/summary.csv"),
    ],
)
def test_a_damaged_file_is_named_and_made_again_after_its_removal(
    finished, finished_folder: Path, file: str, damage: Callable[[bytes], bytes], target: str
) -> None:
    path = finished.folder / file
    path.write_bytes(damage(path.read_bytes()))
    before = {p: p.read_bytes() for p in (finished.folder / RESULTS / "tables").glob("*.csv")}
    result = finished.snakemake(target)
    assert result.returncode != 0
    assert f"{file}: " in words(result)
    assert "remove the file and run again" in words(result) or damage is not flip
    after = [p.read_bytes() for p in before if p.exists()]
    assert set(after) <= set(before.values())  # nothing was averaged
    path.unlink()
    again = finished.snakemake(*everything(finished_folder))
    assert again.returncode == 0, words(again)
    assert_complete_and_equal(finished, finished_folder)


def test_every_damage_of_every_file_is_found_by_the_job_that_reads_it(finished) -> None:
    plan = finished.snakemake("--dry-run", "--printshellcmds", "--forceall", METRICS)
    commands = set(re.findall(r"^Shell command: (.*ddpg job .*)$", plan.stdout, re.MULTILINE))
    wanted = [c for c in commands if "job evaluate" in c and f"{MOTION}/pinv/shard-0" in c]
    wanted += [c for c in commands if "job collect" in c]
    assert len(wanted) == 2
    for command in wanted:
        arguments = shlex.split(command)
        made, log = (arguments[arguments.index(name) + 1] for name in ("--output", "--log"))
        inputs = {a for a in arguments if a.startswith(("results/", "resources/"))}
        for file in inputs - {made, log}:
            for damage in (truncate, flip, empty):
                said = refusal(finished, command, log, file, damage)
                assert f"{file}: " in said, (command, file, damage.__name__)


def refusal(project, command: str, log: str, file: str, damage: Callable[[bytes], bytes]) -> str:
    """What a job writes to its log of a damaged input, which is whole again afterwards."""
    path = project.folder / file
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    options = project.process_options()
    options["env"] |= project.starter.jobs
    try:
        assert subprocess.run(["bash", "-o", "pipefail", "-c", command], **options).returncode == 1
        return (project.folder / log).read_text()
    finally:
        path.write_bytes(whole)


# --- signals --------------------------------------------------------------------------------------


def wait_for(
    found: Callable[[], object], process: subprocess.Popen[str], seconds: float = 600
) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, "it ended early"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def slow_restoration(folder: Path) -> list[str]:
    """Two images, each of which takes a second or more."""
    text = f"""-m ddpg job restore --observations {RESULTS}/observations/{SR}/shard-0.safetensors
        --dataset tiny --image-size 64 --task sr_bicubic --operator svd --scale 4 --sigma-y 0.05
        --method ddpg --hyper-parameters steps=60 gamma=10 --prior dead-leaves --seed 0
        --threads 1 --device cpu --output {folder}/shard-0.safetensors --costs {folder}/shard-0.csv
        --pictures {folder}/shard-0.png --log {folder}/shard-0.log"""
    return [sys.executable, *shlex.split(text)]


def test_a_restoration_with_sigterm_keeps_what_is_finished(finished, tmp_path: Path) -> None:
    options = finished.process_options()
    options.pop("capture_output")
    out = tmp_path / "out"

    def kept() -> list[Path]:
        return [p for p in out.rglob("*.safetensors") if "partial" not in p.name]

    run = subprocess.Popen(slow_restoration(out), **options)
    wait_for(kept, run)
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=600) == 143
    assert [p.name for p in kept()] == ["a.safetensors"]  # it did not wait for the next
    assert not list(out.rglob("*.partial*"))
    assert "stopped by SIGTERM" in (out / "shard-0.log").read_text()
    options["env"] |= finished.starter.jobs
    subprocess.run(slow_restoration(out), check=True, **options)
    assert "1 of 2 images were finished before" in (out / "shard-0.log").read_text()
    assert read_ids(out / "shard-0.safetensors") == ["a", "b"]
    assert not list(out.rglob("*.partial*"))
    assert not list(out.rglob("*.state"))


# --- the disk -------------------------------------------------------------------------------------


class Disk:
    """A small file system in memory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, size: str) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        self._run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.place))

    def remount(self, *options: str) -> bool:
        command = ["mount", "-o", ",".join(("remount", *options)), str(self.place)]
        return subprocess.run(command, capture_output=True).returncode == 0

    def _run(self, *command: str) -> None:
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            pytest.skip(f"no file system can be mounted here: {result.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], capture_output=True)


@pytest.fixture
def disk(finished) -> Iterator[Disk]:
    """A small disk for the restorations of a study in which nothing is restored yet."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    unmeasured(finished)
    disk = Disk(finished.folder / RESULTS / "restorations")
    yield disk
    disk.unmount()


def test_a_full_disk(finished, finished_folder: Path, disk: Disk) -> None:
    disk.mount("160k")
    result = finished.snakemake("--keep-going", METRICS)
    assert result.returncode != 0
    assert "No space left on device" in words(result)
    assert not list(disk.place.rglob("*.partial*"))
    assert not (finished.folder / METRICS).exists()
    assert disk.remount("size=16m")
    again = finished.snakemake(METRICS)
    assert again.returncode == 0, words(again)
    assert_complete_and_equal(finished, finished_folder)


def test_results_that_become_read_only_in_mid_run(
    finished, finished_folder: Path, disk: Disk, tmp_path: Path
) -> None:
    disk.mount("16m")
    options = finished.process_options()
    options["env"] |= finished.starter.jobs
    options.pop("capture_output")
    with (tmp_path / "output.txt").open("w") as output:
        run = subprocess.Popen(finished.command(METRICS), stdout=output, stderr=output, **options)
        wait_for(lambda: list(disk.place.rglob("shard-*.safetensors")), run)
        wait_for(lambda: disk.remount("ro"), run)
        assert run.wait(timeout=900) != 0
    assert "Read-only file system" in (tmp_path / "output.txt").read_text()
    assert disk.remount("rw")
    finished.snakemake("--unlock")
    again = finished.snakemake(METRICS)
    assert again.returncode == 0, words(again)
    assert_complete_and_equal(finished, finished_folder)


def test_a_file_beyond_the_allowed_size_leaves_nothing(tmp_path: Path) -> None:
    # As a full disk or a quota, where nothing can be mounted.
    script = """
        import resource, sys, torch
        from pathlib import Path
        from ddpg.files.tensors import write_tensors
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_tensors({"a": torch.zeros(1000)}, Path(sys.argv[1]) / "s.safetensors")
        except OSError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "s.safetensors: cannot be written" in result.stdout
    assert list(tmp_path.iterdir()) == []


# --- two at once, and a clock that goes back ------------------------------------------------------


def test_two_snakemakes_on_one_folder(finished, finished_folder: Path, tmp_path: Path) -> None:
    unmeasured(finished)
    options = finished.process_options()
    options["env"] |= finished.starter.jobs
    options.pop("capture_output")
    with (tmp_path / "output.txt").open("w") as output:
        first = subprocess.Popen(finished.command(METRICS), stdout=output, stderr=output, **options)
        locks = finished.folder / ".snakemake/locks"
        wait_for(lambda: locks.is_dir() and list(locks.iterdir()), first)
        second = finished.snakemake(METRICS)
        assert second.returncode != 0
        assert "Directory cannot be locked" in words(second)
        assert first.wait(timeout=900) == 0, (tmp_path / "output.txt").read_text()
    assert_complete_and_equal(finished, finished_folder)


def test_a_clock_that_went_back_by_a_day(finished, finished_folder: Path) -> None:
    tomorrow = time.time() + 86_400
    for folder in ("pictures", "resources", "results"):
        for path in (finished.folder / folder).rglob("*"):
            os.utime(path, (tomorrow, tomorrow))
    assert finished.planned("--", METRICS) == {}
    for name in (f"restorations/{MOTION}/pinv", f"evaluations/{MOTION}/pinv"):
        shutil.rmtree(finished.folder / RESULTS / name)
    (finished.folder / METRICS).unlink()
    result = finished.snakemake(METRICS)
    assert result.returncode != 0
    # Snakemake itself refuses what is older than what it was made from, and names both.
    assert "has older modification time" in words(result)
    assert "clock" in words(result)
    assert not (finished.folder / METRICS).exists()
    for folder in ("pictures", "resources", "results"):
        for path in (finished.folder / folder).rglob("*"):
            path.touch()
    again = finished.snakemake(METRICS, "--verbose")
    assert again.returncode == 0, words(again)
    # What is newer than what was made from it, but has not changed, is no reason to run.
    assert again.stderr.count("Finished jobid") == 5
    assert_complete_and_equal(finished, finished_folder)


def test_the_restorations_are_what_was_meant(finished_folder: Path) -> None:
    """The files that these tests damage and compare do hold something."""
    tensors = read_tensors(finished_folder / RESTORED)
    assert sorted(tensors) == ["a", "b"]
    assert all(tensor.float().std() > 0.05 for tensor in tensors.values())
