"""How the workflow scales: parse time, planning time and memory, and jobs per second.

    python benchmarks/scaling/scaling.py      # prints the tables that docs/scaling.md explains

Studies are made up in a temporary folder: the published one at full size, and ones of up to 20,000
shards. Planning needs no data. For jobs per second the commands of the rules are replaced by a
script that makes empty files, so that what is measured is Snakemake and the start of a shell.

Beside each made-up study stands Snakemake's *floor*: a Snakefile of five plain rules with the same
jobs, files, logs and benchmarks, in which every name is a pattern and nothing a function.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from runs import finished, parsing, planned, sampled
from studies import floor, published, synthetic

from ddpg.machine.hardware import processor
from report import Found, written

SIZES = (1_000, 5_000, 20_000)
MANY_ROWS = 1_000


def measured(sizes: Sequence[int], run_shards: int) -> Found:
    """Measure everything."""
    place = machine()
    parse, start = parsing()
    middle = sorted(sizes)[len(sizes) // 2]
    rows = min(MANY_ROWS, middle // 2)
    return Found(
        machine=place,
        parse=parse,
        start=start,
        paper=planned(published),
        studies={size: planned(synthetic, size) for size in sizes},
        floors={size: planned(floor, size) for size in sizes},
        middle=middle,
        many_rows=(rows, planned(synthetic, middle, rows)),
        profiles=(sampled(synthetic, middle), sampled(floor, middle)),
        run_shards=run_shards,
        ours=finished(synthetic, run_shards),
        bare=finished(floor, run_shards),
    )


def machine() -> str:
    """The machine and the versions, in a line."""
    load = os.getloadavg()[0]
    return (
        f"{processor()}, {os.cpu_count()} cores, load {load:.1f} "
        f"at the start, Python {platform.python_version()}, Snakemake {version('snakemake')}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="Markdown file; default: the terminal")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="in shards")
    parser.add_argument("--run-shards", type=int, default=500, help="of the runs")
    options = parser.parse_args()
    text = written(measured(options.sizes, options.run_shards))
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
