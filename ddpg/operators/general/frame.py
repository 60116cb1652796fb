"""The resolvent of a part of a periodic operator, by what is unknown outside that part.

``M = C K C^T`` with ``K = |H|^2 + eta`` on a periodic grid, where C keeps the upper left part: a
blur with the border "cropped" has such an ``A A^T + eta``. With R for the rest of the grid, the
bottom rows and the right columns, ``M u = r`` is the same as

    K^-1 (C^T r - R^T f) = C^T u,    nothing of it on the rest:    S f = R K^-1 C^T r

with ``S = R K^-1 R^T``, a system for the few pixels f of the rest (the inverse of a part is the
Schur complement of the inverse: Horn & Johnson, "Matrix Analysis", 2013, section 0.7.3). Conjugate
gradients for f take one transform and one back for each iteration, those for u two and two, and
their vectors are short. If S f is off by e, then M u is off by ``C K R^T e``, which is no longer
than ``max |H|^2 / 2`` times e.

They are preconditioned by the inverses of S for the bottom rows and for the right columns, each of
which is periodic along its length: small matrices, one for each frequency.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.conjugate_gradients import Map
from ddpg.operators.fourier import complete_spectrum


class Frame:
    """The rest of a periodic grid, as vectors (..., 1, pixels), and ``S`` on it.

    Args:
        eigenvalues: ``|H|^2`` on the half spectrum of the grid, (R, Q // 2 + 1), or
            (B, 1, R, Q // 2 + 1).
        grid: (R, Q), rows and columns.
        part: (h, w) of what C keeps, at most the grid.
        eta: above 0.
    """

    def __init__(
        self, eigenvalues: Tensor, grid: tuple[int, int], part: tuple[int, int], eta: float
    ) -> None:
        self._grid, self._part = grid, part
        self._inverse = 1 / (eigenvalues + eta)
        self._bands: tuple[Tensor, Tensor] | None = None

    def inverse(self, v: Tensor) -> Tensor:
        """``K^-1 v`` for v (..., R, Q)."""
        return torch.fft.irfft2(torch.fft.rfft2(v).mul_(self._inverse), s=self._grid)

    def taken(self, v: Tensor) -> Tensor:
        """``R v``: the bottom rows, then what is left of the right columns."""
        h, w = self._part
        pieces = v[..., h:, :].flatten(-2), v[..., :h, w:].flatten(-2)
        return torch.cat(pieces, -1).unsqueeze(-2)

    def spread(self, f: Tensor) -> Tensor:
        """``R^T f``: zeros on the part."""
        (rows, columns), (h, w) = self._grid, self._part
        bottom, right = f.squeeze(-2).split([(rows - h) * columns, h * (columns - w)], -1)
        v = f.new_zeros(*f.shape[:-2], rows, columns)
        v[..., h:, :] = bottom.unflatten(-1, (rows - h, columns)) if rows > h else 0
        v[..., :h, w:] = right.unflatten(-1, (h, columns - w)) if columns > w else 0
        return v

    def matrix(self, f: Tensor) -> Tensor:
        """``S f``."""
        return self.taken(self.inverse(self.spread(f)))

    def preconditioner(self) -> Map:
        """The inverse of S for the bottom rows alone, and that for the right columns, added."""
        bottom, right = self._band_inverses()
        (rows, columns), (h, w) = self._grid, self._part

        def apply(f: Tensor) -> Tensor:
            v = self.spread(f)
            found = torch.zeros_like(v)
            if rows > h:
                along = torch.fft.rfft(v[..., h:, :]).transpose(-1, -2)
                found[..., h:, :] = torch.fft.irfft(_each(bottom, along).transpose(-1, -2), columns)
            if columns > w:
                along = torch.fft.rfft(v[..., :, w:], dim=-2)
                found[..., :, w:] += torch.fft.irfft(_each(right, along), rows, dim=-2)
            return self.taken(found)

        return apply

    def _band_inverses(self) -> tuple[Tensor, Tensor]:
        """(..., frequencies, n, n) for the n bottom rows, and for the n right columns."""
        (rows, columns), (h, w) = self._grid, self._part
        exact = self._inverse.double()
        down = torch.fft.ifft(exact, dim=-2).transpose(-1, -2)
        across = torch.fft.ifft(complete_spectrum(exact, columns)[..., : rows // 2 + 1, :])
        dtype = self._inverse.dtype.to_complex()
        return (
            inverse_toeplitz(down[..., : rows - h]).to(dtype),
            inverse_toeplitz(across[..., : columns - w]).to(dtype),
        )


def inverse_toeplitz(first: Tensor) -> Tensor:
    """Inverses of Hermitian, positive definite Toeplitz matrices, in n^2 operations each.

    The first column by Durbin's recursion, the others from it by Trench's (Golub & Van Loan,
    "Matrix Computations", 2013, section 4.7).

    Args:
        first: (..., n), the first columns of the matrices.

    Returns:
        (..., n, n).
    """
    n = first.shape[-1]
    inverse = first.new_zeros(*first.shape, n)
    if n == 0:
        return inverse
    column = _first_column(first)
    head = column[..., :1].real
    mirrored = column.flip(-1).conj()
    inverse[..., 0, :], inverse[..., :, 0] = column.conj(), column
    for i in range(n - 1):
        gained = column[..., i + 1, None] * column[..., 1:].conj()
        lost = mirrored[..., i, None] * mirrored[..., :-1].conj()
        inverse[..., i + 1, 1:] = inverse[..., i, :-1] + (gained - lost) / head
    return inverse


def _first_column(first: Tensor) -> Tensor:
    """The first columns of the inverses: predictors, divided by the power of their errors."""
    predictor = torch.ones_like(first[..., :1])
    power = first[..., :1].real
    none = torch.zeros_like(predictor)
    for m in range(1, first.shape[-1]):
        missed = (predictor * first[..., 1 : m + 1].flip(-1)).sum(-1, keepdim=True)
        reflected = -missed / power
        longer = torch.cat([predictor, none], -1)
        predictor = longer + reflected * longer.flip(-1).conj()
        power = power * (1 - reflected.real**2 - reflected.imag**2)
    return predictor / power


def _each(matrices: Tensor, vectors: Tensor) -> Tensor:
    """A matrix (..., frequencies, n, n) on the vectors (B, C, frequencies, n) of its frequency.

    Colours share a product; images do not, so that none is rounded by how many there are.
    """
    shared = matrices.squeeze(1) if matrices.ndim == 5 else matrices
    columns = vectors.movedim(-3, -1)
    return torch.matmul(shared.expand(*columns.shape[:-1], -1), columns).movedim(-1, -3)
