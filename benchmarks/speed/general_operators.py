"""One guidance step without a spectrum beside the one with, for the same kernel, in one run.

The step without is that of a restoration: conjugate gradients to the package's tolerance, begun at
the solution of the step before, for an image that has moved a little. Run it with

    python benchmarks/speed/general_operators.py
"""

from __future__ import annotations

import torch
from timing import alternate, ratio
from torch import Tensor

from ddpg.operators import LinearOperator, build_operator
from ddpg.operators.kernels import motion_kernel
from ddpg.priors import load_prior

SIDE, KERNEL, DELTA = 256, 15, 0.3
MOVE = 0.02
"""How far an image moves in a step, as a share of its contrast."""


def operators() -> dict[str, LinearOperator]:
    """The same kernel with every border, the periodic one first."""
    kernel = motion_kernel(KERNEL, 0.5, seed=3)
    borders = ("circular", "cropped", "reflect", "zero")
    made = {
        border: build_operator("blur", SIDE, kernel=kernel, border=border) for border in borders
    }
    made["cropped, every 2nd"] = build_operator("blur", SIDE, kernel=kernel, scale=2)
    return made


class Steps:
    """Guidance steps of one restoration, towards the observation of a random image."""

    def __init__(self, operator: LinearOperator, eta: float) -> None:
        generator = torch.Generator().manual_seed(0)
        picture = _smooth(torch.randn(1, 3, SIDE, SIDE, generator=generator))
        self.moves = [
            picture + MOVE * _smooth(torch.randn(picture.shape, generator=generator))
            for _ in range(2)
        ]
        y = operator.forward(picture)
        y = y + 0.02 * torch.randn(y.shape, generator=generator)
        self.towards_y = operator.towards(operator.analyse(y))
        self.eta, self.number = eta, 0

    def __call__(self) -> Tensor:
        """The next step."""
        self.number += 1
        return self.towards_y(self.moves[self.number % 2], self.eta, 1 - DELTA, DELTA)


def _smooth(noise: Tensor) -> Tensor:
    """Noise with the spectrum of pictures, 1/f, and a standard deviation of 1/2."""
    rows, columns = torch.fft.fftfreq(SIDE)[:, None], torch.fft.rfftfreq(SIDE)
    falling = 1 / (rows**2 + columns**2).sqrt().clamp(min=1 / SIDE)
    picture = torch.fft.irfft2(torch.fft.rfft2(noise) * falling, s=(SIDE, SIDE))
    return picture / (2 * picture.std())


def main(repetitions: int = 15) -> None:
    """Print a table."""
    torch.set_num_threads(1)
    prior = load_prior("dead-leaves")
    x = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    print("| border | eta | step | times the periodic one | of an evaluation of dead-leaves |")
    print("|---|--:|--:|--:|--:|")
    made = operators()
    for eta in (1e-2, 1e-3):
        for name, operator in made.items():
            steps = Steps(operator, eta)
            variants = {
                "periodic": Steps(made["circular"], eta),
                "step": steps,
                "evaluation": lambda: prior.eps(x, 500),
            }
            times = alternate(variants, repetitions=repetitions, warm_up=2)
            slower = ratio(times["step"], times["periodic"])["median_of_ratios"]
            share = ratio(times["step"], times["evaluation"])["median_of_ratios"]
            milliseconds = 1000 * times["step"].median
            print(f"| {name} | {eta:g} | {milliseconds:.1f} ms | {slower:.1f} | {share:.0%} |")


if __name__ == "__main__":
    with torch.no_grad():
        main()
