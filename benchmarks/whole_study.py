"""A whole study end to end, and how much of its wall time the network takes."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def measure(repository: Path, config: str, cores: int) -> dict[str, Any]:
    """Run a study from nothing in a temporary folder.

    The network's share counts the seconds that restorations with a prior took once their process
    had started, divided by the cores that worked on them at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "all"),
                *("--snakefile", str(repository / "Snakefile")),
                *("--directory", _workplace(repository, Path(folder))),
                *("--configfile", config),
            ],
            cwd=repository,
            check=True,
        )
        wall = time.perf_counter() - started
        restoring, evaluations = _costs(Path(folder))
    return {
        "config": config,
        "cores": cores,
        "wall_s": wall,
        "network_s": restoring,
        "network evaluations": evaluations,
        "share of the network": restoring / (wall * cores),
    }


def _workplace(repository: Path, folder: Path) -> str:
    """The folder, with the study's configuration in it."""
    (folder / "config").symlink_to(repository / "config")
    return str(folder)


def _costs(folder: Path) -> tuple[float, int]:
    """Seconds and evaluations of all restorations that called a network."""
    seconds, evaluations = 0.0, 0
    for path in folder.glob("results/restorations/**/shard-*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            lines = (line for line in stream if not line.startswith("#"))
            for row in csv.DictReader(lines):
                if int(row["network_evaluations"]):
                    seconds += float(row["seconds"])
                    evaluations += int(row["network_evaluations"])
    return seconds, evaluations
