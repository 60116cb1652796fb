"""The loop that every diffusion sampler shares; a method adds its `step`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ddpg.methods import check_hyper_parameters
from ddpg.noise import Noise
from ddpg.operators import LinearOperator
from ddpg.priors.base import Prior
from ddpg.samplers.problem import (
    NonFiniteError,
    Problem,
    State,
    Step,
    check_observations,
    check_prior,
    check_times,
    steps_between,
)
from ddpg.schedule import Schedule

Callback = Callable[[State], object]


class Sampler(ABC):
    """A restoration method with its hyper-parameters.

    Args:
        hyper_parameters: those of :data:`ddpg.methods.METHODS` that differ from the defaults.

    Raises:
        ValueError: one is unknown or out of its limits.
    """

    name: ClassVar[str]

    def __init__(self, **hyper_parameters: float) -> None:
        self.hyper_parameters = check_hyper_parameters(self.name, hyper_parameters)

    @property
    @abstractmethod
    def network_evaluations(self) -> int:
        """Calls of the network for one image."""

    @abstractmethod
    def restore(
        self,
        y: Tensor,
        operator: LinearOperator,
        prior: Prior | None,
        *,
        sigma_y: float,
        noise: Noise | None,
        callback: Callback | None = None,
    ) -> Tensor:
        """Estimate images from their observations.

        Args:
            y: (B, 3, h, w), observations of images on [-1, 1], in the operator's dtype.
            operator: A.
            prior: the denoiser; methods without a network take None.
            sigma_y: standard deviation of the noise in y, for images on [0, 1]; at least 0.
            noise: random numbers; methods that draw none take None.
            callback: called after every step.

        Returns:
            (B, 3, H, W), on [-1, 1] but not clipped.

        Raises:
            ValueError: the arguments do not fit each other.
            NonFiniteError: NaN or infinity appeared.
        """


class DiffusionSampler(Sampler):
    """A method that walks a diffusion backwards.

    Args:
        times: time indices at which the network is called, falling; by default the method's own
            grid of ``steps``.
        hyper_parameters: as for :class:`Sampler`, ``steps`` among them.
    """

    def __init__(self, *, times: Sequence[int] | None = None, **hyper_parameters: float) -> None:
        super().__init__(**hyper_parameters)
        self._times = None if times is None else check_times(times)

    @property
    def network_evaluations(self) -> int:
        """One for each time index."""
        return int(self.hyper_parameters["steps"]) if self._times is None else len(self._times)

    def times(self, schedule: Schedule) -> list[int]:
        """The time indices at which the network is called, in order."""
        if self._times is None:
            return schedule.uniform_times(int(self.hyper_parameters["steps"]))
        if self._times[0] >= len(schedule):
            raise ValueError(
                f"times must lie in [0, {len(schedule) - 1}] for this prior, got {self._times[0]}"
            )
        return list(self._times)

    def start(self, problem: Problem) -> Tensor:
        """``x_T``: unscaled normal noise, unless a method starts elsewhere."""
        return problem.noise.initial(problem.shape).to(problem.y)

    @abstractmethod
    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Go from ``x_t`` to ``x_s``; returns ``x_s`` and the network's estimate ``x0``."""

    def result(self, problem: Problem, x: Tensor, x0: Tensor) -> Tensor:  # noqa: ARG002
        """The restoration, from the last ``x_s`` and the last estimate ``x0``."""
        return x

    @torch.no_grad()
    def restore(
        self,
        y: Tensor,
        operator: LinearOperator,
        prior: Prior | None,
        *,
        sigma_y: float,
        noise: Noise | None,
        callback: Callback | None = None,
    ) -> Tensor:
        """Run the loop, see :meth:`Sampler.restore`."""
        sigma = check_observations(y, operator, sigma_y)
        prior = check_prior(self.name, prior, operator)
        steps = steps_between(self.times(prior.schedule), prior.schedule)
        if noise is None:
            raise ValueError(f"{self.name} draws random numbers: noise must not be None")
        problem = Problem(y, operator.analyse(y), operator, prior, sigma, noise)
        x = self.start(problem)
        finite: list[Tensor] = []
        for step in steps:
            x, x0 = self.step(problem, x, step)
            # Kept on the device: reading a flag here would stall it at every step.
            finite.append(torch.isfinite(x0).all() & torch.isfinite(x).all())
            if callback is not None:
                callback(State(step, x, x0))
        self._check_finite(finite, steps)
        return self.result(problem, x, x0)

    def denoise(self, problem: Problem, x: Tensor, step: Step) -> Tensor:
        """``x0 = (x_t - sqrt(1 - abar_t) eps(x_t, t)) / sqrt(abar_t)``."""
        noise = problem.prior.eps(x, step.t)
        x0 = torch.sub(x, noise, alpha=math.sqrt(1 - step.abar_t))
        return x0.div_(math.sqrt(step.abar_t))

    def _check_finite(self, finite: Sequence[Tensor], steps: Sequence[Step]) -> None:
        flags = torch.stack(list(finite)).tolist()
        if not all(flags):
            step = steps[flags.index(False)]
            raise NonFiniteError(
                f"{self.name}: NaN or infinity appeared in step {step.index} "
                f"(of 0 ... {step.count - 1}), at time index {step.t}"
            )
