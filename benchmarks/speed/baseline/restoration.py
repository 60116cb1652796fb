"""A whole restoration as it is usually run: DDPG, one image at a time."""

from __future__ import annotations

from torch import Tensor

from baseline.guidance import Baseline, guided
from baseline.networks import BaselinePrior
from ddpg.noise import Noise

GAMMA, ZETA, ETA = 8.0, 0.5, 0.7


def restored(
    y: Tensor, operator: Baseline, prior: BaselinePrior, noise: Noise, *, steps: int, sigma: float
) -> Tensor:
    """DDPG (arXiv 2312.16519, algorithm 2, step size mode 0) of one noisy observation.

    Args:
        y: (1, 3, h, w).
        operator: A.
        steps: calls of the network.
        sigma: on the [-1, 1] scale, above 0.
    """
    schedule = prior.schedule
    skip = len(schedule) // steps
    size = operator.adjoint(y[0, 0]).shape
    x = noise.initial((1, 3, *size))
    states = []
    for index, t in enumerate(range((steps - 1) * skip, -1, -skip)):
        abar_t = schedule.abar(t)
        abar_s = schedule.abar(t - skip) if t >= skip else 1.0
        x0 = (x - (1 - abar_t) ** 0.5 * prior.eps(x, t)) / abar_t**0.5
        delta = abar_s**GAMMA
        xt = guided(operator, x0, y, max(1e-4, sigma**2 * ETA), delta)
        effective = (x - abar_t**0.5 * xt) / (1 - abar_t) ** 0.5
        fresh = ZETA**0.5 * noise.step(index, x.shape)
        mixed = fresh + (1 - ZETA) ** 0.5 * delta * effective
        x = abar_s**0.5 * xt + (1 - abar_s) ** 0.5 * mixed
        states.append(x.clone().to("cpu"))
    return x0
