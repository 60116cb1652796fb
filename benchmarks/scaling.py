"""How the workflow scales: parse time, planning time and memory, and jobs per second.

    python benchmarks/scaling.py --output docs/scaling.md

Studies are made up in a temporary folder: the published one at full size, and ones of up to 20,000
shards. Planning needs no data. For jobs per second the commands of the rules are replaced by a
script that makes empty files, so that what is measured is Snakemake and the start of a shell.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
SYNTHETIC = (1_000, 5_000, 20_000)
ROWS = 20

STUB = """#!/bin/bash
# Makes what a job should make, empty.
while [ $# -gt 0 ]; do
    case "$1" in
        --output | --costs) mkdir -p "$(dirname "$2")"; : > "$2" ;;
        --pictures) mkdir -p "$2" ;;
        --log) mkdir -p "$(dirname "$2")"; : > "$2" ;;
    esac
    shift
done
"""


@dataclass(frozen=True)
class Measured:
    """A run of Snakemake.

    Attributes:
        seconds: on the clock.
        processor: seconds of processor time, of its children too.
        memory: peak of the resident memory, in MiB.
        jobs: how many were planned or run.
        planning: seconds of processor time from "Building DAG of jobs" to the list of jobs.
        running: seconds on the clock after that.
    """

    seconds: float
    processor: float
    memory: float
    jobs: int
    planning: float
    running: float


def snakemake(folder: Path, *arguments: str) -> Measured:
    """Run Snakemake and measure it."""
    command = [sys.executable, "-m", "snakemake", "--nolock", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None  # noqa: S101
    begun = planned = 0.0
    listed = started
    jobs, text = 0, []
    for line in process.stdout:
        text.append(line)
        if line.startswith("Building DAG"):
            begun = processor_time(process.pid)
        elif line.startswith("Job stats") and listed == started:
            listed, planned = time.perf_counter(), processor_time(process.pid)
        elif total := re.match(r"total +(\d+)", line):
            jobs = int(total[1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("".join(text[-30:]))
    now = time.perf_counter()
    processor = usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss / 1024
    return Measured(now - started, processor, memory, jobs, planned - begun, now - listed)


def processor_time(process: int) -> float:
    """Seconds that a process has computed for so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def workflow() -> Iterator[Path]:
    """A copy of the workflow in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("Snakefile", "rules", "config", "profiles", "report"):
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)
        yield folder


def synthetic(folder: Path, shards: int) -> tuple[str, ...]:
    """Make up a study of 20 rows in two cells, with shards of one image; give its options."""
    images = shards // ROWS
    (folder / "pictures").mkdir(exist_ok=True)
    card = f"name: many\nsource: {{folder: pictures}}\nimages: {{count: {images}}}\n"
    (folder / "config/cards/datasets/many.yaml").write_text(card)
    rows = ["dataset\ttask\tsigma_y\tmethod\tlabel"]
    for task in ("deblur_gauss", "sr_bicubic"):
        rows += [f"many\t{task}\t0.05\tpinv\tpinv-{k}" for k in range(ROWS // 2)]
    (folder / "config/many.tsv").write_text("\n".join(rows) + "\n")
    config = (
        "name: many\nexperiments: config/many.tsv\nshard_size: 1\nmetrics: [psnr]\n"
        "datasets:\n  - {card: many, image_size: 64}\n"
    )
    (folder / "config/many.yaml").write_text(config)
    return ("--configfile", "config/many.yaml")


def plan(folder: Path, *options: str) -> Measured:
    """Time a dry run."""
    return snakemake(folder, "--dry-run", "--cores", "2", "--quiet", "rules", *options)


def stub_rules(folder: Path) -> None:
    """Let every job make empty files."""
    stub = folder / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    for rules in (folder / "rules").glob("*.smk"):
        rules.write_text(re.sub(r'"ddpg (?=[a-z])', '"./stub ', rules.read_text()))


def run(shards: int, cores: int) -> Measured:
    """Time a run in which restorations cost nothing; up to the restorations."""
    with workflow() as folder:
        options = synthetic(folder, shards)
        stub_rules(folder)
        goals = ["--until", "restore", "--quiet", "rules", *options]
        return snakemake(folder, "--cores", str(cores), *goals)


def parsing() -> tuple[Measured, Measured]:
    """Reading the Snakefile with the published study, and the start of Snakemake alone."""
    with workflow() as folder:
        listed = snakemake(folder, "--list-rules", "--configfile", "config/paper.yaml")
        (folder / "Empty").write_text("rule all:\n    input: []\n")
        nothing = snakemake(folder, "--list-rules", "--snakefile", "Empty")
    return listed, nothing


def machine() -> str:
    """The machine and the versions, in a line."""
    info = Path("/proc/cpuinfo")
    cpus = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"model name\s*: (.*)", cpus)
    load = os.getloadavg()[0]
    return (
        f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}, Snakemake {version('snakemake')}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


HEADER = """# Scaling

Made by `python benchmarks/scaling.py --output docs/scaling.md` on: {machine}.

Times are processor time unless they are said to be the clock's: others use the machine, too.

## Reading the Snakefile

With the published study, `snakemake --list-rules` takes {total:.2f} s ({clock:.2f} s on the clock),
of which {start:.2f} s are Snakemake's own start (the same with an empty Snakefile): the workflow's
part is {own:.2f} s. Every cluster job pays it once.

## Planning

`snakemake --dry-run` on studies of which nothing is there yet. "Planning" is what Snakemake calls
building the DAG; the rest of a dry run is start and printing.

{planning}

{slope}

Nearly all of it is Snakemake's own: in a profile of the published study, the functions of this
workflow take {share:.0%} of the time of planning. They cost little because fingerprints of code and
the files of priors are computed once per study, and because no job's input or spec depends on how
many jobs there are.

## Running

Restorations that only make empty files, with the profile that comes with the workflow (the greedy
scheduler on at most 1000 ready jobs at a time):

{running}
"""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def planning_row(name: str, found: Measured) -> list[str]:
    return [
        name,
        f"{found.jobs:,}",
        f"{found.planning:.1f} s",
        f"{1000 * found.planning / max(1, found.jobs):.2f} ms",
        f"{found.processor:.1f} s",
        f"{found.seconds:.1f} s",
        f"{found.memory:.0f} MiB",
    ]


PROFILE = """
import cProfile, pstats, sys
import snakemake.cli
sys.argv = ["snakemake", *sys.argv[1:]]
profile = cProfile.Profile()
try:
    profile.runcall(snakemake.cli.main)
except SystemExit:
    pass
stats = pstats.Stats(profile).stats
def below(names):
    return sum(row[3] for (file, _, name), row in stats.items() if name in names and "smk" in file)
names = {name for (file, _, name) in stats if file.endswith(".smk") and name != "<module>"}
inner = {"prior_part", "dataset_of", "shards", "local"}
whole = sum(row[3] for (file, _, name), row in stats.items() if name == "_build_dag")
print("share", below(names - inner) / whole)
"""


def own_share() -> float:
    """The part of planning the published study that the workflow's own functions take."""
    with workflow() as folder:
        options = [
            "--dry-run",
            "--cores",
            "1",
            "--quiet",
            "all",
            "--configfile",
            "config/paper.yaml",
        ]
        command = [sys.executable, "-c", PROFILE, *options]
        result = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, check=True
        )
    return float(re.findall(r"^share ([\d.e-]+)$", result.stdout, re.MULTILINE)[-1])


def report(sizes: Sequence[int], run_shards: int) -> str:
    """Measure everything."""
    total, start = parsing()
    rows, linear = [], []
    with workflow() as folder:
        found = plan(folder, "--configfile", "config/paper.yaml")
    rows.append(planning_row("published: 32 runs x 1000 pictures, shards of 20", found))
    for size in sizes:
        with workflow() as folder:
            found = plan(folder, *synthetic(folder, size))
        rows.append(planning_row(f"made up: {size:,} shards", found))
        linear.append(found)
    names = ("study", "jobs", "planning", "per job", "dry run", "on the clock", "memory")
    running = []
    for cores in (1, 2, 8):
        found = run(run_shards, cores)
        speed = f"{found.jobs / found.running:.0f}"
        running.append([str(cores), f"{found.jobs:,}", f"{found.running:.1f} s", speed])
    return HEADER.format(
        machine=machine(),
        total=total.processor,
        clock=total.seconds,
        start=start.processor,
        own=total.processor - start.processor,
        planning=table(names, rows),
        slope=slope(linear),
        share=own_share(),
        running=table(("cores", "jobs", "on the clock", "jobs/s"), running),
    )


def slope(found: Sequence[Measured]) -> str:
    """Whether the cost is linear, in words."""
    if len(found) < 2:
        return ""
    costs = [1000 * (b.processor - a.processor) / (b.jobs - a.jobs) for a, b in pairwise(found)]
    return (
        "A further job costs, of the whole dry run's processor time, "
        f"{', then '.join(f'{cost:.2f} ms' for cost in costs)} from one size to the next."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="Markdown file; default: the terminal")
    parser.add_argument("--sizes", type=int, nargs="+", default=SYNTHETIC, help="in shards")
    parser.add_argument("--run-shards", type=int, default=1000, help="of the runs")
    options = parser.parse_args()
    text = report(options.sizes, options.run_shards)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
