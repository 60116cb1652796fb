"""Muon: momentum whose every update is orthogonalised, for the kernels of convolutions.

Gradients of a kernel, seen as a matrix from its inputs to its outputs, have a few large singular
values; a step along them changes little else. Muon (Jordan et al., "Muon: an optimizer for hidden
layers in neural networks", 2024) replaces them by ones. ``torch.optim.Muon`` takes matrices only,
and iterates in bfloat16, which processors without its instructions emulate.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration; they take singular values in (0, 1] near 1 in five steps (Jordan)."""

ITERATIONS = 5
MOMENTUM = 0.95


def orthogonalised(matrices: Tensor) -> Tensor:
    """The matrices with singular values near one, between about 0.7 and 1.2.

    All factors of the iteration are polynomials of one Gram matrix, so it runs on that: its side
    is the shorter side of the matrices.

    Args:
        matrices: (N, rows, columns), of any scale.

    Source: Jordan et al. (2024), Newton-Schulz iteration of degree five.

    >>> torch.manual_seed(0) and None
    >>> values = torch.linalg.svdvals(orthogonalised(torch.randn(1, 4, 30)))
    >>> bool((values > 0.6).all() and (values < 1.3).all())
    True
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    matrices = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    gram = matrices @ matrices.mT
    one = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    linear, cubic, quintic = COEFFICIENTS
    product = one
    for _ in range(ITERATIONS):
        factor = linear * one + cubic * gram + quintic * (gram @ gram)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ matrices


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov's momentum for kernels of any shape (outputs, ...).

    Args:
        kernels: parameters with at least two dimensions, the first of which counts outputs.
        learning_rate: spectral norm of a step of a kernel with no more outputs than inputs.

    Raises:
        ValueError: a parameter has fewer than two dimensions.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], learning_rate: float | Tensor) -> None:
        super().__init__(kernels, {"lr": learning_rate})
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.ndim < 2:
                    raise ValueError(f"Muon takes matrices and kernels, got {tuple(kernel.shape)}")

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # closures are not needed
        """Move every kernel; those of one shape are done together. All must have a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = {}
            for kernel in group["params"]:
                by_shape.setdefault(kernel.shape, []).append(kernel)
            for shape, kernels in by_shape.items():
                directions = orthogonalised(self._ahead(kernels).flatten(2))
                rows, columns = directions.shape[1:]
                steps = directions * (group["lr"] * max(1.0, rows / columns) ** 0.5)
                for kernel, step in zip(kernels, steps, strict=True):
                    kernel.sub_(step.reshape(shape))

    def _ahead(self, kernels: list[nn.Parameter]) -> Tensor:
        """The gradients with the momentum of the next step in them, stacked.

        One tensor holds the momentum of all; it is kept with the first of them.
        """
        gradients = torch.stack([kernel.grad for kernel in kernels if kernel.grad is not None])
        state = self.state[kernels[0]]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradients)
        state["momentum"].lerp_(gradients, 1 - MOMENTUM)
        return gradients.lerp_(state["momentum"], MOMENTUM)
