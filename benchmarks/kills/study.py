"""A study in a folder of its own that can be killed and looked at; see `harness.py`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
RECORD = "DDPG_KILL_RECORD"
SERVER = "ddpg.warm.server"
KEPT = {".snakemake_timestamp"}
"""Hidden files that belong to Snakemake's folders."""

HEADER = "dataset\ttask\tsigma_y\tmethod\tsteps\tgamma\n"
SHEETS = {
    "small": [
        ("sr_bicubic", "0.05", "ddpg", "60", "10"),
        ("sr_bicubic", "0.05", "idpg", "40", "16"),
        ("sr_bicubic", "0.05", "pinv", "", ""),
        ("motion_deblur", "0.05", "ddpg", "60", "5"),
        ("motion_deblur", "0.05", "pinv", "", ""),
    ],
    "shards": [  # hardly anything but restorations, so that most kills hit one
        ("sr_bicubic", "0.05", "ddpg", "300", "10"),
        ("sr_bicubic", "0.05", "idpg", "300", "16"),
    ],
    "smallest": [("sr_bicubic", "0.05", "ddpg", "120", "10")],
}
LIMITS = {"small": 6, "shards": 6, "smallest": 2}


@dataclass
class Study:
    """A checkout of the workflow with a study, and the runs of Snakemake on it.

    Attributes:
        folder: where it lies; laid out by :func:`lay_out`.
        targets: what Snakemake is asked for; everything if empty.
    """

    folder: Path
    targets: tuple[str, ...] = ()
    cores: int = 2
    run: subprocess.Popen[bytes] | None = None
    finished: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        """What `kill_recorder.py` writes."""
        return self.folder / "record.tsv"

    @property
    def output(self) -> Path:
        """What all runs of Snakemake have printed."""
        return self.folder / "snakemake.txt"

    def start(self) -> None:
        """Start Snakemake, after removing the lock of one that was killed."""
        if any((self.folder / ".snakemake/locks").glob("*")):
            subprocess.run(  # noqa: S603
                self._command("--unlock"), check=True, capture_output=True, **self._place()
            )
        with self.output.open("ab") as output:
            self.run = subprocess.Popen(  # noqa: S603
                self._command(*self.targets),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._place(),
            )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", str(self.cores), *arguments]

    def _place(self) -> dict:
        paths = [str(self.folder / "recorder"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {
            "SOURCE_DATE_EPOCH": "0",  # the date in the record
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            # One for all: tables tell why LPIPS is empty, and the reason names this folder.
            "DDPG_BACKBONES": str(self.folder.parent / "none"),
            RECORD: str(self.record),
            "DDPG_TERMINAL": "snakemake",  # see `reported_outputs`
        }
        return {"cwd": self.folder, "env": {**os.environ, **environment}}

    def processes(self) -> list[psutil.Process]:
        """Every process of this study, also of runs that were killed."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(RECORD) == str(self.record)
        except (psutil.Error, OSError):
            return False

    def jobs(self) -> list[psutil.Process]:
        """The running `ddpg` commands."""
        return [p for p in self.processes() if verb_of(p)]

    def servers(self) -> list[psutil.Process]:
        """The process that has everything imported, and its copies that do the work of jobs."""
        return [p for p in self.processes() if SERVER in command_of(p)]

    def part_of(self, server: psutil.Process) -> str:
        """Which of the servers one is, in words."""
        return "a copy" if server.parent() in self.servers() else "itself"

    def kill(self, processes: list[psutil.Process]) -> None:
        """SIGKILL to some processes, without a pause between them."""
        for process in processes:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=10)

    def wait_for_orphans(self, seconds: float) -> None:
        """Wait until no process of the study is left."""
        psutil.wait_procs(self.processes(), timeout=seconds)

    # --- what can be seen in its files ------------------------------------------------------------

    def note_finished(self) -> list[str]:
        """Note all products that Snakemake has reported as finished; gives those made again."""
        again = [path for path, seen in self.finished.items() if self._identity(path) != seen]
        for path in reported_outputs(self.output.read_text(errors="replace")):
            if (self.folder / path).is_file():
                self.finished[path] = self._identity(path)
        return again

    def _identity(self, path: str) -> tuple[int, int]:
        try:
            status = (self.folder / path).stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns

    def kept_images(self) -> int:
        """Images in the state folders of shards that are not complete."""
        return len(list((self.folder / "results").rglob(".*.state/*.safetensors")))

    def batches(self) -> Counter[str]:
        """What the record says: images begun, kept, begun again, kept again, and begun again
        beyond one batch of a process."""
        counts: Counter[str] = Counter()
        seen: dict[str, set[tuple[str, str]]] = {"begun": set(), "kept": set()}
        repeats: Counter[tuple[str, str]] = Counter()
        for line in self._recorded():
            process, event, output, *images = line.split("\t")
            batch = {(output, image) for image in images}
            if batch & seen[event]:
                counts[f"{event} again"] += 1
                repeats[process, output] += event == "begun"
            seen[event] |= batch
            counts[event] += len(images)
        counts["beyond one batch"] = sum(count - 1 for count in repeats.values())
        return counts

    def _recorded(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []

    def strays(self) -> list[str]:
        """Temporary files, locks and state folders that are left."""
        hidden = [p for p in self.products(hidden=True) if p.name not in KEPT]
        own = [
            p
            for name in ("locks", "incomplete")
            for p in (self.folder / ".snakemake" / name).rglob("*")
        ]
        return [str(p.relative_to(self.folder)) for p in (*hidden, *own) if p.exists()]

    def products(self, hidden: bool = False) -> Iterator[Path]:
        """The files under results and resources but logs and benchmarks; or what is hidden."""
        for top in ("results", "resources"):
            for path in sorted((self.folder / top).rglob("*")):
                parts = path.relative_to(self.folder).parts
                if {"logs", "benchmarks"} & set(parts[1:3]):
                    continue
                if hidden and path.name.startswith("."):
                    yield path
                if not hidden and path.is_file() and not path.name.startswith("."):
                    yield path

    def differences(self, other: Study) -> list[str]:
        """The products that are not equal, byte for byte, in two studies."""
        ours, theirs = (
            {str(p.relative_to(s.folder)): p.read_bytes() for p in s.products()}
            for s in (self, other)
        )
        names = sorted({*ours, *theirs})
        return [name for name in names if ours.get(name) != theirs.get(name)]


def lay_out(folder: Path, name: str) -> None:
    """Copy the workflow into a new folder, with a small study or its own default one.

    Args:
        folder: must not exist.
        name: a key of :data:`SHEETS`, or "demo".
    """
    folder.mkdir(parents=True)
    for part in ("rules", "profiles", "config", "report"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "recorder").mkdir()
    shutil.copy(ROOT / "benchmarks/kills/recorder.py", folder / "recorder/sitecustomize.py")
    if name == "demo":
        return
    entry = {"card": "skimage-photos", "prior": "dead-leaves", "image_size": 64}
    content = {
        "name": name,
        "experiments": "config/experiments.tsv",
        "datasets": [{**entry, "limit": LIMITS[name]}],
        "shard_size": 3,
        "metrics": ["psnr", "ssim"],
        "motion_kernel": {"size": 31},
    }
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content))
    lines = ("\t".join(("skimage-photos", *row)) + "\n" for row in SHEETS[name])
    (folder / "config/experiments.tsv").write_text(HEADER + "".join(lines))


def verb_of(process: psutil.Process) -> str:
    """What a running `ddpg` command does and to what; empty for other processes."""
    command = command_of(process)
    if len(command) < 3 or Path(command[1]).name != "ddpg":
        return ""
    output = command[command.index("--log") + 1] if "--log" in command else ""
    target = output.partition("/logs/")[2].removesuffix(".log").partition("/")[2]
    verb = command[3] if command[2] == "job" and len(command) > 3 else command[2]
    return f"{verb} {target}".strip()


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a process; empty if it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def reported_outputs(text: str) -> set[str]:
    """The outputs of the jobs that Snakemake, in what it printed, calls finished."""
    outputs: set[str] = set()
    for run in re.split(r"^Building DAG of jobs", text, flags=re.MULTILINE):
        by_job = {
            found[2]: found[1].split(", ")
            for found in re.finditer(
                r"^    output: (.*?)\n(?:    .*\n)*?    jobid: (\d+)$", run, re.M
            )
        }
        for job in re.findall(r"^Finished jobid: (\d+) ", run, re.MULTILINE):
            outputs.update(by_job.get(job, ()))
    return outputs
