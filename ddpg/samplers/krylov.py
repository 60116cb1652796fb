"""A few steps of a Krylov solver from 0, for each image by itself.

A product ``M u`` comes with an image that belongs to it, linear in u; what is returned is the image
that belongs to the solution. Nothing but what the steps need is computed: k products for k steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ddpg.operators.conjugate_gradients import inner_products

Product = Callable[[Tensor], tuple[Tensor, Tensor]]
"""``u -> (M u, its image)``."""

Solver = Callable[[Product, Tensor, int], Tensor]


def conjugate_gradients(product: Product, b: Tensor, steps: int) -> Tensor:
    """Steps of Hestenes & Stiefel, 1952, for a symmetric M.

    Args:
        product: with M.
        b: the right-hand side, (B, ...).
        steps: how many, at least 1.
    """
    residual = direction = b
    power = inner_products(b, b)
    solution: Tensor | float = 0.0
    for step in range(steps):
        Mp, image = product(direction)
        length = quotient(power, inner_products(direction, Mp))
        solution = solution + length * image
        if step + 1 < steps:
            residual = residual - length * Mp
            before, power = power, inner_products(residual, residual)
            direction = residual + quotient(power, before) * direction
    return torch.as_tensor(solution)


def minimal_residual(product: Product, b: Tensor, steps: int) -> Tensor:
    """The least ``|b - M u|`` of the Krylov space, for any M: what GMRES gives.

    Walker & Zhou, "A simpler GMRES", 1994: the products are made orthonormal, so that no small
    system is left to solve. Arguments as for :func:`conjugate_gradients`.
    """
    candidate, residual = b, b
    products: list[Tensor] = []
    images: list[Tensor] = []
    solution: Tensor | float = 0.0
    for _ in range(steps):
        Mp, image = product(candidate)
        for other, its_image in zip(products, images, strict=True):
            share = inner_products(other, Mp)
            Mp, image = Mp - share * other, image - share * its_image
        norm = inner_products(Mp, Mp).sqrt()
        Mp, image = quotient(Mp, norm), quotient(image, norm)
        length = inner_products(residual, Mp)
        solution = solution + length * image
        residual = residual - length * Mp
        products.append(Mp)
        images.append(image)
        candidate = Mp
    return torch.as_tensor(solution)


SOLVERS: Mapping[str, Solver] = {"cg": conjugate_gradients, "gmres": minimal_residual}


def quotient(a: Tensor, b: Tensor) -> Tensor:
    """``a / b``, and 0 where b is: there the space ends, and the solution is found."""
    return torch.where(b == 0, 0, a / b)
