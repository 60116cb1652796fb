"""A whole study end to end, and how much of its wall time restorations with a network take.

    python benchmarks/speed/whole_study.py [CONFIG] [--cores N] [--plain]

With ``--plain`` the study also runs as it would without what makes it fast: networks in float32
with contiguous tensors, and every job starting Python and PyTorch anew.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from ddpg.validation import merged, read_yaml
from ddpg.warm.starting import SWITCH

ROOT = Path(__file__).parents[2]
PLAIN = {"precision": "float32", "layout": "contiguous"}


NAMED_BY = ("dataset", "task", "operator", "scale", "sigma_y", "label", "repeat", "image")
"""The columns of the long table that tell a restoration from the others."""

Name = tuple[str, ...]
Scores = dict[Name, float]


def measure(config: str, cores: int, *, plain: bool = False) -> tuple[dict[str, Any], Scores]:
    """Run a study from nothing in a temporary folder.

    Args:
        config: laid over config/config.yaml, relative to the repository.
        plain: run it without what makes it fast.

    Returns:
        Seconds on the clock, core-seconds of restorations with a network once their process was
        ready, and the share of these in all the cores' seconds; and the PSNR of each restoration.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config").symlink_to(ROOT / "config")
        if plain:
            config = _plain_config(config, folder)
        command = [
            *(sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "all"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
            *("--configfile", config),
        ]
        environment = {**os.environ, SWITCH: "0" if plain else "1"}
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment, check=True)  # noqa: S603
        wall = time.perf_counter() - started
        restoring, evaluations, psnr = _costs(folder)
    found = {
        "cores": cores,
        "wall_s": wall,
        "network_s": restoring,
        "network evaluations": evaluations,
        "share of the network": restoring / (wall * cores),
    }
    return found, psnr


def compare(config: str, cores: int) -> dict[str, Any]:
    """Both ways, one after the other; ours first."""
    ours, after = measure(config, cores)
    plain, before = measure(config, cores, plain=True)
    worst = max(before, key=lambda key: abs(after[key] - before[key]))
    return {
        "config": config,
        "ours": ours,
        "plain": plain,
        "times faster": plain["wall_s"] / ours["wall_s"],
        "largest difference in PSNR, dB": abs(after[worst] - before[worst]),
        "of": " ".join(worst),
    }


def _plain_config(config: str, folder: Path) -> str:
    """The study's configuration with the plain settings of its networks."""
    content = merged(read_yaml(ROOT / "config/config.yaml"), read_yaml(ROOT / config))
    content["datasets"] = [entry | PLAIN for entry in content["datasets"]]
    path = folder / "plain.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def _costs(folder: Path) -> tuple[float, int, Scores]:
    """Seconds and evaluations of restorations that called a network, and their PSNR."""
    seconds, evaluations, psnr = 0.0, 0, {}
    (table,) = folder.glob("results/*/metrics.csv")
    for name, measured in _measured(table).items():
        called = int(float(measured["network_evaluations"]))
        if not called:
            continue
        seconds += float(measured["seconds"])
        evaluations += called
        if measured["psnr"]:
            psnr[name] = float(measured["psnr"])
    return seconds, evaluations, psnr


def _measured(table: Path) -> dict[Name, dict[str, str]]:
    """What was measured of each restoration, in the order of the table."""
    found: dict[Name, dict[str, str]] = {}
    with table.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            name = tuple(row[column] for column in NAMED_BY)
            found.setdefault(name, {})[row["metric"]] = row["value"]
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", nargs="?", default="config/config.yaml")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--plain", action="store_true", help="also without what makes it fast")
    options = parser.parse_args()
    if options.plain:
        found = compare(options.config, options.cores)
    else:
        found, _ = measure(options.config, options.cores)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
