"""DDNM: denoising diffusion null-space models.

Wang, Yu & Zhang, "Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model", ICLR
2023 (arXiv 2212.00490), algorithm 1; time travel (section 3.3) goes in the order of RePaint's jumps
(Lugmayr et al., CVPR 2022), as the authors' code has it. Made for observations without noise; given
noise, it fits the noise, see :mod:`ddpg.samplers.algorithms.ddnm_plus`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from ddpg.priors.schedule import Schedule
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import CLEAN, Move, Problem, Step, check_times


class DDNM(DiffusionSampler):
    """The range part of every estimate is replaced by what y says, the null-space part stays."""

    name: ClassVar[str] = "ddnm"
    keeps_known_pixels: ClassVar[bool] = True

    def check_times(self, times: Sequence[int]) -> tuple[int, ...]:
        """Times may rise again: a stretch is then walked once more."""
        return check_times(times, travel=True)

    def grid(self, schedule: Schedule) -> list[int]:
        """Equally spaced times, with the jumps back of time travel."""
        times = schedule.uniform_times(self.hyper_parameters["steps"])[::-1]
        length, repeat = (self.hyper_parameters[f"travel_{name}"] for name in ("length", "repeat"))
        return [times[index] for index in travel(len(times), length, repeat)]

    def moves(self, times: Sequence[int]) -> list[Move]:
        """One move for each call of the network; upward moves join the one before them.

        An upward move forgets everything but the estimate ``x0``, so of a stretch of them only
        the last one, with its noise, counts.
        """
        visited = [*times, CLEAN]
        moves: list[Move] = []
        for number, (t, s) in enumerate(pairwise(visited)):
            up = s > t
            moves.append(Move(number, moves.pop().t if up else t, s, travels=up))
        return moves

    def step(self, problem: Problem, x: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """One iteration of algorithm 1, or a jump back in time."""
        x0, e = self.predict(problem, x, step)
        signal, noise = math.sqrt(step.abar_s), math.sqrt(1 - step.abar_s)
        if step.travels:
            # back in time: x = sqrt(abar_j) x0 + sqrt(1-abar_j) z
            return signal * x0 + noise * problem.fresh_noise(step.index), x0
        # xc = x0 - A^+ (A x0 - y)
        x_s = signal * (x0 - problem.guidance(x0, self.hyper_parameters["reg"]))
        if noise > 0:
            # x_s = sqrt(abar_s) xc + sqrt(1-abar_s) [eta z + sqrt(1-eta^2) e]
            eta = self.hyper_parameters["eta"]
            x_s.add_(e, alpha=noise * math.sqrt(1 - eta**2))
            x_s.add_(problem.fresh_noise(step.index), alpha=noise * eta)
        return x_s, x0


def travel(count: int, length: int, repeat: int) -> list[int]:
    """The order in which the indices ``count - 1 ... 0`` are visited.

    Args:
        count: number of time indices.
        length: L; jumps go back by L from each of 0, L, 2L, ... below ``count - L``.
        repeat: r; each of them is jumped from r - 1 times.
    """
    jumps = dict.fromkeys(range(0, count - length, length), repeat - 1)
    visited, index = [], count
    while index > 0:
        index -= 1
        visited.append(index)
        if jumps.get(index, 0) > 0:
            jumps[index] -= 1
            visited += range(index + 1, index + length + 1)
            index += length
    return visited
