"""Methods that differentiate through the network: DPS and PiGDM.

Both need ``(d x0/d x)^T v`` for a direction v that depends on ``x0``: one forward and one backward
pass, which count as one evaluation. Images are taken a few at a time, which bounds the memory and,
because nothing couples the images of a batch, changes no result.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.problem import Problem, Step


class GradientSampler(DiffusionSampler):
    """A sampler with gradients of its estimate; ``gradient_batch`` images at a time."""

    @abstractmethod
    def direction(self, problem: Problem, x0: Tensor, step: Step) -> Tensor:
        """``v``, from the estimates of the images of ``problem``, like ``x0``."""

    def differentiate(
        self, problem: Problem, x: Tensor, step: Step
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate and noise of :meth:`predict`, and ``(d x0/d x)^T v``; no graph is kept.

        Raises:
            ValueError: the prior's answer does not depend on its argument by differentiable steps.
        """
        parts = [
            self._differentiate(part, x[images], step)
            for images, part in problem.parts(self.hyper_parameters["gradient_batch"])
        ]
        x0, e, gradient = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        return x0, e, gradient

    def _differentiate(
        self, problem: Problem, x: Tensor, step: Step
    ) -> tuple[Tensor, Tensor, Tensor]:
        # Inference mode, unlike no_grad, cannot be left by enable_grad.
        with torch.inference_mode(mode=False), torch.enable_grad():
            variable = x.detach().clone().requires_grad_()
            x0, e = self.predict(problem, variable, step)
            if not e.requires_grad:
                raise ValueError(
                    f"{self.name} differentiates through the prior, but the eps of "
                    f"{type(problem.prior).__name__} carries no gradient"
                )
            with torch.no_grad():
                v = self.direction(problem, x0.detach(), step)
            (gradient,) = torch.autograd.grad(x0, variable, v)
        return x0.detach(), e.detach(), gradient
