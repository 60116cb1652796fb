"""The dot test, for every operator that is added to the package and for those outside it."""

from __future__ import annotations

from typing import Any

import torch

from ddpg.errors import UserError


class AdjointMismatchError(UserError, AssertionError):
    """``<A x, y>`` and ``<x, A^T y>`` differ."""


def check_adjoint(
    operator: Any, *, seed: int = 0, batch: int = 2, tolerance: float | None = None
) -> None:
    """Check ``<A x, y> = <x, A^T y>`` on random x and y, image by image.

    Args:
        operator: with ``forward``, ``adjoint``, ``image_shape``, ``observation_shape``, ``dtype``,
            ``device`` and ``batch_size`` as of :class:`ddpg.operators.LinearOperator`.
        seed: of the random x and y.
        batch: number of images; the operator's own if it holds one kernel per image.
        tolerance: allowed difference relative to ``|A x| |y| + |x| |A^T y|``; by default a
            hundred rounding errors of the operator's dtype.

    Raises:
        AdjointMismatchError: the two sides differ; the message gives both.

    Example:
        >>> from ddpg.operators import build_operator
        >>> check_adjoint(build_operator("deblur_gauss", (12, 9), backend="fft"))
    """
    count = operator.batch_size or batch
    generator = torch.Generator().manual_seed(seed)
    x, y = (
        torch.randn((count, *shape), generator=generator, dtype=torch.float64).to(
            operator.device, operator.dtype
        )
        for shape in (operator.image_shape, operator.observation_shape)
    )
    forward, adjoint = operator.forward(x), operator.adjoint(y)
    left, right = _dot(forward, y), _dot(x, adjoint)
    scale = (_dot(forward, forward) * _dot(y, y)).sqrt()
    scale = scale + (_dot(x, x) * _dot(adjoint, adjoint)).sqrt()
    allowed = 100 * torch.finfo(operator.dtype).eps if tolerance is None else tolerance
    # Negated, so that NaN counts as a mismatch.
    wrong = ~((left - right).abs() <= allowed * scale)
    if bool(wrong.any()):
        image = int(wrong.nonzero()[0])
        raise AdjointMismatchError(
            f"{type(operator).__name__.lstrip('_')} fails the dot test on image {image}: "
            f"<A x, y> = {float(left[image])!r}, <x, A^T y> = {float(right[image])!r} "
            f"(allowed difference {float(allowed * scale[image]):.3g})"
        )


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.double() * b.double()).flatten(1).sum(1)
