"""What a restoration is given, and what it goes through: problem, steps, states; and the checks."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.noise import Noise
from ddpg.operators.base import Guidance, LinearOperator
from ddpg.operators.tasks import offers
from ddpg.priors.base import ClosedFormPrior, ConsistencyPrior, ImagePrior, Prior
from ddpg.priors.schedule import Schedule
from ddpg.samplers.catalogue import METHODS, NOISY_SCALE, fitting

log = logging.getLogger(__name__)

LARGEST = torch.finfo(torch.float16).max
"""What a restoration of images on [-1, 1] may reach, 65504; beyond it, it has diverged."""

SMALLEST_ETA = LinearOperator.smallest_eta
"""Floor of the regularisation of back-projections: float32 cannot do with less."""

PRIORS: Mapping[str, tuple[type[ImagePrior], str]] = {
    "noise": (Prior, "a prior that predicts noise"),
    "consistency": (ConsistencyPrior, "a prior that is a consistency model"),
    "closed form": (ClosedFormPrior, "a prior whose posteriors are closed forms"),
}
"""What methods ask for, see :attr:`ddpg.samplers.catalogue.Method.asks`."""


CLEAN = -1
"""The time index of the clean image."""


class Move(NamedTuple):
    """A call of the network and where it leads.

    Attributes:
        number: that of the move, which is that of its noise.
        t: the time index it leaves.
        s: the time index it goes to.
        travels: whether it ends upwards, back in time.
    """

    number: int
    t: int
    s: int
    travels: bool = False


class NonFiniteError(FloatingPointError):
    """A restoration left the numbers; the message names the method, the step and its time.

    Attributes:
        failures: position in the batch -> what happened to that image.
        restored: (B, 3, H, W), the whole batch, good wherever no failure is named; None if which
            images failed is not known.
    """

    def __init__(
        self,
        message: str = "",
        failures: Mapping[int, str] | None = None,
        restored: Tensor | None = None,
    ) -> None:
        super().__init__(message)
        self.failures = dict(failures or {})
        self.restored = restored


@dataclass(frozen=True)
class Step:
    """From time ``t`` to time ``s``.

    Attributes:
        index: number of the step, from 0, which is that of its noise.
        count: number of steps.
        t, s: time indices; s is -1 for the clean image.
        abar_t, abar_s: their signal powers.
        travels: whether it goes back in time, see :class:`Move`.
    """

    index: int
    count: int
    t: int
    s: int
    abar_t: float
    abar_s: float
    travels: bool = False


@dataclass(frozen=True)
class State:
    """What a callback sees after each step.

    Attributes:
        step: the step that was taken.
        x: ``x_s``, (B, 3, H, W).
        x0: the network's estimate of the clean images, (B, 3, H, W).
        evaluations: calls of the network in the step, for each image, (B,); one each if empty.
    """

    step: Step
    x: Tensor
    x0: Tensor
    evaluations: tuple[int, ...] = ()

    @property
    def calls(self) -> tuple[int, ...]:
        """The same, said of every image."""
        return self.evaluations or (1,) * len(self.x)


@dataclass(frozen=True)
class Problem:
    """What stays the same throughout a restoration.

    Attributes:
        y: observations, (B, 3, h, w).
        y_spectral: their transform, computed once; they themselves where there is no spectrum.
        operator: A.
        prior: the denoiser; for methods that ask for one, a consistency model.
        sigma: noise level of y on the [-1, 1] scale.
        noise: where random numbers come from.
        memory: what a method keeps from step to step, image by image, such as the averages of an
            optimiser; empty at the start.
    """

    y: Tensor
    y_spectral: Tensor
    operator: LinearOperator
    prior: Prior
    sigma: float
    noise: Noise
    memory: dict[str, Any] = field(default_factory=dict, repr=False)
    _parts: dict[int, list[tuple[slice, Problem]]] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(B, 3, H, W) of the images sought."""
        return (len(self.y), *self.operator.image_shape)

    def initial_noise(self) -> Tensor:
        """``x_T ~ N(0, I)``."""
        return self.noise.initial(self.shape).to(self.y, non_blocking=True)

    def fresh_noise(self, index: int) -> Tensor:
        """``z ~ N(0, I)`` of a step."""
        return self.noise.step(index, self.shape).to(self.y, non_blocking=True)

    def next_noise(self) -> Tensor:
        """``z ~ N(0, I)``, the next in a row, for methods that draw several in a step."""
        drawn = self.memory.setdefault("drawn", 0)
        self.memory["drawn"] = drawn + 1
        return self.fresh_noise(drawn)

    def misfit_gradient(self, x: Tensor) -> Tensor:
        """``A^T (A x - y)``, the gradient of half the squared misfit."""
        if self.operator.grade == "spectrum":
            return self.guidance(x, 1.0, 0.0, 1.0)  # half the transforms
        return self.operator.adjoint(self.operator.forward(x) - self.y)

    def proximal(self, d: Tensor, c: float) -> Tensor:
        """``argmin |A x - y|^2 + c |x - d|^2 = d - A^T (A A^T + c I)^-1 (A d - y)``.

        Written as d less a correction, which float32 can do; see :meth:`guidance`.
        """
        return d - self.guidance(d, c)

    def guidance(self, x: Tensor, eta: float, a: float = 1.0, b: float = 0.0) -> Tensor:
        """``A^T [a (A A^T + eta I)^-1 + b I] (A x - y)``.

        Where the operator has a spectrum that is one transform and one back; where it has not,
        conjugate gradients that begin where those of the step before have ended, and ``eta`` is at
        least :data:`SMALLEST_ETA`.

        Args:
            x: images (B, 3, H, W).
            eta: at least 0, see :meth:`ddpg.operators.LinearOperator.pinv`.
            a, b: weights of back-projection and of least squares.
        """
        return self._guidance(x, eta, a, b)

    @cached_property
    def _guidance(self) -> Guidance:
        return self.operator.towards(self.y_spectral)

    def unfinished(self) -> list[int]:
        """Images whose guidance had to do without an exact answer at some step."""
        parts = [part for parts in self._parts.values() for part in parts]
        found = set(self.__dict__["_guidance"].unfinished() if "_guidance" in self.__dict__ else ())
        for images, part in parts:
            if part is not self:
                found |= {images.start + position for position in part.unfinished()}
        return sorted(found)

    def parts(self, size: int) -> list[tuple[slice, Problem]]:
        """The problem cut into batches of at most ``size`` images, each with where it lies.

        Noise belongs to the whole: parts have none of their own.
        """
        if size not in self._parts:
            self._parts[size] = [
                (images, self.select(images))
                for images in (slice(i, i + size) for i in range(0, len(self.y), size))
            ]
        return self._parts[size]

    def select(self, images: slice | Sequence[int]) -> Problem:
        """The problem of some images; noise belongs to the whole: it has none of its own."""
        indices = range(*images.indices(len(self.y))) if isinstance(images, slice) else images
        if len(indices) == len(self.y):
            return self
        y, operator = self.y[images], self.operator
        # An operator of one kernel, batched or not, serves every part.
        if operator.batch_size == len(self.y):
            operator = operator.select(indices)
        return replace(
            self,
            y=y,
            y_spectral=self.y_spectral[images],
            operator=operator,
            prior=self.prior.select(indices),
            memory={},
            _parts={},
        )


def check_observations(y: Tensor, operator: LinearOperator, sigma_y: float) -> float:
    """Check that observations belong to an operator.

    Args:
        y: (B, 3, h, w).
        operator: A.
        sigma_y: noise level on the [0, 1] scale.

    Returns:
        sigma, the noise level on the [-1, 1] scale.

    Raises:
        ValueError: naming what was expected and what was found.
    """
    if isinstance(sigma_y, bool) or not isinstance(sigma_y, Real):
        raise ValueError(f"sigma_y must be a number, got {sigma_y!r}")
    if not (math.isfinite(sigma_y) and sigma_y >= 0):
        raise ValueError(f"sigma_y must be finite and at least 0, got {sigma_y!r}")
    expected = operator.observation_shape
    if y.ndim != 4 or not len(y) or tuple(y.shape[1:]) != expected:
        raise ValueError(
            f"y must have the operator's observation_shape {expected} behind a batch dimension, "
            f"got shape {tuple(y.shape)}"
        )
    if operator.batch_size not in (None, 1, len(y)):
        raise ValueError(
            f"the operator holds kernels or masks for {operator.batch_size} images, "
            f"but y holds {len(y)}"
        )
    if y.dtype != operator.dtype:
        raise ValueError(f"y is {y.dtype}, but the operator takes {operator.dtype}")
    if y.device.type != operator.device.type:
        raise ValueError(f"y is on {y.device}, but the operator on {operator.device}")
    if not bool(torch.isfinite(y).all()):
        raise ValueError("y must be finite, got NaN or infinite values")
    return NOISY_SCALE * float(sigma_y)


def check_grade(method: str, operator: LinearOperator) -> None:
    """Check that an operator is able to do what a method needs.

    Raises:
        UserError: it is not; the message names both, and the methods that would fit.
    """
    needed = METHODS[method].needs
    if not offers(operator.grade, needed):
        raise UserError(
            f"{method} needs an operator of the grade {needed!r}, but {type(operator).__name__} is "
            f"of the grade {operator.grade!r}; methods that fit: "
            f"{', '.join(fitting(operator.grade))}"
        )


def warn_of_unfinished(method: str, problem: Problem) -> None:
    """Say once, after a restoration, which pictures the conjugate gradients did not do justice."""
    unfinished = problem.unfinished()
    if not unfinished:
        return
    names = getattr(problem.noise, "image_ids", None)
    told = [str(names[i]) if names is not None else f"{i} of the batch" for i in unfinished]
    log.warning(
        "%s: conjugate gradients reached their limit before their tolerance of %g at some step of "
        "image %s: the guidance was inexact there",
        method,
        problem.operator.tolerance,
        ", ".join(told),
    )


def check_prior(method: str, prior: ImagePrior | None, operator: LinearOperator) -> ImagePrior:
    """Check that there is a prior of the kind that a method asks for, for the operator's size.

    Raises:
        ValueError: there is none, it predicts something else, or a side is not a multiple of what
            the network needs.
    """
    kind, meaning = PRIORS[METHODS[method].asks]
    if not isinstance(prior, kind):
        given = "None" if prior is None else type(prior).__name__
        raise ValueError(f"{method} needs {meaning}, got {given}")
    height, width = operator.image_shape[1:]
    if height % prior.size_multiple or width % prior.size_multiple:
        raise ValueError(
            f"this prior takes images whose sides are multiples of {prior.size_multiple}, "
            f"the operator's are {height} x {width}"
        )
    return prior


@contextmanager
def overflows_as_divergence() -> Iterator[None]:
    """Turn the errors of numbers that leave their range into one, that of a divergence.

    Python raises OverflowError, and torch RuntimeError for a number that a tensor cannot hold.

    Raises:
        FloatingPointError: for either of them.
    """
    try:
        yield
    except OverflowError as error:
        reason = error.args[-1] if error.args else "a number is too large"
        raise FloatingPointError(str(reason)) from error
    except RuntimeError as error:
        if "without overflow" not in str(error):
            raise
        raise FloatingPointError(str(error)) from error


def divergences(method: str, restored: Tensor) -> dict[int, str]:
    """Say which restorations are none: they hold NaN or infinity, or values beyond any image.

    Args:
        method: its name, for the reasons.
        restored: (B, 3, H, W), for images on [-1, 1].

    Returns:
        position in the batch -> reason; empty where all lie within :data:`LARGEST`.
    """
    largest = restored.abs().flatten(1).amax(1).tolist()
    finite = restored.isfinite().flatten(1).all(1).tolist()
    reasons = {}
    for position, (reached, whole) in enumerate(zip(largest, finite, strict=True)):
        if not whole:
            reasons[position] = f"{method} diverged: the restoration is not finite"
        elif reached > LARGEST:
            reasons[position] = (
                f"{method} diverged: its values reach {reached:.1e}, beyond float16's {LARGEST:g}"
            )
    return reasons


def check_times(times: Sequence[int], *, least: int = 1, travel: bool = False) -> tuple[int, ...]:
    """Check an explicit time grid.

    Args:
        times: the time indices.
        least: how many there must be.
        travel: whether times may rise again after they have fallen.

    Raises:
        ValueError: too few, or not integers of at least 0 that fall strictly.
    """
    whole = all(isinstance(t, Integral) and not isinstance(t, bool) and t >= 0 for t in times)
    falls = [t - s for t, s in pairwise(times)] if whole else []
    falling = all(falls) and falls[:1] > [0] if travel and falls else all(f > 0 for f in falls)
    if len(times) < max(1, least) or not whole or not falling:
        but = " but for time travel" if travel else ""
        few = f", at least {least} of them" if least > 1 else ""
        raise ValueError(
            f"times must be integers of at least 0, strictly falling{but}{few}, got {times!r}"
        )
    return tuple(int(t) for t in times)


def steps_of(moves: Sequence[Move], schedule: Schedule) -> list[Step]:
    """Moves with the signal powers at their ends."""
    return [
        Step(
            move.number,
            len(moves),
            move.t,
            move.s,
            schedule.abar(move.t),
            schedule.abar(move.s),
            move.travels,
        )
        for move in moves
    ]
