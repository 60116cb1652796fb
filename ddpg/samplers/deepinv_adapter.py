"""Runs a reconstructor of the library deepinv as a method.

A plug-in derives from :class:`DeepinvSampler`, says which reconstructor it means, and registers the
class as any method (see examples/plugin). deepinv is optional (``pip install ddpg[deepinv]``).

Tachella et al., "DeepInverse: A Python package for solving imaging inverse problems with deep
learning", 2025. Its images lie in [0, 1]: with ``u = (x + 1)/2``, the observation
``(y + A 1)/2`` is ``A u + sigma_y e``.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import MissingLibraryError, UserError
from ddpg.operators.base import LinearOperator
from ddpg.samplers.base import Given, Sampler
from ddpg.samplers.catalogue import METHODS, NOISY_SCALE


class DeepinvSampler(Sampler):
    """A method whose work a ``deepinv.models.Reconstructor`` does, one image at a time.

    Taken one at a time, no image can depend on another, whatever stopping rules the reconstructor
    has; and what it draws from torch's global generators follows from the image's own noise.
    """

    @abstractmethod
    def reconstructor(self, device: torch.device) -> nn.Module:
        """The reconstructor, called as ``reconstructor(y, physics)``, with images in [0, 1]."""

    @property
    def network_evaluations(self) -> int:
        """As the method's description declares: only the reconstructor knows."""
        return METHODS[self.name].evaluations

    def restored(self, given: Given) -> Tensor:
        """Run the reconstructor.

        Raises:
            UserError: deepinv is not installed, or the reconstructor returns another shape.
        """
        y, operator, noise = given.y, given.operator, given.noise
        make_physics = _physics_class(self.name)
        model = self.reconstructor(y.device).to(y.device)
        shape = (len(y), *operator.image_shape)
        draws = None if noise is None else noise.initial(shape)
        images = []
        for i in range(len(y)):
            part = operator.select([i]) if operator.batch_size == len(y) else operator
            ones = torch.ones((1, *operator.image_shape), dtype=y.dtype, device=y.device)
            observed = (y[i : i + 1] + part.forward(ones)) / 2
            with torch.random.fork_rng([] if y.device.type == "cpu" else [y.device]):
                torch.manual_seed(0 if draws is None else _seed(draws[i]))
                estimate = model(observed, make_physics(part, given.sigma / NOISY_SCALE))
            if estimate.shape != ones.shape:
                raise UserError(
                    f"{self.name}: the reconstructor must return shape {tuple(ones.shape)}, "
                    f"got {tuple(estimate.shape)}"
                )
            images.append(2 * estimate.to(y) - 1)
        return torch.cat(images)


def _physics_class(method: str) -> Any:
    """deepinv's view of an operator, as a class that is made where deepinv is there."""
    try:
        from deepinv.physics import GaussianNoise, LinearPhysics
    except ImportError as error:
        raise MissingLibraryError(method, "deepinv", error) from error

    class OperatorPhysics(LinearPhysics):
        """``A``, ``A^T``, ``A^+`` and the proximal operator, all exact, on images in [0, 1]."""

        def __init__(self, operator: LinearOperator, sigma: float) -> None:
            super().__init__(
                img_size=operator.image_shape,
                noise_model=GaussianNoise(sigma=sigma),
                device=operator.device,
            )
            self.operator = operator

        def A(self, x: Tensor, **_: Any) -> Tensor:  # noqa: N802
            return self.operator.forward(x)

        def A_adjoint(self, y: Tensor, **_: Any) -> Tensor:  # noqa: N802
            return self.operator.adjoint(y)

        def A_dagger(self, y: Tensor, **_: Any) -> Tensor:  # noqa: N802
            return self.operator.pinv(y, 0)

        def prox_l2(self, z: Tensor, y: Tensor, gamma: float | Tensor, **_: Any) -> Tensor:
            """``argmin_x gamma/2 |A x - y|^2 + 1/2 |x - z|^2``."""
            towards_y = self.operator.towards(self.operator.analyse(y))
            return z - towards_y(z, 1 / float(gamma))

    return OperatorPhysics


def _seed(draw: Tensor) -> int:
    """A seed that belongs to an image as its noise does."""
    digest = hashlib.sha256(draw.float().cpu().numpy().tobytes()).digest()
    return int.from_bytes(digest[:7], "little")
