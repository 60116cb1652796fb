"""Separable operators with borders, through the singular value decomposition of each axis.

``A x = M_rows x M_cols^T`` for every channel. With ``M = U diag(s) V^T`` for each axis and
``S = s_rows s_cols^T``,

    A x   = U_rows (S * (V_rows^T x V_cols)) U_cols^T
    A^T y = V_rows (S * (U_rows^T y U_cols)) V_cols^T
    A A^T has the eigenvalues S^2.

Singular values of M below 0.03 are zero, in ``A`` itself. Garber & Tirer, CVPR 2024, section 5;
the decomposition by axes is that of Kawar et al., "Denoising Diffusion Restoration Models", 2022,
appendix D.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ddpg.operators.base import SamplingGrid
from ddpg.operators.parity import (
    AxisTransform,
    even_columns,
    is_symmetric_about_its_centre,
    parity_basis,
)
from ddpg.operators.spectral import SpectralOperator
from ddpg.operators.task_kernels import half_pixel_cubic_taps

SMALLEST_SINGULAR_VALUE = 0.03


class AxisFactors(NamedTuple):
    """``M = left diag(singular) right^T`` of one axis: (m, k), (k,) and (n, k), float64."""

    left: Tensor
    singular: Tensor
    right: Tensor


class SeparableOperator(SpectralOperator):
    """One small matrix per axis, applied to every channel.

    Args:
        rows: factors of the matrix that acts on columns of pixels (the vertical axis).
        columns: factors of the matrix that acts on rows of pixels.
        gains: multipliers of the coefficients, (k_rows, k_cols) or one set per channel; by
            default the products of singular values.
        sampling_grid: for downsampling, where the samples lie.
        dtype: float32 or float64.
        device: where the factors live.
    """

    def __init__(
        self,
        rows: AxisFactors,
        columns: AxisFactors,
        *,
        gains: Tensor | None = None,
        sampling_grid: SamplingGrid | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        rows, columns, gains = _even_first(rows, columns, gains)
        super().__init__(
            (len(rows.right), len(columns.right)),
            (len(rows.left), len(columns.left)),
            dtype=dtype,
            device=device,
        )
        self._exact = (rows, columns, gains)
        self.sampling_grid = sampling_grid
        exact_gains = torch.outer(rows.singular, columns.singular) if gains is None else gains
        self._gains = exact_gains.to(self.device, dtype)
        self._eigenvalues = (exact_gains**2).to(self.device, dtype)
        self._left_rows, self._left_columns, self._right_rows, self._right_columns = (
            AxisTransform(factor, dtype, self.device)
            for factor in (rows.left, columns.left, rows.right, columns.right)
        )

    @property
    def eigenvalues(self) -> Tensor:
        """Squared gains, (h, w) or, where channels differ, (3, h, w)."""
        return self._eigenvalues

    @property
    def observed(self) -> Tensor:
        """All: a singular value that was set to zero keeps its direction."""
        return torch.ones_like(self._gains, dtype=torch.bool)

    def image_coordinates(self, x: Tensor) -> Tensor:
        """``V_rows^T x V_cols``, truncated singular values included."""
        self._check(x, self._image_size, "images")
        return self._analyse_image(x)

    def from_image_coordinates(self, coordinates: Tensor) -> Tensor:
        """``V_rows c V_cols^T``."""
        return self._synthesise_image(coordinates)

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> SeparableOperator:
        rows, columns, gains = self._exact
        return SeparableOperator(
            rows,
            columns,
            gains=gains,
            sampling_grid=self.sampling_grid,
            dtype=dtype,
            device=device,
        )

    def _check(self, images: Tensor, size: tuple[int, int], what: str) -> None:
        super()._check(images, size, what)
        if self._gains.ndim == 3 and images.shape[-3:-2] != self._gains.shape[:1]:
            raise ValueError(
                f"this operator treats each colour channel differently: {what} must be "
                f"(..., {len(self._gains)}, {size[0]}, {size[1]}), got shape {tuple(images.shape)}"
            )

    def _analyse_image(self, x: Tensor) -> Tensor:
        return self._right_columns.analyse_columns(self._right_rows.analyse_rows(x))

    def _analyse_observation(self, y: Tensor) -> Tensor:
        return self._left_columns.analyse_columns(self._left_rows.analyse_rows(y))

    def _project(self, image_spectrum: Tensor) -> Tensor:
        return image_spectrum.mul_(self._gains)

    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        return observation_spectrum * self._gains

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        half = self._right_rows.synthesise_rows(image_spectrum)
        return self._right_columns.synthesise_columns(half)

    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        half = self._left_rows.synthesise_rows(observation_spectrum)
        return self._left_columns.synthesise_columns(half)


def factorise(matrix: Tensor) -> AxisFactors:
    """Thin SVD in float64, singular values falling; below 0.03 they become zero.

    Of a matrix that treats both ends alike every singular vector is even or odd, also where
    singular values coincide.
    """
    matrix = matrix.double()
    if is_symmetric_about_its_centre(matrix):
        bases = zip(parity_basis(matrix.shape[0]), parity_basis(matrix.shape[1]), strict=True)
        parts = [_svd(left.mT @ matrix @ right, left, right) for left, right in bases]
        joined = AxisFactors(*(torch.cat(same, dim=-1) for same in zip(*parts, strict=True)))
    else:
        joined = _svd(matrix)
    order = joined.singular.argsort(descending=True, stable=True)
    left, singular, right = (factor[..., order] for factor in joined)
    return AxisFactors(left, torch.where(singular < SMALLEST_SINGULAR_VALUE, 0.0, singular), right)


def _svd(matrix: Tensor, left: Tensor | None = None, right: Tensor | None = None) -> AxisFactors:
    """Thin SVD of ``left matrix right^T``, given orthonormal columns."""
    u, singular, vh = torch.linalg.svd(matrix, full_matrices=False)
    v = vh.mT.contiguous()
    return AxisFactors(u if left is None else left @ u, singular, v if right is None else right @ v)


def _even_first(
    rows: AxisFactors, columns: AxisFactors, gains: Tensor | None
) -> tuple[AxisFactors, AxisFactors, Tensor | None]:
    """The same operator with its even singular vectors in front, where all have a parity."""
    orders = [_parity_order(axis) for axis in (rows, columns)]
    rows, columns = (
        AxisFactors(*(factor[..., order] for factor in axis))
        for axis, order in zip((rows, columns), orders, strict=True)
    )
    if gains is not None:
        gains = gains[..., orders[0], :][..., orders[1]]
    return rows, columns, gains


def _parity_order(axis: AxisFactors) -> Tensor:
    even = even_columns(axis.right)
    if even is None:
        return torch.arange(len(axis.singular))
    return (~even).int().argsort(stable=True)


def blur_matrix(taps: Tensor, size: int) -> Tensor:
    """``M[i, j] = taps[j - i + L//2]``: zero outside the image.

    Args:
        taps: (L,), float64.
        size: pixels along the axis.

    Returns:
        (size, size), float64.
    """
    pixels = torch.arange(size)
    offsets = pixels[None, :] - pixels[:, None] + len(taps) // 2
    inside = (offsets >= 0) & (offsets < len(taps))
    return torch.where(inside, taps[offsets.clamp(0, len(taps) - 1)], 0.0)


def downsampling_matrix(size: int, scale: int) -> Tensor:
    """Cubic downsampling of one axis: sample n weighs the pixels around ``n scale + scale//2``.

    Args:
        size: pixels along the axis, divisible by ``scale``.
        scale: pixels per sample.

    Returns:
        (size // scale, size), float64. Pixels outside are reflected, the edge repeated.
    """
    taps = half_pixel_cubic_taps(scale)
    matrix = torch.zeros(size // scale, size, dtype=torch.float64)
    for sample in range(size // scale):
        first = sample * scale + scale // 2 - len(taps) // 2
        matrix[sample].index_add_(0, reflect(first + torch.arange(len(taps)), size), taps)
    return matrix


def reflect(indices: Tensor, size: int) -> Tensor:
    """Bring indices into [0, size) by reflection with the edge repeated: -1 -> 0, -2 -> 1."""
    folded = indices % (2 * size)
    return torch.where(folded < size, folded, 2 * size - 1 - folded)


def downsampling_grid(scale: int) -> SamplingGrid:
    """Samples of :func:`downsampling_matrix`: its taps are centred half a pixel to the left."""
    return SamplingGrid(scale, offset=scale // 2 - 0.5, periodic=False)
