"""Studies on which scaling is measured: the published one, made-up ones, and Snakemake's floor."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TASKS = ("deblur_gauss", "sr_bicubic")
ROWS = 20
METRICS = "results/many/metrics.csv"
"""What made-up studies are planned and run up to: every job that there is one of per shard."""

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

FLOOR = """
import gc

gc.set_threshold(100_000)

rule all:
    input: "results/many/metrics.csv"

rule prepare:
    output: "images/shard-{{shard}}"
    log: "logs/prepare/shard-{{shard}}.log"
    benchmark: "benchmarks/prepare/shard-{{shard}}.tsv"
    resources: mem_mb=2000, runtime=30
    shell: "./stub --output {{output}} --log {{log}}"

rule observe:
    input: "images/shard-{{shard}}"
    output: "observations/{{cell}}/shard-{{shard}}"
    log: "logs/observe/{{cell}}/shard-{{shard}}.log"
    benchmark: "benchmarks/observe/{{cell}}/shard-{{shard}}.tsv"
    resources: mem_mb=2000, runtime=30
    shell: "./stub {{input}} --output {{output}} --log {{log}}"

rule restore:
    input: "observations/{{cell}}/shard-{{shard}}"
    output:
        restorations="restorations/{{cell}}/{{row}}/shard-{{shard}}.safetensors",
        costs="restorations/{{cell}}/{{row}}/shard-{{shard}}.csv",
        pictures=directory("restorations/{{cell}}/{{row}}/shard-{{shard}}.png"),
    log: "logs/restore/{{cell}}/{{row}}/shard-{{shard}}.log"
    benchmark: "benchmarks/restore/{{cell}}/{{row}}/shard-{{shard}}.tsv"
    resources: gpu=1, mem_mb=4000, runtime=240
    shell:
        "./stub {{input}} --output {{output.restorations}} --costs {{output.costs}}"
        " --pictures {{output.pictures}} --log {{log}}"

rule evaluate:
    input:
        "images/shard-{{shard}}",
        "restorations/{{cell}}/{{row}}/shard-{{shard}}.safetensors",
        "restorations/{{cell}}/{{row}}/shard-{{shard}}.csv",
    output: "evaluations/{{cell}}/{{row}}/shard-{{shard}}.csv"
    log: "logs/evaluate/{{cell}}/{{row}}/shard-{{shard}}.log"
    benchmark: "benchmarks/evaluate/{{cell}}/{{row}}/shard-{{shard}}.tsv"
    resources: mem_mb=4000, runtime=60
    shell: "./stub {{input}} --output {{output}} --log {{log}}"

rule collect:
    input:
        expand("evaluations/{{cell}}/{{row}}/shard-{{shard}}.csv",
               cell=range({cells}), row=range({rows}), shard=range({images})),
    output: "results/many/metrics.csv"
    shell: "./stub --output {{output}}"
"""


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


def published(folder: Path) -> tuple[str, ...]:  # noqa: ARG001
    """The options of the published study."""
    return ("--configfile", "config/paper.yaml")


def synthetic(folder: Path, shards: int, rows: int = ROWS) -> tuple[str, ...]:
    """Make up a study of some rows in two cells, with shards of one image; give its options."""
    images = shards // rows
    (folder / "pictures").mkdir(exist_ok=True)
    for number in range(images):
        (folder / f"pictures/{number}.png").touch()
    card = f"name: many\nsource: {{folder: pictures}}\nimages: {{count: {images}}}\n"
    (folder / "config/cards/datasets/many.yaml").write_text(card)
    lines = ["dataset\ttask\tsigma_y\tmethod\tlabel"]
    for task in TASKS:
        lines += [f"many\t{task}\t0.05\tpinv\tpinv-{k}" for k in range(rows // len(TASKS))]
    (folder / "config/many.tsv").write_text("\n".join(lines) + "\n")
    config = (
        "name: many\nexperiments: config/many.tsv\nshard_size: 1\nmetrics: [psnr]\n"
        "datasets:\n  - {card: many, image_size: 64}\n"
    )
    (folder / "config/many.yaml").write_text(config)
    return ("--configfile", "config/many.yaml", "--", METRICS)


def floor(folder: Path, shards: int, rows: int = ROWS) -> tuple[str, ...]:
    """Write the plain Snakefile for as many jobs and files; give its options."""
    cells = len(TASKS)
    text = FLOOR.format(cells=cells, rows=rows // cells, images=shards // rows)
    (folder / "Floor").write_text(text)
    return ("--snakefile", "Floor", "--", METRICS)


def stub_rules(folder: Path) -> None:
    """Let every job make empty files."""
    stub = folder / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    for rules in (folder / "rules").glob("*.smk"):
        rules.write_text(re.sub(r'"ddpg (?=[a-z])', '"./stub ', rules.read_text()))
