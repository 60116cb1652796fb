"""SITCOM: step-wise triple-consistent diffusion sampling.

Alkhouri, Liang, Huang, Dai, Qu, Ravishankar & Wang, "SITCOM: Step-wise Triple-Consistent Diffusion
Sampling for Inverse Problems", ICML 2025 (arXiv 2410.04479), algorithm 1, as its authors' code runs
it: at every time the network's input is optimised, through the network, until its clipped estimate
fits y; then that estimate is noised to the next time. In the form ``noisy`` an image stops where
its misfit falls below what the noise of y explains, ``(s + 0.001)^2 N_y``.

Their script keeps the iterate that is nearest to the truth. Here the last one counts.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.operators.conjugate_gradients import inner_products
from ddpg.samplers.algorithms.optimisation.adam import Adam
from ddpg.samplers.gradients import GradientSampler, misfit_direction
from ddpg.samplers.problem import CLEAN, Problem, Step

BETAS = (0.9, 0.999)
MARGIN = 0.001
"""By how much the residual may exceed the noise of y, on the [-1, 1] scale."""


class SITCOM(GradientSampler):
    """Optimise the network's input at every time, then go on from its estimate."""

    name: ClassVar[str] = "sitcom"

    @property
    def _stops(self) -> bool:
        return self.hyper_parameters["form"] == "noisy"

    @property
    def network_evaluations(self) -> int:
        """At most: each of the inner steps at each time; images that fit y take fewer."""
        return super().network_evaluations * self.hyper_parameters["inner_steps"]

    def evaluations(self, problem: Problem, step: Step) -> list[int]:  # noqa: ARG002
        """As many as each image took."""
        return list(problem.memory["calls"])

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One time of algorithm 1."""
        optimised = [
            self._optimised(part, x[images], step) for images, part in self.in_parts(problem)
        ]
        xc = torch.cat([estimates for estimates, _ in optimised])
        problem.memory["calls"] = [count for _, calls in optimised for count in calls]
        if step.s == CLEAN:
            return xc, xc
        noise = math.sqrt(1 - step.abar_s) * problem.fresh_noise(step.index)
        return math.sqrt(step.abar_s) * xc + noise, xc

    def _optimised(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, list[int]]:
        """The clipped estimates of the last calls of the network, and the number of calls of each.

        Args:
            problem: of a part of the batch.
            x: its ``x_t``.
            step: the time.
        """
        part, v, xc = problem, x, torch.empty_like(x)
        adam = Adam(v, self.hyper_parameters["lr"], BETAS)
        running, calls = list(range(len(x))), [0] * len(x)
        for left in reversed(range(self.hyper_parameters["inner_steps"])):
            with self.linearised(part, v, step) as (x0, _, transposed):
                estimate = x0.clamp(-1, 1)
                xc = _with_rows(xc, running, estimate)
                calls = [count + (image in running) for image, count in enumerate(calls)]
                # The step of Adam that would follow the last call changes nothing.
                going = self._going(part, estimate) if left else []
                if not going:
                    break
                gradient = transposed(self._direction(part, x0, estimate))
            v = adam.step(v, gradient)
            if len(going) < len(running):
                part, v, running = part.select(going), v[going], [running[i] for i in going]
                adam.keep(going)
        return xc, calls

    def _going(self, problem: Problem, xc: Tensor) -> list[int]:
        """The images that go on: all, or those whose misfit says more than the noise of y.

        The only value that a sampler reads back from the device: the network is not called for
        images that have stopped.
        """
        if not self._stops:
            return list(range(len(xc)))
        residual = problem.operator.forward(xc) - problem.y
        threshold = (problem.sigma + MARGIN) ** 2 * math.prod(residual.shape[1:])
        losses = inner_products(residual, residual).flatten().tolist()
        return [image for image, loss in enumerate(losses) if not loss < threshold]

    def _direction(self, problem: Problem, x0: Tensor, xc: Tensor) -> Tensor:
        """The gradient of the loss with respect to ``x0``; 0 where it is clipped."""
        gradient = 2 * problem.misfit_gradient(xc) if self._stops else misfit_direction(problem, xc)
        return torch.where(x0.abs() <= 1, gradient, 0)


def _with_rows(images: Tensor, rows: list[int], new: Tensor) -> Tensor:
    """``images`` with some of them replaced, in place where it is not all of them."""
    if len(rows) == len(images):
        return new
    images[rows] = new
    return images
