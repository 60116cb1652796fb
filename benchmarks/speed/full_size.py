"""The published networks at full size, with random weights: do they fit, how long do they take?

For each of the published priors this draws a random checkpoint of its architecture, converts it,
and restores one 256 x 256 picture in two steps, every stage as the command of the workflow.

    python benchmarks/speed/full_size.py                                # all three priors
    python benchmarks/speed/full_size.py celeba-hq-256 --dtype bfloat16

It needs 8 GB of disk in the temporary folder and prints seconds and peak memory of each command.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml

from ddpg.files.tensors import write_tensors
from ddpg.priors.cards.card import find_card

PRIORS = ("celeba-hq-256", "imagenet-256", "imagenet-256-cond")
IMAGE_SIZE = 256
TASK = ("--task", "sr_bicubic", "--operator", "svd", "--scale", "4", "--sigma-y", "0.05")


def main() -> None:
    """Run the stages and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("priors", nargs="*", default=PRIORS, metavar="PRIOR")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print("| prior | command | seconds | peak memory, MiB |\n|---|---|--:|--:|")
    for prior in options.priors:
        with tempfile.TemporaryDirectory() as folder:
            for name, seconds, peak in stages(prior, options.dtype, options.threads, Path(folder)):
                print(f"| {prior} | {name} | {seconds:.1f} | {peak:.0f} |", flush=True)


def stages(prior: str, dtype: str, threads: int, folder: Path):
    """Yield name, seconds and peak memory (MiB) of each command for one prior."""
    card, parts = random_card(prior, folder)
    options: list[str] = []
    for part in parts:
        checkpoint, converted = folder / f"{part}.pt", folder / f"{part}.safetensors"
        common = ("--prior", str(card), "--part", part)
        yield "draw", *timed("random-checkpoint", *common, "--output", str(checkpoint))
        yield (
            f"convert {part}",
            *timed(
                *("job", "convert-checkpoint", *common, "--checkpoint", str(checkpoint)),
                *("--dtype", dtype, "--output", str(converted)),
            ),
        )
        options += [f"--{part}", str(converted)]
    truth, observed = folder / "truth.safetensors", folder / "observed.safetensors"
    write_picture(truth)
    common = ("--dataset", "random", *TASK, "--seed", "0")
    observing = ("--truth", str(truth), *common, "--output", str(observed))
    yield "observe", *timed("job", "observe", *observing)
    yield (
        "restore, two steps",
        *timed(
            *("job", "restore", "--observations", str(observed), *common),
            *("--image-size", str(IMAGE_SIZE), "--method", "ddpg", "--hyper-parameters", "steps=2"),
            *("--prior", str(card), "--precision", dtype, *options, "--threads", str(threads)),
            *("--output", str(folder / "restored.safetensors")),
            *("--costs", str(folder / "costs.csv"), "--pictures", str(folder / "pictures")),
        ),
    )


def random_card(prior: str, folder: Path) -> tuple[Path, Sequence[str]]:
    """Write the published card with random weights in the place of the published ones."""
    content = yaml.safe_load(find_card(prior).read_text(encoding="utf-8"))
    content["weights"] = {"file": content["weights"]["file"], "random_seed": 0}
    parts = ["weights"]
    if "classifier" in content:
        file = content["classifier"]["weights"]["file"]
        content["classifier"]["weights"] = {"file": file, "random_seed": 1}
        parts.append("classifier")
    path = folder / "card.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path, parts


def write_picture(path: Path) -> None:
    """A random picture, as the first stage would have prepared it."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    write_tensors({"random": torch.from_numpy(pixels)}, path, ids=["random"], labels={"random": 0})


def timed(*arguments: str) -> tuple[float, float]:
    """Run a verb of ddpg; its seconds and its peak memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "ddpg", *arguments])  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ddpg {' '.join(arguments[:2])} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
