"""A small study on a real SLURM, started for these tests; skipped where SLURM is not installed."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psutil
import pytest
import yaml
from safetensors.numpy import load_file

from ddpg.machine.terminal import SWITCH
from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS, address

ROOT = Path(__file__).parent.parent.parent
WORKFLOW_TESTS = ROOT / "tests/workflow"
CELL = "skimage-photos/sr_bicubic-x4-svd/0.05"
SHEET = """\
dataset	task	sigma_y	method	steps	gamma
skimage-photos	sr_bicubic	0.05	ddpg	50	10
skimage-photos	sr_bicubic	0.05	pinv
skimage-photos	sr_bicubic	0.05	bicubic
"""
PATIENCE = 900
"""Seconds for one run of Snakemake; ten times what two idle cores take."""
SNAKEMAKE = [sys.executable, str(Path(__file__).with_name("impatient.py"))]

# Laid over the profile: this cluster has no accounting, and its files are seen at once.
OVERRIDES = (
    "--slurm-status-command=squeue",
    "--slurm-no-account",
    "--slurm-init-seconds-before-status-checks=1",
    "--latency-wait=5",
)


def _load(name: str) -> ModuleType:
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"slurm_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


slurm = _load("cluster")


@pytest.fixture(scope="session")
def cluster() -> Iterator:
    """A SLURM cluster of two nodes with a GPU each, for the whole session."""
    missing = slurm.missing_programs()
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)} (apt: slurm-wlm munge)")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        started = slurm.Cluster(Path(folder).resolve() / "cluster")
        started.start()
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What tells jobs of processes that have imported everything, whose copies do their work."""
    python = tmp_path_factory.mktemp("python") / "python"
    name = f"ddpg-tests-{secrets.token_hex(8)}"
    call = shlex.join([sys.executable, str(WORKFLOW_TESTS / "caller.py"), name])
    python.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address(name))
        listening.listen(64)
        number = listening.fileno()
        starter = subprocess.Popen(
            [sys.executable, str(WORKFLOW_TESTS / "starter.py"), str(number)], pass_fds=[number]
        )
        patch.setenv(ADDRESS, "")
        server = starting.start(str(WORKFLOW_TESTS / "server.py"))
        told = {"DDPG_TESTS_PYTHON": str(python), ADDRESS: os.environ[ADDRESS]}
    yield told
    for process in (starter, server):
        process.kill()
        process.wait()


@pytest.fixture
def warm(copies: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What jobs start is done by copies of processes that have imported everything.

    A job on SLURM starts Python three times: Snakemake, one of its own for the step, the command.
    Where a test is not about the processes in its jobs, and kills none, it saves all of these.
    """
    for name, value in copies.items():
        monkeypatch.setenv(name, value)


@dataclass
class Study:
    """A checkout of the workflow with the small study, and the cluster that it may run on."""

    folder: Path
    cluster: object

    def local(self, *arguments: str) -> str:
        """Run Snakemake here; gives what it printed."""
        return self._finished(["--cores", "2", *arguments])

    def submit(self, *arguments: str) -> str:
        """Run Snakemake through the profile; gives what it printed."""
        return self._finished(self._profile(*arguments))

    def submit_from_a_job(self, *arguments: str, variables: dict[str, str]) -> None:
        """Run Snakemake through the profile inside a job, as on sites without long login nodes."""
        command = shlex.join([*SNAKEMAKE, *self._profile(*arguments)])
        result = subprocess.run(
            ["sbatch", "--wait", "--partition=processors", "--time=60", f"--wrap={command}"],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        logs = "".join(path.read_text() for path in self.folder.glob("slurm-*.out"))
        assert result.returncode == 0, f"{result.stderr}\n{logs}\n{self.cluster.describe()}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake through the profile, in a process group of its own."""
        output = (self.folder / "snakemake.txt").open("a")
        return subprocess.Popen(
            [*SNAKEMAKE, *self._profile(*arguments)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )

    def finish(self, run: subprocess.Popen[str], seconds: float = PATIENCE) -> str:
        """Wait for a run that was started; gives what it printed."""
        try:
            code = run.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            code = run.wait()
        output = (self.folder / "snakemake.txt").read_text()
        assert code == 0, f"exit status {code}\n{output}\n{self.cluster.describe()}"
        return output

    def _profile(self, *arguments: str) -> list[str]:
        return ["--profile", "profiles/slurm", *OVERRIDES, *arguments]

    def _finished(self, arguments: list[str]) -> str:
        result = subprocess.run(
            [*SNAKEMAKE, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        output = result.stdout + result.stderr
        assert result.returncode == 0, f"{output}\n{self.cluster.describe()}"
        return output

    @property
    def environment(self) -> dict[str, str]:
        backbones = {"DDPG_BACKBONES": str(self.folder / "none")}
        # Its own words are read in these tests.
        own = {SWITCH: "snakemake"}
        return {**os.environ, **self.cluster.environment, **backbones, **own}

    def restoration(self, shard: int, method: str = "ddpg") -> str:
        """The path of a shard's restorations."""
        folder = f"results/small/restorations/{CELL}/{method}"
        prior = "/dead-leaves" if method == "ddpg" else ""
        return f"{folder}{prior}/shard-{shard}.safetensors"

    def forget(self, *shards: int, method: str = "ddpg") -> list[str]:
        """Remove the restorations of shards; gives their paths."""
        paths = [self.restoration(shard, method) for shard in shards]
        for path in paths:
            (self.folder / path).unlink()
        return paths

    def log(self, shard: int) -> str:
        """The log of a restoration; empty while there is none: Snakemake removes it first."""
        path = self.folder / f"results/small/logs/restore/{CELL}/ddpg/dead-leaves/shard-{shard}.log"
        try:
            return path.read_text()
        except FileNotFoundError:
            return ""

    def finished_images(self, shard: int) -> int:
        """How many images of a shard are kept by a restoration that goes on."""
        states = (self.folder / self.restoration(shard)).parent.glob(f".shard-{shard}.*.state")
        return sum(len(list(state.glob("*.safetensors"))) for state in states)

    def when_restoring(
        self, run: subprocess.Popen[str], actions: dict[int, Callable[[psutil.Process], object]]
    ) -> None:
        """Do something to the processes that restore shards, once each has finished an image."""
        waiting = dict(actions)
        deadline = time.monotonic() + PATIENCE / 2
        while waiting:
            assert run.poll() is None, f"the run ended before shards {list(waiting)} were seen"
            assert time.monotonic() < deadline, f"shards {list(waiting)} were not seen"
            for shard in [shard for shard in waiting if self.finished_images(shard) > 0]:
                waiting.pop(shard)(self._restorer(shard))
            time.sleep(0.05)

    def _restorer(self, shard: int) -> psutil.Process:
        """The process that restores a shard."""
        output = self.restoration(shard)
        for process, _ in self.cluster.children_of_jobs():
            command = process.cmdline()
            if "restore" in command and output in command and "python" in command[0]:
                return process
        raise AssertionError(f"shard {shard} is not being restored")

    def assert_equal(self, other: Study, *shards: int, method: str = "ddpg") -> None:
        """Compare the restorations of shards with those of another run, bit by bit."""
        for shard in shards:
            path = self.restoration(shard, method)
            ours, theirs = load_file(self.folder / path), load_file(other.folder / path)
            assert {k: v.tobytes() for k, v in ours.items()} == {
                k: v.tobytes() for k, v in theirs.items()
            }, path
            assert self.finished_images(shard) == 0, "a state folder remains"


def make_study(folder: Path, cluster: object, **config: object) -> Study:
    """Lay out the small study: one cell, three methods, pictures in shards of two."""
    for name in ("Snakefile", "rules", "profiles", "config"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    content = {
        "name": "small",
        "experiments": "config/experiments.tsv",
        "datasets": [{"card": "skimage-photos", "prior": "dead-leaves", "image_size": 64}],
        "shard_size": 2,
        "metrics": ["psnr", "ssim"],
    }
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content | config))
    (folder / "config/experiments.tsv").write_text(SHEET)
    return Study(folder, cluster)


@pytest.fixture
def make_small(cluster) -> Callable[..., Study]:
    """Lay out the study with the first pictures only: ``make_small(folder, limit=2)``."""

    def make(folder: Path, limit: int) -> Study:
        entry = {"card": "skimage-photos", "prior": "dead-leaves", "image_size": 64}
        return make_study(folder, cluster, datasets=[{**entry, "limit": limit}])

    return make


@pytest.fixture(scope="session")
def undisturbed(cluster, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """What the tests compare with, made on this machine without a cluster."""
    study = make_study(tmp_path_factory.mktemp("undisturbed"), cluster)
    rows = ("ddpg/dead-leaves", "pinv", "bicubic")
    first = [f"results/small/evaluations/{CELL}/{row}/shard-0.csv" for row in rows]
    study.local(*first, *(study.restoration(shard) for shard in (1, 2)))
    return study


@pytest.fixture
def study(undisturbed: Study, tmp_path: Path) -> Study:
    """A copy of the study that has run."""
    shutil.copytree(undisturbed.folder, tmp_path / "study", copy_function=shutil.copy2)
    return Study(tmp_path / "study", undisturbed.cluster)
