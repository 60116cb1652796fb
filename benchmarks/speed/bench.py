"""The benchmark of docs/performance.md: the package against the usual way of running.

    python benchmarks/speed/bench.py --quick            # a few minutes on a laptop
    python benchmarks/speed/bench.py --study            # with the default study end to end
    python benchmarks/speed/bench.py --parts memory     # some parts alone
    ddpg bench [the same options]

Writes benchmarks/results/<machine>.json, .md and .png. Variants take turns in one process; what
counts is the ratio of neighbouring turns.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import guidance_steps
import host
import limits
import peak_memory
import pipeline
import shard_sizes
import torch
import whole_study
import work

from ddpg.errors import UserError
from ddpg.files.writing import write_json, write_text
from ddpg.machine.hardware import processor
from report import markdown, plot

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write the results."""
    options = _parser().parse_args(arguments)
    if options.threads < 1:
        raise UserError(f"--threads must be at least 1, got {options.threads}")
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    found = measure(options)
    options.output.mkdir(parents=True, exist_ok=True)
    stem = options.output / (options.machine or _machine())
    write_json(stem.with_suffix(".json"), found)
    table = markdown(found)
    write_text(stem.with_suffix(".md"), table)
    if "scaling" in found:
        plot(found["scaling"], stem.with_suffix(".png"))
    print(table)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The parts that are asked for, in order; each is told to the terminal as it begins."""
    found: dict[str, Any] = {"machine": _description(options)}
    for name, part in PARTS.items():
        if name in options.parts or (name == "study" and options.study):
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            found[name] = part(options)
    return found


def _evaluations(options: argparse.Namespace) -> dict[str, Any]:
    """Networks, and the limits of the machine in the precisions that they ran in."""
    rows = dict(work.evaluations(_networks(options), options.device, 7 if options.quick else 21))
    precisions = {asked["precision"] for row in rows.values() for asked in row["asked"].values()}
    return {"rows": rows, "limits": limits.measure(options.device, sorted(precisions))}


PARTS = {
    "guidance": lambda options: guidance_steps.measure(7 if options.quick else 21),
    "evaluations": _evaluations,
    "restoration": lambda options: work.restorations(*((20, 3) if options.quick else (100, 5))),
    "scaling": lambda options: work.scaling(
        options.device, 3 if options.quick else 7, [1, 2, 4] if options.quick else [1, 2, 4, 8]
    ),
    "shards": lambda options: shard_sizes.measure(
        2 if options.quick else 7, options.device, options.threads
    ),
    "host": lambda options: host.measure(options.device, [1, 16] if options.quick else [1, 16, 64]),
    "pipeline": lambda _: pipeline.measure(),
    "memory": lambda options: peak_memory.measure(
        ["dead-leaves", *_networks(options)], options.device, options.threads
    ),
    "loading": lambda options: work.loading(3 if options.quick else 7),
    "study": lambda options: whole_study.compare(
        options.study or "config/config.yaml", os.cpu_count() or 1
    ),
}
"""What can be measured, by name; the study only if it is asked for."""


def _networks(options: argparse.Namespace) -> list[str]:
    """The published networks to run."""
    if options.networks is not None:
        return list(options.networks)
    return ["celeba-hq-256"] if options.quick else sorted(work.NETWORKS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and steps")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch, as one job has")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--networks",
        nargs="*",
        choices=sorted(work.NETWORKS),
        help="published networks; default: all, with --quick celeba-hq-256",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=list(PARTS),
        default=[name for name in PARTS if name != "study"],
        help="default: all but the study",
    )
    parser.add_argument(
        "--study",
        nargs="?",
        const="config/config.yaml",
        metavar="CONFIG",
        help="also run a study end to end, in two ways; default: config/config.yaml",
    )
    parser.add_argument("--output", type=Path, default=HERE / "results")
    parser.add_argument("--machine", help="name of the results; default: from the processor")
    return parser


def _description(options: argparse.Namespace) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name() if options.device.startswith("cuda") else None
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "threads": options.threads,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load before": os.getloadavg()[0],
        "quick": options.quick,
    }


def _machine() -> str:
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown"


if __name__ == "__main__":
    main()
