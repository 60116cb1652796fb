"""Runs of Snakemake, measured: dry ones, real ones of jobs that cost nothing, and sampled ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies import stub_rules, workflow

Study = Callable[..., tuple[str, ...]]
"""Writes a study of a size into a folder, and gives Snakemake's options for it."""

PARSES = 5
"""How often the Snakefile is read; the best counts, as it does of the dry runs."""

SAMPLER = """
import collections, signal, sys, time
import snakemake.cli
GROUPS = {groups!r}
counts = collections.Counter()
def sample(number, frame):
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if file.endswith(".smk") and name != "<module>":
            counts["own"] += 1
            return
        if name in GROUPS and "snakemake" in file:
            counts[GROUPS[name]] += 1
            return
        frame = frame.f_back
    counts["start"] += 1
sys.argv = ["snakemake", *sys.argv[1:]]
signal.signal(signal.SIGPROF, sample)
signal.setitimer(signal.ITIMER_PROF, 0.004, 0.004)
try:
    snakemake.cli.main()
except SystemExit:
    pass
signal.setitimer(signal.ITIMER_PROF, 0)
spent = time.process_time()
for group, count in counts.items():
    print("sampled", group, spent * count / counts.total())
"""

GROUPS = {
    "own": "functions of this workflow",
    "signature": "signatures of functions, to see what they take",
    "command": "shell commands, formatted three times each",
    "log": "what a job says when it is listed",
    "resources": "resources",
    "params": "params",
    "input": "names of input files",
    "output": "names of outputs, logs and benchmarks",
    "producer": "which rule makes a file",
    "needed": "which jobs must run",
    "graph": "the rest of the graph of jobs",
    "other": "the rest of the dry run",
    "start": "start of Python and Snakemake, and the Snakefile",
}
"""What a dry run does, in the order of the table; a sample counts for the innermost of them."""

FUNCTIONS = {
    "get_function_params": "signature",
    "format_wildcards": "command",
    "log_info": "log",
    "expand_resources": "resources",
    "expand_params": "params",
    "expand_input": "input",
    "expand_output": "output",
    "expand_log": "output",
    "expand_benchmark": "output",
    "match_producers": "producer",
    "get_wildcards": "producer",
    "update_needrun": "needed",
    "_build_dag": "graph",
    "execute_workflow": "other",
}
"""Snakemake's functions by what they are for."""


@dataclass(frozen=True)
class Measured:
    """A run of Snakemake."""

    seconds: float
    """On the clock."""
    processor: float
    """Seconds of processor time, of its children too."""
    memory: float
    """Peak of the resident memory, in MiB."""
    jobs: int
    """How many were planned or run."""
    planning: float
    """Seconds of processor time from "Building DAG of jobs" to the list of jobs, or to the end
    where there is nothing to do."""
    running: float
    """Seconds on the clock after that."""


def snakemake(folder: Path, *arguments: str) -> Measured:
    """Run Snakemake and measure it."""
    command = [sys.executable, "-m", "snakemake", "--nolock", *arguments]
    # Jobs that start by themselves: nothing else runs beside what is measured.
    environment = os.environ | {"DDPG_WARM_START": "0"}
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101
    begun, planned, listed = 0.0, None, started
    jobs, text = 0, []
    for line in process.stdout:
        text.append(line)
        if line.startswith("Building DAG"):
            begun = processor_time(process.pid)
        elif line.startswith("Job stats") and planned is None:
            listed, planned = time.perf_counter(), processor_time(process.pid)
        elif total := re.match(r"total +(\d+)", line):
            jobs = int(total[1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("".join(text[-30:]))
    now = time.perf_counter()
    processor = usage.ru_utime + usage.ru_stime
    planning = (processor if planned is None else planned) - begun
    return Measured(now - started, processor, usage.ru_maxrss / 1024, jobs, planning, now - listed)


def processor_time(process: int) -> float:
    """Seconds that a process has computed for so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def least(runs: Sequence[Measured]) -> Measured:
    """The run that the rest of the machine disturbed least."""
    return min(runs, key=lambda run: run.processor)


def plan(folder: Path, *options: str) -> Measured:
    """Time a dry run."""
    return snakemake(folder, "--dry-run", "--cores", "2", "--quiet", "rules", *options)


def planned(study: Study, *size: int) -> Measured:
    """Time dry runs of a study, or of its floor, of which nothing is there; take the best."""
    with workflow() as folder:
        options = study(folder, *size)
        once = bool(size) and size[0] > 10_000
        return least([plan(folder, *options) for _ in range(1 if once else 2)])


@dataclass(frozen=True)
class Finished:
    """A study run with stubs, then planned again."""

    run: Measured
    again: Measured
    """A dry run when all is there and up to date."""
    times_only: Measured
    """The same with ``--rerun-triggers mtime``."""


def finished(study: Study, shards: int) -> Finished:
    """Run a study, or its floor, in which jobs cost nothing, and plan it again."""
    with workflow() as folder:
        options = study(folder, shards)
        stub_rules(folder)
        run = snakemake(folder, "--cores", "2", "--quiet", "rules", *options)
        again = least([plan(folder, *options) for _ in range(2)])
        triggers = ("--rerun-triggers", "mtime")
        return Finished(run, again, least([plan(folder, *triggers, *options) for _ in range(2)]))


def parsing() -> tuple[Measured, Measured]:
    """Reading the Snakefile with the published study, and the start of Snakemake alone."""
    with workflow() as folder:
        options = ("--list-rules", "--configfile", "config/paper.yaml")
        listed = least([snakemake(folder, *options) for _ in range(PARSES)])
        (folder / "Empty").write_text("rule all:\n    input: []\n")
        empty = ("--list-rules", "--snakefile", "Empty")
        return listed, least([snakemake(folder, *empty) for _ in range(PARSES)])


def sampled(study: Study, shards: int) -> dict[str, float]:
    """Seconds of processor time of a dry run by what they are for, as :data:`GROUPS`."""
    with workflow() as folder:
        options = study(folder, shards)
        code = SAMPLER.format(groups=FUNCTIONS)
        dry = ("--nolock", "--dry-run", "--cores", "2", "--quiet", "rules")
        result = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, *dry, *options],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.findall(r"^sampled (\w+) ([\d.e-]+)$", result.stdout, re.MULTILINE)
    return {group: float(seconds) for group, seconds in found}
