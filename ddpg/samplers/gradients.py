"""Methods that differentiate through the network, such as DPS and PiGDM.

They need ``(d x0/d x)^T v`` for directions v that depend on ``x0``: a forward and a backward pass,
which count as one evaluation. Images are taken a few at a time, which bounds the memory and,
because nothing couples the images of a batch, changes no result.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import Problem, Step

Transposed = Callable[[Tensor], Tensor]
"""``v -> (d x0/d x)^T v``."""


class GradientSampler(DiffusionSampler):
    """A sampler with gradients of its estimate; ``gradient_batch`` images at a time."""

    def in_parts(self, problem: Problem) -> list[tuple[slice, Problem]]:
        """The problem in batches that are differentiated at a time, each with where it lies."""
        return problem.parts(self.hyper_parameters["gradient_batch"])

    @contextmanager
    def linearised(
        self, problem: Problem, x: Tensor, step: Step, *, again: bool = False
    ) -> Iterator[tuple[Tensor, Tensor, Transposed]]:
        """Estimate and noise of :meth:`predict`, and the transpose of the estimate's Jacobian.

        Args:
            problem: of a part of the batch.
            x: its ``x_t``.
            step: the time.
            again: whether the transpose is applied more than once; the graph is kept that long.

        Raises:
            ValueError: the prior's answer does not depend on its argument by differentiable steps.
        """
        # Inference mode, unlike no_grad, cannot be left by enable_grad.
        with torch.inference_mode(mode=False):
            with torch.enable_grad():
                variable = x.detach().clone().requires_grad_()
                x0, e = self.predict(problem, variable, step)
            if not e.requires_grad:
                raise ValueError(
                    f"{self.name} differentiates through the prior, but the eps of "
                    f"{type(problem.prior).__name__} carries no gradient"
                )

            def transposed(v: Tensor) -> Tensor:
                return torch.autograd.grad(x0, variable, v, retain_graph=again)[0]

            with torch.no_grad():
                yield x0.detach(), e.detach(), transposed


class DirectedSampler(GradientSampler):
    """A sampler that needs the gradient in one direction, in every step."""

    @abstractmethod
    def direction(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:
        """``v``, from the estimates of the images of ``problem``, like ``x0``."""

    def differentiate(
        self, problem: Problem, x: Tensor, step: Step
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate and noise of :meth:`predict`, and ``(d x0/d x)^T v``; no graph is kept."""
        parts = []
        for images, part in self.in_parts(problem):
            with self.linearised(part, x[images], step) as (x0, e, transposed):
                parts.append((x0, e, transposed(self.direction(part, x0, step))))
        x0, e, gradient = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        return x0, e, gradient


def misfit_direction(problem: Problem, x0: Tensor) -> Tensor:
    """The gradient of ``|A x0 - y|`` with respect to ``x0``, image by image; 0 at its tip."""
    residual = problem.operator.forward(x0) - problem.y
    norm = torch.linalg.vector_norm(residual, dim=(1, 2, 3), keepdim=True)
    return problem.operator.adjoint(residual / norm.clamp(min=torch.finfo(norm.dtype).tiny))
