"""The subcommand of the benchmark, which lies beside the package in a checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from ddpg.cli.options import VerbMaker
from ddpg.errors import UserError

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "speed" / "bench.py"


def add_verbs(verb: VerbMaker) -> None:
    """Add ``bench``; what follows the verb goes to the program, whose ``--help`` explains it."""
    bench = verb(_bench, "Measure the package against the usual way of running, on this machine.")
    bench.add_argument("--quick", action="store_true", help="fewer repetitions and steps")
    bench.add_argument(
        "options", nargs=argparse.REMAINDER, help="of benchmarks/speed/bench.py, after --"
    )


def _bench(options: argparse.Namespace) -> int:
    if not PROGRAM.is_file():
        raise UserError(f"{PROGRAM}: the benchmark is part of a checkout, not of the package")
    given = ["--quick"] * options.quick
    given += [option for option in options.options if option != "--"]
    return subprocess.run([sys.executable, str(PROGRAM), *given], check=False).returncode  # noqa: S603
