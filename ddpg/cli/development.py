"""Verbs for those who work on the package itself, in a checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

from ddpg.cli.options import VerbMaker
from ddpg.errors import UserError
from ddpg.files.writing import replacing

TITLE = "the package itself"
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "speed" / "bench.py"


def add_verbs(verb: VerbMaker) -> None:
    bench = verb(
        _bench,
        "Measure the package against the usual way of running, on this machine.",
        "ddpg bench --quick -- --parts memory",
    )
    bench.add_argument("--quick", action="store_true", help="fewer repetitions and steps")
    bench.add_argument(
        "options", nargs=argparse.REMAINDER, help="after --: of the benchmark, which has a --help"
    )

    schemas = verb(_schemas, "Write the JSON schemas of the configuration.", "ddpg schemas")
    schemas.add_argument("--folder", type=Path, default=Path("config/schemas"))


def _bench(options: argparse.Namespace) -> int:
    if not BENCHMARK.is_file():
        raise UserError(f"{BENCHMARK}: the benchmark is part of a checkout, not of the package")
    given = ["--quick"] * options.quick
    given += [option for option in options.options if option != "--"]
    return subprocess.run([sys.executable, str(BENCHMARK), *given], check=False).returncode  # noqa: S603


def _schemas(options: argparse.Namespace) -> None:
    from ddpg.study.config import json_schemas

    for name, schema in json_schemas().items():
        with replacing(options.folder / name) as path:
            path.write_text(yaml.safe_dump(schema, sort_keys=False, width=100), encoding="utf-8")
