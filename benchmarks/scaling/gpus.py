"""How well a study keeps many GPUs busy: its jobs on a clock that only counts.

    python benchmarks/scaling/gpus.py            # prints the table of docs/scaling.md, "Many GPUs"

The jobs are those of the published study; what each takes is the sum of parts that were measured
(docs/performance.md), but for the networks, whose time on a GPU is their arithmetic at 45 % of
400 TFLOP/s. Jobs are handed out as Snakemake does: whatever is ready and fits, so many a second.
Simulated rather than slept through, because an hour of eight GPUs is then a second, and because the
answer is the same on every machine.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

PICTURES, METHODS, STEPS = 1000, 2, 100
"""Of each cell of ``config/paper.yaml``."""
NETWORKS = {"celeba_hq": (10, 497e9), "imagenet": (6, 2240e9)}
"""Cells, and the arithmetic of an evaluation for one picture of 256 x 256."""
SPEED = 0.45 * 400e12
START = 4.2
"""Seconds until a process is ready to evaluate a network."""
PREPARED, OBSERVED, WRITTEN, MEASURED = 0.018, 0.007, 0.015, 0.096
"""Seconds a picture: reading and scaling, degrading, writing as PNG and tensor, PSNR and LPIPS."""
RATE = 55
"""Jobs that Snakemake starts a second, docs/scaling.md."""
CORES = 4
"""Of a restoration, beside its GPU: what a job may use to draw noise while the network computes."""
MACHINES = {"one node of 8 GPUs": (8, 64), "four nodes of 8 GPUs": (32, 256)}
SIZES = (5, 10, 20, 50, 100, 250)


@dataclass
class Job:
    """One job.

    Attributes:
        seconds: it takes.
        network: of these, in which a GPU evaluates a network.
        gpu: whether it holds a GPU.
        then: jobs that wait for it.
        waits_for: how many jobs it still waits for.
    """

    seconds: float
    network: float = 0.0
    gpu: bool = False
    then: list[Job] = field(default_factory=list)
    waits_for: int = 0

    @property
    def cores(self) -> int:
        """Processor cores that it holds."""
        return CORES if self.gpu else 1

    def before(self, other: Job) -> Job:
        """Let another job wait for this one; return that."""
        self.then.append(other)
        other.waits_for += 1
        return other


@dataclass(frozen=True)
class Run:
    """What came out.

    Attributes:
        seconds: from the first job to the last.
        gpus: there were.
        spans: of each restoration, when it began, when it ended, and its seconds of network.
    """

    seconds: float
    gpus: int
    spans: list[tuple[float, float, float]]

    @property
    def busy(self) -> float:
        """Share of the time of all GPUs in which networks are evaluated."""
        return sum(network for _, _, network in self.spans) / (self.seconds * self.gpus)

    @property
    def tail(self) -> float:
        """Seconds at the end in which some GPU has nothing left to do."""
        ends = sorted(end for _, end, _ in self.spans)
        return self.seconds - ends[-self.gpus] if len(ends) >= self.gpus else self.seconds

    @property
    def held(self) -> float:
        """Share of the time of all GPUs in which jobs hold them."""
        return sum(end - begin for begin, end, _ in self.spans) / (self.seconds * self.gpus)

    @property
    def full_after(self) -> float:
        """Seconds until every GPU has work for the first time."""
        begins = sorted(begin for begin, _, _ in self.spans)
        return begins[min(self.gpus, len(begins)) - 1]


def study(shard_size: int) -> Iterator[Job]:
    """Those jobs of the published study that wait for nothing; the others hang on them."""
    for cells, flops in NETWORKS.values():
        for first in range(0, PICTURES, shard_size):
            count = min(shard_size, PICTURES - first)
            prepared = Job(START + PREPARED * count)
            for _ in range(cells):
                observed = prepared.before(Job(START + OBSERVED * count))
                for _ in range(METHODS):
                    network = STEPS * flops / SPEED * count
                    seconds = START + network + WRITTEN * count
                    restored = observed.before(Job(seconds, network, gpu=True))
                    restored.before(Job(START + MEASURED * count))
            yield prepared


def simulated(first: Iterable[Job], gpus: int, cores: int, seed: int = 0) -> Run:
    """Hand out jobs until all are done, in an order that is as good as random, as Snakemake's is.

    Raises:
        ValueError: no job fits the machine.
    """
    if gpus < 1 or cores < CORES:
        raise ValueError(f"{gpus} GPUs and {cores} cores: a restoration takes 1 and {CORES}")
    order = random.Random(seed)  # noqa: S311
    ready: dict[bool, deque[Job]] = {True: deque(), False: deque()}
    waiting = list(first)
    order.shuffle(waiting)
    ready[False].extend(waiting)
    running: list[tuple[float, int, Job]] = []
    spans: list[tuple[float, float, float]] = []
    now, started, free_gpus, free_cores = 0.0, 0, gpus, cores
    while running or ready[True] or ready[False]:
        # GPUs first: what is ready for one is never kept waiting by work for the processor.
        for queue in (ready[True], ready[False]):
            while queue and free_cores >= queue[0].cores and (free_gpus or not queue[0].gpu):
                job = queue.popleft()
                started += 1
                now = max(now, started / RATE)
                free_gpus -= job.gpu
                free_cores -= job.cores
                heapq.heappush(running, (now + job.seconds, started, job))
                if job.gpu:
                    spans.append((now, now + job.seconds, job.network))
        end, _, job = heapq.heappop(running)
        now = max(now, end)
        free_gpus += job.gpu
        free_cores += job.cores
        for follower in job.then:
            follower.waits_for -= 1
            if not follower.waits_for:
                ready[follower.gpu].append(follower)
    return Run(now, gpus, spans)


def table() -> Iterator[str]:
    """Markdown: for each machine and size of shards how long it takes, and what GPUs do in it."""
    yield (
        "| machine | pictures a shard | restorations | minutes | networks | starts, writing | idle "
        "| full after | tail |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, (gpus, cores) in MACHINES.items():
        for size in SIZES:
            run = simulated(study(size), gpus, cores)
            yield (
                f"| {name} | {size} | {len(run.spans):,} | {run.seconds / 60:.0f} "
                f"| {run.busy:.0%} | {run.held - run.busy:.0%} | {1 - run.held:.0%} "
                f"| {run.full_after:.0f} s | {run.tail:.0f} s |"
            )


def main() -> None:
    """The command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print("\n".join(table()))


if __name__ == "__main__":
    main()
