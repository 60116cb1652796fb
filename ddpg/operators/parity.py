"""Half the work for matrices that treat both ends of an axis alike.

A matrix with ``M[m-1-i, n-1-j] = M[i, j]`` maps even vectors to even ones and odd to odd; so do its
singular vectors. Folding a vector about its middle, ``x[i] +- x[n-1-i]``, then leaves two products
of half the size each way where there was one of full size: half the multiplications.
"""

from __future__ import annotations

import torch
from torch import Tensor


def parity_basis(size: int) -> tuple[Tensor, Tensor]:
    """Orthonormal bases of the even and of the odd vectors, as columns, float64."""
    identity = torch.eye(size, dtype=torch.float64)
    half = size // 2
    root = 0.5**0.5
    even = root * (identity + identity.flip(0))[:, : size - half]
    if size % 2:
        even[:, half] = identity[:, half]
    return even, root * (identity - identity.flip(0))[:, :half]


def is_symmetric_about_its_centre(matrix: Tensor) -> bool:
    """Whether both ends of the axes are treated alike, up to rounding."""
    return torch.allclose(matrix, matrix.flip(0, 1), rtol=0, atol=1e-14)


def even_columns(factor: Tensor) -> Tensor | None:
    """Which columns are even, where all others are odd; None for any other matrix."""
    overlap = (factor * factor.flip(0)).sum(0)
    if not bool(((overlap.abs() - 1).abs() < 1e-9).all()):
        return None
    return overlap > 0


class AxisTransform:
    """``F^T x`` and ``F c`` along the rows or columns of images, folded where ``F`` allows it.

    Args:
        factor: F, (n, k), float64, with orthonormal columns; where they have a parity, the even
            ones come first.
        dtype: of the images.
        device: where they are.
    """

    def __init__(self, factor: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        # Folding has its price: with few columns, as in downsampling, it is not worth it.
        worth = len(factor) % 2 == 0 and 2 * factor.shape[1] > len(factor)
        even = even_columns(factor) if worth else None
        self._half = 0 if even is None else len(factor) // 2
        parts = [factor] if even is None else [factor[: self._half, c] for c in (even, ~even)]
        self._parts = [part.contiguous().to(device, dtype) for part in parts]
        self._sizes = [part.shape[1] for part in parts]

    def analyse_rows(self, x: Tensor) -> Tensor:
        """``F^T x`` for x (..., n, w)."""
        return torch.cat(
            [f.mT @ part for f, part in zip(self._parts, self._folded(x, -2), strict=True)], -2
        )

    def analyse_columns(self, x: Tensor) -> Tensor:
        """``x F`` for x (..., h, n)."""
        return torch.cat(
            [part @ f for f, part in zip(self._parts, self._folded(x, -1), strict=True)], -1
        )

    def synthesise_rows(self, c: Tensor) -> Tensor:
        """``F c`` for c (..., k, w)."""
        parts = c.split(self._sizes, -2)
        return self._unfolded([f @ part for f, part in zip(self._parts, parts, strict=True)], -2)

    def synthesise_columns(self, c: Tensor) -> Tensor:
        """``c F^T`` for c (..., h, k)."""
        parts = c.split(self._sizes, -1)
        return self._unfolded([part @ f.mT for f, part in zip(self._parts, parts, strict=True)], -1)

    def _folded(self, x: Tensor, dim: int) -> list[Tensor]:
        if not self._half:
            return [x]
        first, second = x.split(self._half, dim)
        second = second.flip(dim)
        return [first + second, first - second]

    def _unfolded(self, parts: list[Tensor], dim: int) -> Tensor:
        if not self._half:
            return parts[0]
        even, odd = parts
        return torch.cat([even + odd, (even - odd).flip(dim)], dim)
