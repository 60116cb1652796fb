"""One restoration of one picture with one thread and with two, in turns in one process.

What `ddpg restore` gains from a second core; the jobs of a study stay at one thread each.

    python benchmarks/speed/threads.py                            # 256 x 256, 10 steps
    python benchmarks/speed/threads.py 512 --steps 20 --threads 1 4
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from timing import alternate, ratio
from torch import Tensor

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.operators.kernels import motion_kernel
from ddpg.priors import load_prior
from ddpg.restoring.observations import TOLERANCE
from ddpg.samplers import build_sampler

KERNEL, SIGMA_Y = 15, 0.02


def restoration(side: int, steps: int, dtype: str) -> Callable[[], Tensor]:
    """A restoration as `ddpg restore` does it: a blur with the border of a camera."""
    kernel = motion_kernel(KERNEL, 0.5, seed=3)
    operator = build_operator("blur", side, kernel=kernel).with_tolerance(TOLERANCE)
    generator = torch.Generator().manual_seed(0)
    y = operator.forward(torch.rand(1, 3, side, side, generator=generator) - 0.5)
    prior = load_prior("dead-leaves", dtype=dtype)
    sampler = build_sampler("ddpg", steps=steps)
    noise = SeededNoise(0, ["picture"])
    return lambda: sampler.restore(y, operator, prior, sigma_y=SIGMA_Y, noise=noise)


def main() -> None:
    """Print the seconds of each and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("side", nargs="?", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", nargs=2, type=int, default=[1, 2], metavar="N")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--dtype", default="auto", help="of the network")
    options = parser.parse_args()
    restore = restoration(options.side, options.steps, options.dtype)

    def with_threads(count: int) -> Callable[[], Tensor]:
        def work() -> Tensor:
            torch.set_num_threads(count)
            return restore()

        return work

    few, many = options.threads
    variants = {str(count): with_threads(count) for count in (few, many)}
    times = alternate(variants, repetitions=options.repetitions)
    faster = ratio(times[str(few)], times[str(many)])
    print(f"{options.side} x {options.side}, {options.steps} steps, DDPG with dead-leaves")
    for count in (few, many):
        print(f"{count} thread(s): {times[str(count)].median:.2f} s")
    print(
        f"{faster['median_of_ratios']:.2f} times faster "
        f"({faster['quartile_low']:.2f} ... {faster['quartile_high']:.2f})"
    )


if __name__ == "__main__":
    main()
