"""What a backward pass through a prior's network costs, in network evaluations.

    python benchmarks/speed/backward.py                          # dead-leaves at 128 x 128
    python benchmarks/speed/backward.py --prior celeba-hq-256 --size 256 --device cuda

Methods that differentiate the network (DPS, PiGDM, MMPS, SITCOM) take a gradient with respect to
the picture at each evaluation; weights have none. Forward and forward-with-backward passes
alternate, so that what else the machine does meets both; the medians are compared.
config/equal-compute.tsv counts with the number that is printed, rounded to a half.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from timing import alternate
from torch import Tensor

from ddpg.priors import Prior, load_prior


def evaluate(prior: Prior, x: Tensor, *, backward: bool) -> None:
    """One evaluation, with its gradient or without."""
    x = x.detach().requires_grad_(backward)
    with torch.set_grad_enabled(backward):
        answer = prior.eps(x, 500)
        if backward:
            torch.autograd.grad(answer.sum(), x)


def main() -> None:
    """Print both times and the cost of the backward pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prior", default="dead-leaves")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    prior = load_prior(options.prior, device=options.device, dtype="float32")
    x = torch.randn(options.batch, 3, options.size, options.size, device=options.device)
    variants = {str(b): partial(evaluate, prior, x, backward=b) for b in (False, True)}
    times = alternate(variants, repetitions=options.rounds, warm_up=2)
    forward, both = (measured.median for measured in times.values())
    print(f"forward {1000 * forward:.1f} ms, with backward {1000 * both:.1f} ms")
    print(f"a backward pass costs {both / forward - 1:.2f} evaluations")


if __name__ == "__main__":
    main()
