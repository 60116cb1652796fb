"""CM4IR: zero-shot image restoration using few-step guidance of consistency models.

Garber & Tirer, "Zero-Shot Image Restoration Using Few-Step Guidance of Consistency Models (and
Beyond)", CVPR 2025 (arXiv 2412.20596), algorithm 1, as its authors' code runs it. The prior is a
consistency model ``F(x, sigma)``, ``x = clean + sigma z``. The start is a back-projection of y plus
noise; then few levels ``sigma_k = sqrt(1 - abar_k)`` follow, whose abar grows by ``1 + gamma``, up
to 0.9999. With noise in y the model has the last word, without noise the observation has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from torch import Tensor

from ddpg.priors.base import ConsistencyPrior
from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import STANDARD_SCHEDULE, DiffusionSampler
from ddpg.samplers.problem import CLEAN, Problem, Step, steps_of

HIGHEST_ABAR = 0.9999


class CM4IR(DiffusionSampler):
    """Jump to the end of the flow, back-project, put some noise back, a few times.

    Args:
        times: instead of the levels of ``steps``, ``iN`` and ``gamma``, those of these times of the
            linear schedule of 1000 steps.
        hyper_parameters: see :data:`ddpg.samplers.catalogue.METHODS`.

    Raises:
        ValueError: there is not one of ``deltas`` for each level.
    """

    name: ClassVar[str] = "cm4ir"
    keeps_known_pixels: ClassVar[bool] = True

    def __init__(self, *, times: Sequence[int] | None = None, **hyper_parameters: Any) -> None:
        super().__init__(times=times, **hyper_parameters)
        count, deltas = self.network_evaluations, self.hyper_parameters["deltas"]
        if any(deltas) and len(deltas) != count:
            raise ValueError(f"deltas must be {count} numbers, one for each level, got {deltas!r}")

    @property
    def network_evaluations(self) -> int:
        """One for each level."""
        return self.hyper_parameters["steps"] if self._times is None else len(self._times)

    def grid(self, schedule: Schedule) -> list[int]:
        """The times that are nearest to the levels, for what shows times."""
        return [schedule.time_of_level(math.sqrt((1 - a) / a)) for a in self._abars()]

    def _abars(self) -> list[float]:
        """``abar_(iN+1)``, whose authors' index runs one further, and what grows from it."""
        iN, gamma = self.hyper_parameters["iN"], self.hyper_parameters["gamma"]
        abars = [STANDARD_SCHEDULE.abar(iN + 1)]
        while len(abars) < self.hyper_parameters["steps"]:
            abars.append(min((1 + gamma) * abars[-1], HIGHEST_ABAR))
        return abars

    def walk(self, problem: Problem) -> list[Step]:  # noqa: ARG002
        """One step for each level; consistency models have no times of their own."""
        times = self.times(STANDARD_SCHEDULE)
        if self._times is not None:
            return steps_of(self.moves(times), STANDARD_SCHEDULE)
        abars, count = [*self._abars(), 1.0], len(times)
        return [
            Step(k, count, t, s, abars[k], abars[k + 1])
            for k, (t, s) in enumerate(zip(times, [*times[1:], CLEAN], strict=True))
        ]

    def _regularisation(self, problem: Problem) -> float:
        """``zeta s^2``."""
        return float(self.hyper_parameters["zeta"] * problem.sigma**2)

    def start(self, problem: Problem, first: Step) -> Tensor:
        """``B y + sigma_0 x_T``."""
        back = problem.operator.pinv(problem.y, self._regularisation(problem))
        return back + math.sqrt(1 - first.abar_t) * problem.initial_noise()

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1."""
        sigma, eta = math.sqrt(1 - step.abar_t), self.hyper_parameters["eta"]
        deltas = self.hyper_parameters["deltas"]
        delta = deltas[step.index] if any(deltas) else 0.0
        model = cast(ConsistencyPrior, problem.prior)
        # x0 = clip(F(x, (1 + delta) sigma), -1, 1)
        x0 = model.consistency(x, (1 + delta) * sigma).clamp(-1, 1)
        if step.s == CLEAN and problem.sigma > 0:
            return x0, x0
        # x* = x0 - B (A x0 - y)
        xs = problem.proximal(x0, self._regularisation(problem))
        if step.s == CLEAN:
            return xs, x0
        # x = x* + sigma_(k+1) [eta z + sqrt(1 - eta^2) (x0 - x)/sigma]; the sign is the authors'
        kept = math.sqrt(1 - eta**2) * (x0 - x) / sigma
        put_back = eta * problem.fresh_noise(step.index) + kept
        return xs + math.sqrt(1 - step.abar_s) * put_back, x0
