"""One guidance step without a spectrum beside the one with, for the same kernel, in one run.

The step without is that of a restoration: conjugate gradients to the package's tolerance, begun at
the solution of the step before, for an image that has moved a little. Run it with

    python benchmarks/speed/general_operators.py                      # 256 and 512, both etas
    python benchmarks/speed/general_operators.py 512 --eta 0.01 --repetitions 3

Seconds are those of the processor, as other work does not matter to them much. Evaluations of the
published network are not run: what a step is worth there is computed from the
arithmetic of both networks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import torch
from timing import alternate, ratio
from torch import Tensor

from ddpg.operators import LinearOperator, build_operator
from ddpg.operators.kernels import motion_kernel
from ddpg.priors import Prior, load_prior
from ddpg.restoring.observations import TOLERANCE

KERNEL, DELTA = 15, 0.3
MOVE = 0.02
"""How far an image moves in a step, as a share of its contrast."""
ARITHMETIC = 28.3 / 497.0
"""GFLOP of an evaluation of dead-leaves for each of the CelebA-HQ network, at 256 (`bench.py`)."""
TITLES = (
    "side",
    "border",
    "eta",
    "tolerance",
    "iterations",
    "step",
    "periodic steps",
    "of an evaluation of dead-leaves",
    "of one of CelebA-HQ, by arithmetic",
)


class Steps:
    """Guidance steps of one restoration, towards the observation of a random image."""

    def __init__(self, operator: LinearOperator, eta: float, tolerance: float) -> None:
        generator = torch.Generator().manual_seed(0)
        picture = _smooth(torch.randn(1, *operator.image_shape, generator=generator))
        self.moves = [
            picture + MOVE * _smooth(torch.randn(picture.shape, generator=generator))
            for _ in range(2)
        ]
        y = operator.forward(picture)
        y = y + 0.02 * torch.randn(y.shape, generator=generator)
        self.operator = operator.with_tolerance(tolerance)
        self.towards_y = self.operator.towards(self.operator.analyse(y))
        self.eta, self.number = eta, 0

    def __call__(self) -> Tensor:
        """The next step."""
        self.number += 1
        return self.towards_y(self.moves[self.number % 2], self.eta, 1 - DELTA, DELTA)

    def iterations(self) -> int:
        """How many the next step takes; 0 with a spectrum."""
        taken = 0
        solve = self.operator.solve

        def counted(*arguments: object, **options: object) -> object:
            nonlocal taken
            found = solve(*arguments, **options)  # type: ignore[arg-type]
            taken += int(found.iterations.max())
            return found

        self.operator.solve = counted  # type: ignore[method-assign]
        self()
        del self.operator.solve  # type: ignore[method-assign]
        return taken


def _smooth(noise: Tensor) -> Tensor:
    """Noise with the spectrum of pictures, 1/f, and a standard deviation of 1/2."""
    height, width = noise.shape[-2:]
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    falling = 1 / (rows**2 + columns**2).sqrt().clamp(min=1 / height)
    picture = torch.fft.irfft2(torch.fft.rfft2(noise) * falling, s=(height, width))
    return picture / (2 * picture.std())


def operators(side: int) -> Iterator[tuple[str, LinearOperator]]:
    """The same kernel with every border that has no spectrum, and decimated."""
    kernel = motion_kernel(KERNEL, 0.5, seed=3)
    for border in ("cropped", "zero", "replicate", "reflect"):
        yield border, build_operator("blur", side, kernel=kernel, border=border)
    yield "cropped, every 2nd", build_operator("blur", side, kernel=kernel, scale=2)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sides", nargs="*", type=int, default=[256, 512], metavar="SIDE")
    parser.add_argument("--eta", nargs="*", type=float, default=[1e-2, 1e-3])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", default="", help="borders whose name contains this")
    parser.add_argument("--dtype", default="float32", help="of the network alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    prior = load_prior("dead-leaves", dtype=options.dtype)
    print(f"| {' | '.join(TITLES)} |\n|--:|---|{(len(TITLES) - 2) * '--:|'}", flush=True)
    for side in options.sides:
        rows = {
            f"{side} | {name} | {eta:g} | {tolerance:g}": Steps(operator, eta, tolerance)
            for name, operator in operators(side)
            if options.only in name
            for eta in options.eta
            for tolerance in (operator.tolerance, TOLERANCE)
        }
        for line in measured(rows, side, prior, options.repetitions):
            print(line, flush=True)


def measured(rows: dict[str, Steps], side: int, prior: Prior, repetitions: int) -> Iterator[str]:
    """The lines of a side, all of whose steps and an evaluation take turns."""
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    kernel = motion_kernel(KERNEL, 0.5, seed=3)
    periodic = build_operator("blur", side, kernel=kernel, border="circular")
    variants: dict[str, Callable[[], Tensor]] = {
        "periodic": Steps(periodic, 1e-2, TOLERANCE),
        "evaluation": lambda: prior.eps(x, 500),
        **rows,
    }
    clock = time.process_time
    times = alternate(variants, repetitions=repetitions, warm_up=2, clock=clock)
    for name, steps in rows.items():
        step = times[name]
        slower = ratio(step, times["periodic"])["median_of_ratios"]
        share = ratio(step, times["evaluation"])["median_of_ratios"]
        yield (
            f"| {name} | {steps.iterations()} | {1000 * step.median:.0f} ms | {slower:.0f} "
            f"| {share:.0%} | {share * ARITHMETIC:.1%} |"
        )


if __name__ == "__main__":
    with torch.no_grad():
        main()
