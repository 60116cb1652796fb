"""The benchmark of docs/performance.md: the package against the usual way of running.

    python benchmarks/bench.py --quick            # a few minutes on a laptop
    python benchmarks/bench.py --study            # with the default study end to end
    ddpg bench [the same options]

Writes benchmarks/results/<machine>.json, .md and .png. Variants take turns in one process; what
counts is the ratio of neighbouring turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import guidance_steps
import torch
import whole_study
import work
from bench_report import markdown, plot

from ddpg.comparison.provenance import _processor as processor
from ddpg.errors import UserError
from ddpg.files import replacing

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
    with replacing(stem.with_suffix(".json")) as path:
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = markdown(found)
    with replacing(stem.with_suffix(".md")) as path:
        path.write_text(table, encoding="utf-8")
    plot(found, stem.with_suffix(".png"))
    print(table)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every part, in order; each is told to the terminal as it begins."""
    quick, device = options.quick, options.device
    repetitions = 7 if quick else 21
    found: dict[str, Any] = {"machine": _description(options)}
    _say("guidance steps")
    found["guidance steps"] = guidance_steps.measure(repetitions)
    _say("network evaluations")
    networks = options.networks if options.networks is not None else ["celeba-hq-256"]
    found["evaluations"] = dict(work.evaluations(networks, device, repetitions))
    _say("restorations")
    found["restoration"] = work.restorations(20 if quick else 100, 3 if quick else 5)
    _say("scaling")
    batches = [1, 2, 4] if quick else [1, 2, 4, 8]
    found["scaling"] = work.scaling(device, 3 if quick else 7, batches)
    _say("loading")
    found["loading"] = work.loading(3 if quick else 7)
    if options.study:
        _say("the study")
        found["study"] = whole_study.measure(HERE.parent, options.study, os.cpu_count() or 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    found["peak memory of the benchmark, MiB"] = round(peak)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and steps")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch, as one job has")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--networks", nargs="*", choices=sorted(work.NETWORKS), help="default: celeba-hq-256"
    )
    parser.add_argument(
        "--study",
        nargs="?",
        const="config/config.yaml",
        metavar="CONFIG",
        help="also run a study end to end in a temporary folder; default: config/config.yaml",
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


def _say(part: str) -> None:
    print(f"measuring: {part}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
