"""The loop that every diffusion sampler shares; a method adds its `step`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor

from ddpg.noise import Noise, RecordedNoise
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ImagePrior, Prior
from ddpg.priors.schedule import Schedule
from ddpg.samplers.catalogue import check_hyper_parameters
from ddpg.samplers.problem import (
    CLEAN,
    Move,
    NonFiniteError,
    Problem,
    State,
    Step,
    check_grade,
    check_observations,
    check_prior,
    check_times,
    steps_of,
    warn_of_unfinished,
)

Callback = Callable[[State], object]

STANDARD_SCHEDULE = Schedule.linear()
"""The 1000 training steps for which evaluations are counted before a prior is known."""

NO_NOISE = RecordedNoise(torch.empty(0), [])
"""What methods that draw nothing are given: asking it for a number is an error."""


class Given(NamedTuple):
    """What a restoration is given, checked; ``sigma`` is the noise of y on the [-1, 1] scale."""

    y: Tensor
    operator: LinearOperator
    prior: ImagePrior | None
    sigma: float
    noise: Noise | None
    callback: Callback | None


class Sampler(ABC):
    """A restoration method with its hyper-parameters.

    Args:
        hyper_parameters: those of :data:`ddpg.samplers.catalogue.METHODS` that differ from the
            defaults.

    Raises:
        ValueError: one is unknown or out of its limits.
    """

    name: ClassVar[str]

    def __init__(self, **hyper_parameters: Any) -> None:
        self.hyper_parameters = check_hyper_parameters(self.name, hyper_parameters)

    @property
    @abstractmethod
    def network_evaluations(self) -> int:
        """Calls of the network for one image."""

    @torch.no_grad()
    def restore(
        self,
        y: Tensor,
        operator: LinearOperator,
        prior: ImagePrior | None,
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
            NonFiniteError: NaN or infinity appeared; it says in which images, and holds the others.
        """
        check_grade(self.name, operator)
        sigma = check_observations(y, operator, sigma_y)
        return self.restored(Given(y, operator, prior, sigma, noise, callback))

    def restored(self, given: Given) -> Tensor:
        """What :meth:`restore` returns, from arguments that fit each other."""
        raise NotImplementedError(f"{self.name} restores nothing")


class DiffusionSampler(Sampler):
    """A method that walks a diffusion backwards.

    Args:
        times: time indices at which the network is called, falling; by default the method's own
            :meth:`grid` of ``steps``.
        hyper_parameters: as for :class:`Sampler`, ``steps`` among them.
    """

    keeps_known_pixels: ClassVar[bool] = False
    """Whether pixels that a mask without noise shows are given back as they are: so of methods
    whose last step fits y. Others end as their papers have it."""
    draws: ClassVar[bool] = True
    """Whether random numbers are drawn; a method that draws none takes no noise."""

    def __init__(self, *, times: Sequence[int] | None = None, **hyper_parameters: Any) -> None:
        super().__init__(**hyper_parameters)
        self._times = None if times is None else self.check_times(times)

    @property
    def network_evaluations(self) -> int:
        """One for each move; on the method's own grid, for 1000 training steps."""
        times = self.grid(STANDARD_SCHEDULE) if self._times is None else self._times
        return len(self.moves(times))

    def check_times(self, times: Sequence[int]) -> tuple[int, ...]:
        """Check times given instead of the method's own; ValueError if it cannot walk them."""
        return check_times(times)

    def grid(self, schedule: Schedule) -> list[int]:
        """The method's own time indices: equally spaced, down to 0, unless it says otherwise."""
        return schedule.uniform_times(self.hyper_parameters["steps"])

    def moves(self, times: Sequence[int]) -> list[Move]:
        """The moves along a time grid, one for each call of the network; the last ends clean."""
        return [Move(index, t, s) for index, (t, s) in enumerate(pairwise([*times, CLEAN]))]

    def times(self, schedule: Schedule) -> list[int]:
        """The time indices that are visited, in order.

        Raises:
            ValueError: one of those given lies outside the prior's schedule.
        """
        if self._times is None:
            return self.grid(schedule)
        if max(self._times) >= len(schedule):
            raise ValueError(
                f"times must lie in [0, {len(schedule) - 1}] for this prior, got {max(self._times)}"
            )
        return list(self._times)

    def walk(self, problem: Problem) -> list[Step]:
        """The steps, in order."""
        schedule = problem.prior.schedule
        return steps_of(self.moves(self.times(schedule)), schedule)

    def start(self, problem: Problem, first: Step) -> Tensor:  # noqa: ARG002
        """``x_T``: unscaled normal noise, unless a method starts elsewhere."""
        return problem.initial_noise()

    @abstractmethod
    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Go from ``x_t`` to ``x_s``; returns ``x_s`` and the network's estimate ``x0``."""

    def evaluations(self, problem: Problem, step: Step) -> list[int]:  # noqa: ARG002
        """How often the network was called in the step just taken, for each image."""
        return [1] * len(problem.y)

    def result(self, problem: Problem, x: Tensor, x0: Tensor) -> Tensor:  # noqa: ARG002
        """The restoration, from the last ``x_s`` and the last estimate ``x0``."""
        return x

    def restored(self, given: Given) -> Tensor:
        """Run the loop."""
        y, operator, prior, sigma, noise, callback = given
        asked = cast(Prior, check_prior(self.name, prior, operator))
        if noise is None and self.draws:
            raise ValueError(f"{self.name} draws random numbers: noise must not be None")
        problem = Problem(y, operator.analyse(y), operator, asked, sigma, noise or NO_NOISE)
        steps = self.walk(problem)
        x = self.start(problem, steps[0])
        finite: list[Tensor] = []
        for step in steps:
            x, x0 = self.step(problem, x, step)
            # Kept on the device: reading a flag here would stall it at every step.
            finite.append(_finite(x0) & _finite(x))
            if callback is not None:
                callback(State(step, x, x0, tuple(self.evaluations(problem, step))))
        restored = self.result(problem, x, x0)
        self._check_finite(finite, steps, restored)
        warn_of_unfinished(self.name, problem)
        exact = self.keeps_known_pixels and sigma == 0
        return operator.with_known_pixels(restored, y) if exact else restored

    def denoise(self, problem: Problem, x: Tensor, step: Step) -> Tensor:
        """``x0 = (x_t - sqrt(1 - abar_t) eps(x_t, t)) / sqrt(abar_t)``."""
        return self.predict(problem, x, step)[0]

    def predict(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """``x0`` of :meth:`denoise`, and the network's ``eps(x_t, t)``."""
        noise = problem.prior.eps(x, step.t)
        x0 = torch.sub(x, noise, alpha=math.sqrt(1 - step.abar_t))
        return x0.div_(math.sqrt(step.abar_t)), noise

    def _check_finite(
        self, finite: Sequence[Tensor], steps: Sequence[Step], restored: Tensor
    ) -> None:
        """Raise an error that tells the step at which each image left the numbers, if any did."""
        flags = torch.stack(list(finite))  # (steps, B)
        if bool(flags.all()):
            return
        broken = {
            position: of_image.index(False)
            for position, of_image in enumerate(flags.T.tolist())
            if not all(of_image)
        }
        failures = {
            position: f"{self.name} diverged: not finite at step {index + 1} of {len(steps)} "
            f"(time index {steps[index].t})"
            for position, index in broken.items()
        }
        first = min(broken.values())
        raise NonFiniteError(
            f"{self.name}: NaN or infinity appeared in step {first} "
            f"(of 0 ... {steps[first].count - 1}), at time index {steps[first].t}",
            failures,
            restored,
        )


def _finite(x: Tensor) -> Tensor:
    """Which images of a batch are finite, (B,): no sum, which large finite values would leave."""
    return torch.isfinite(x).flatten(1).all(1)
