"""Preconditioned conjugate gradients, for many images at once.

Hestenes & Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems", 1952, with a
preconditioner (Saad, "Iterative Methods for Sparse Linear Systems", 2003, algorithm 9.1). Every
image of a batch is a system of its own: its numbers stand still as soon as its residual is small
enough, whatever the others need, so that no image depends on its neighbours.

Whether all are done is asked on a CPU, where it costs nothing. Of a GPU it is asked only if the
caller agrees to wait; else the loop runs to its limit, and images that are done change no more.
Such a limit can belong to the image, so that it does not depend on the batch either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]

PATIENCE = 8
"""Iterations after which a GPU is asked if all are done."""


class Solution(NamedTuple):
    """Solutions of a batch.

    Attributes:
        u: like the right-hand side.
        converged: (B,), whether the residual became small enough.
        iterations: (B,), how many it took.
    """

    u: Tensor
    converged: Tensor
    iterations: Tensor


def solve(
    matrix: Map,
    preconditioner: Map,
    r: Tensor,
    *,
    start: Tensor | None = None,
    tolerance: float = 1e-6,
    small: Tensor | None = None,
    limit: int,
    limits: Tensor | None = None,
    waits: bool = True,
) -> Solution:
    """Solve ``M u = r`` for a symmetric, positive definite M.

    Args:
        matrix: M, on tensors like ``r``.
        preconditioner: an approximate inverse of M, symmetric and positive definite.
        r: (B, ...), one system for each image.
        start: a guess, like ``r``; images for which it is worse than nothing start at zero.
        tolerance: of ``|M u - r| / |r|`` as the recurrence has it.
        small: (B,), lengths ``|M u - r|`` that are small enough, in place of a tolerance.
        limit: most iterations.
        limits: (B,), most iterations of each image, if they differ; none above ``limit``.
        waits: whether a GPU may be asked, now and then, if all are done.
    """
    u, residual = begin(matrix, r, start)
    small = small_lengths(r, tolerance) if small is None else small
    enough = small.reshape(-1, *(1,) * (r.ndim - 1)) ** 2
    direction = preconditioner(residual)
    power = inner_products(residual, direction)
    active = inner_products(residual, residual) > enough
    iterations = torch.zeros_like(active, dtype=torch.long)
    allowed = None if limits is None else limits.reshape(active.shape)
    for number in range(limit):
        if _all_done(active, waits and number % PATIENCE == 0):
            break
        iterations += active
        image = matrix(direction)
        # What is done has steps of zero from here on: not a bit of it changes.
        step = torch.where(active, power / inner_products(direction, image), 0)
        u = torch.addcmul(u, step, direction)
        residual = torch.addcmul(residual, -step, image)
        active = active & (inner_products(residual, residual) > enough)
        if allowed is not None:
            active = active & (iterations < allowed)
        preconditioned = preconditioner(residual)
        before, power = power, torch.where(active, inner_products(residual, preconditioned), power)
        turned = torch.addcmul(preconditioned, power / before, direction)
        direction = torch.where(active, turned, direction)
    converged = ~(inner_products(residual, residual) > enough)
    return Solution(u, converged.flatten(), iterations.flatten())


def small_lengths(r: Tensor, tolerance: float, least: Tensor | None = None) -> Tensor:
    """How long residuals may stay, (B,): a tolerance of ``|r|``, or of ``least`` if it is longer.

    Args:
        r: right-hand sides, (B, ...).
        tolerance: above 0.
        least: (B,), or None.
    """
    length = lengths(r)
    return tolerance * (length if least is None else torch.maximum(length, least))


def begin(matrix: Map, r: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
    """Where iterations begin: a guess and its residual, or zero and ``r``, image by image."""
    if start is None:
        return torch.zeros_like(r), r
    residual = r - matrix(start)
    helps = inner_products(residual, residual) < inner_products(r, r)
    return torch.where(helps, start, 0), torch.where(helps, residual, r)


def lengths(r: Tensor) -> Tensor:
    """``|r|`` of each image, (B,)."""
    return inner_products(r, r).sqrt().flatten()


def inner_products(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of each image with its partner, (B, 1, ...).

    In two sums: a single one over all of an image would be split among threads where there is but
    one image, and rounded in another way than within a batch.
    """
    products = a * b
    return products.sum(-1).flatten(1).sum(1).reshape(-1, *(1,) * (a.ndim - 1))


def _all_done(active: Tensor, waits: bool) -> bool:
    """Whether no image is left, where the host can know it, or is willing to wait for it."""
    if active.device.type == "cpu":
        return not active.numpy().any()
    return waits and not bool(active.any())
