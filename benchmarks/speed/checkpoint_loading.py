"""Time and memory of loading a full-size checkpoint: unpickled, mapped, converted and mapped.

    python benchmarks/speed/checkpoint_loading.py --prior imagenet-256 --folder runs/loading

The checkpoint is drawn at random, because only its size matters. Each way is measured in a
process of its own, from the moment when torch and the package are imported until the prior is
ready to predict. Memory is the peak of what the process itself holds and, apart, of what it maps
from files, which the system takes back when it needs room.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
from torch import nn

from ddpg.priors.cards.card import Card, read_card
from ddpg.priors.checkpoints.building import build_network
from ddpg.priors.checkpoints.conversion import convert_checkpoint, random_checkpoint
from ddpg.priors.loading import load_network
from ddpg.priors.network_prior import settled

WAYS = ("unpickled", "mapped", "converted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prior", default="imagenet-256")
    parser.add_argument("--part", default="weights")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--way", choices=WAYS, help="measure this one, in this process")
    options = parser.parse_args()
    card = unpinned(read_card(options.prior))
    published = options.folder / f"{card.name}-{options.part}.pt"
    converted = published.with_suffix(f".{options.dtype}.safetensors")
    if options.way:
        path = converted if options.way == "converted" else published
        print(measured(card, options.part, options.dtype, path, options.way))
        return
    if not published.exists():
        random_checkpoint(card, options.part, published, seed=0)
    if not converted.exists():
        convert_checkpoint(card, options.part, published, converted, dtype=options.dtype)
    print("way         open [s]  ready [s]  own memory [MiB]  mapped files [MiB]")
    for way in WAYS:
        subprocess.run([sys.executable, *sys.argv, "--way", way], check=True)  # noqa: S603


def unpinned(card: Card) -> Card:
    """The card without the checksum that random weights cannot have."""
    weights = card.weights.model_copy(update={"sha256": None, "size": None})
    return card.model_copy(update={"weights": weights})


def measured(card: Card, part: str, dtype: str, path: Path, way: str) -> str:
    """Load in one way, and say what it took."""
    before, peaks, done = resident(), [0, 0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peaks[:] = [max(p, now) for p, now in zip(peaks, resident(), strict=True)]

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    precision = getattr(torch, dtype)
    if way == "unpickled":
        network = unpickled(card, part, path)
    else:
        network = load_network(card, part, precision, path)
    opened = time.perf_counter() - started
    settled(network, torch.device("cpu"), precision)
    ready = time.perf_counter() - started
    done.set()
    watcher.join()
    own, mapped = ((peak - base) / 2**10 for peak, base in zip(peaks, before, strict=True))
    return f"{way:10s}  {opened:8.1f}  {ready:9.1f}  {own:16.0f}  {mapped:18.0f}"


def unpickled(card: Card, part: str, path: Path) -> nn.Module:
    """The usual way: a network in memory, a checkpoint beside it, and a copy."""
    network = build_network(card, part).to_empty(device="cpu")
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state, strict=True)
    return network


def resident() -> list[int]:
    """KiB of own memory and of mapped files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return [int(fields[name].split()[0]) for name in ("RssAnon", "RssFile")]


if __name__ == "__main__":
    main()
