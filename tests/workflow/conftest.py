"""A tiny study in a folder of its own, run by Snakemake for real."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

from ddpg import cli
from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS
from ddpg.workflow import remaking, why

ROOT = Path(__file__).parent.parent.parent

HEADER = ("dataset", "task", "sigma_y", "method", "label", "steps", "gamma", "operator")
ROWS = [
    ("tiny", "sr_bicubic", "0.05", "ddpg", "", "2", "10", ""),
    ("tiny", "sr_bicubic", "0.05", "ddpg", "ddpg-3", "3", "10", ""),
    ("tiny", "sr_bicubic", "0.05", "pinv", "", "", "", ""),
    ("tiny", "motion_deblur", "0.05", "pinv", "", "", "", ""),
]


class Starter:
    """Runs Snakemake in copies of a process that has imported it; see ``starter.py``."""

    def __init__(self, jobs: Mapping[str, str]) -> None:
        """Begin to import.

        Args:
            jobs: what the environment of each run says of where the work of its jobs is done.
        """
        script = Path(__file__).with_name("starter.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.jobs = jobs

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """What ``python -m snakemake`` with the arguments does in a folder."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with tempfile.TemporaryDirectory() as printed:
            output, errors = Path(printed, "output"), Path(printed, "errors")
            request = {"arguments": command[3:], "folder": str(folder)}
            request |= {"environment": {**environment, **self.jobs}}
            request |= {"output": str(output), "errors": str(errors)}
            for file in (output, errors):
                file.touch()
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            status = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(
                command, status, output.read_text(), errors.read_text()
            )

    def end(self) -> None:
        """Wait until the process has ended."""
        self.process.communicate()


@dataclass
class Project:
    """A checkout of the workflow with a study of its own.

    Attributes:
        folder: where it lies.
        starter: what runs Snakemake there; a new interpreter each time if None.
    """

    folder: Path
    starter: Starter | None = None

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder."""
        command, options = self.command(*arguments), self.process_options()
        if self.starter is None:
            return subprocess.run(command, **options)
        return self.starter.run(command, self.folder, options["env"])

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]

    def process_options(self) -> dict:
        environment = {**os.environ, "DDPG_BACKBONES": str(self.folder / "none")}
        return {"cwd": self.folder, "env": environment, "capture_output": True, "text": True}

    def planned(self, *arguments: str) -> dict[str, int]:
        """The number of jobs of each rule that a run would execute."""
        result = self.snakemake("--dry-run", "--quiet", "rules", *arguments)
        assert result.returncode == 0, result.stderr + result.stdout
        counts = re.findall(r"^(\w+) +(\d+)$", result.stderr + result.stdout, re.MULTILINE)
        return {rule: int(count) for rule, count in counts if rule not in ("total", "all")}

    def write_sheet(self, rows: list[tuple[str, ...]]) -> None:
        lines = ["\t".join(row) for row in [HEADER, *rows]]
        (self.folder / "config/experiments.tsv").write_text("\n".join(lines) + "\n")

    def configure(self, **changes: object) -> None:
        path = self.folder / "config/config.yaml"
        content = yaml.safe_load(path.read_text()) | changes
        path.write_text(yaml.safe_dump(content))

    def write_card(self, names: list[str]) -> None:
        images = [{"id": name, "file": f"{name}.png"} for name in names]
        card = {"name": "tiny", "source": {"folder": "pictures"}, "images": images}
        path = self.folder / "config/cards/datasets/tiny.yaml"
        path.write_text(yaml.safe_dump(card))

    def draw_picture(self, name: str, seed: int) -> None:
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        (self.folder / "pictures").mkdir(exist_ok=True)
        Image.fromarray(coarse).resize((48, 64)).save(self.folder / f"pictures/{name}.png")


Verb = Callable[..., subprocess.CompletedProcess[str]]
"""``verb(project, "why", "results/x.csv")``"""
WORKFLOW = ("Snakefile", "rules", "profiles", "report", "config")


def copy_workflow(folder: Path, *names: str) -> None:
    """Copy the workflow, or the named parts of it, to a folder of its own."""
    for name in names or WORKFLOW:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)


def make_project(folder: Path) -> Project:
    """Lay out a tiny study: three pictures in shards of two, four experiments."""
    copy_workflow(folder, "Snakefile", "rules", "profiles", "report")
    (folder / "config/cards/datasets").mkdir(parents=True)
    project = Project(folder)
    content = {
        "name": "tiny",
        "experiments": "config/experiments.tsv",
        "datasets": [{"card": "tiny", "image_size": 64}],
        "shard_size": 2,
        "metrics": ["psnr", "ssim"],
        "motion_kernel": {"size": 15},
    }
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content))
    for seed, name in enumerate(["a", "b", "c"]):
        project.draw_picture(name, seed)
    project.write_card(["a", "b", "c"])
    project.write_sheet(ROWS)
    return project


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """Runs Snakemake, and its jobs, without the start of Python; ended with the session.

    Where a test is about how jobs are started, or kills processes, it takes ``Project.command``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, "")
        server = starting.start(str(Path(__file__).with_name("server.py")))
        started = Starter({ADDRESS: os.environ[ADDRESS], starting.SWITCH: "0"})
    yield started
    started.end()
    server.kill()
    server.wait()


@pytest.fixture
def verb(starter: Starter, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Verb:
    """Runs ``ddpg`` in this process, in a project, and its Snakemake by the starter."""

    def snakemake(command: list[str], env: Any = None, **_: Any) -> Any:
        assert command[:3] == [sys.executable, "-m", "snakemake"]
        return starter.run(command, Path.cwd(), env or os.environ)

    def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(project.folder)
            patch.setattr(why.subprocess, "run", snakemake)
            patch.setattr(remaking.subprocess, "run", snakemake)
            for name, value in project.process_options()["env"].items():
                patch.setenv(name, value)
            status = cli.main(list(arguments))
        return subprocess.CompletedProcess(list(arguments), status, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, starter: Starter) -> Project:
    """The workflow with the configuration that it comes with."""
    folder = tmp_path_factory.mktemp("shipped")
    copy_workflow(folder)
    return Project(folder, starter)


@pytest.fixture
def fresh(tmp_path: Path, starter: Starter) -> Project:
    """A study that has not run."""
    return dataclasses.replace(make_project(tmp_path), starter=starter)


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that has run, as people start it; tests work on copies.

    The processes of pytest-xdist share it: the first makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, complete = shared / "finished", shared / "finished.complete"
    with FileLock(shared / "finished.lock"):
        if not complete.exists():
            folder.mkdir()
            result = make_project(folder).snakemake()
            assert result.returncode == 0, result.stdout + result.stderr
            complete.touch()
    return folder


@pytest.fixture
def finished(finished_folder: Path, tmp_path: Path, starter: Starter) -> Project:
    """A copy of a study that has run."""
    # Times are kept: Snakemake compares them. Its records name files relative to the folder.
    shutil.copytree(finished_folder, tmp_path / "study", copy_function=shutil.copy2)
    return Project(tmp_path / "study", starter)
