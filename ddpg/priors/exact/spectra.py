"""Stationary Gaussian pictures: their spectra, and the coordinates in which they are independent.

A picture is ``x = m + Q^T F^-1 sqrt(S) F Q z`` with white z, the unitary transform F of each
channel and an orthonormal change of colours Q: grey, red against blue, green against both. S holds
a variance for each of these colours and each frequency, (3, H, W).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

COLOURS = (
    torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=torch.float64)
    / torch.tensor([[3.0], [2.0], [6.0]], dtype=torch.float64).sqrt()
)
"""Q, orthonormal."""


@dataclass(frozen=True)
class Spectrum:
    """A power spectrum that falls with the frequency.

        S(colour, k) proportional to (1 + |k|^2 / corner^2)^(-exponent / 2)

    with |k| in periods a picture.

    Attributes:
        mean: of every pixel.
        deviation: standard deviation of every pixel, on the [-1, 1] scale.
        exponent: how fast the power falls beyond the corner; photographs have about 2.
        corner: the frequency at which it begins to fall, in periods a picture.
        colour: power of each of the two opposed colours, relative to that of grey.
    """

    mean: float = 0.0
    deviation: float = 0.2
    exponent: float = 2.0
    corner: float = 1.0
    colour: float = 0.1

    def power(self, size: tuple[int, int]) -> Tensor:
        """S of pictures of a size, (3, H, W), float64; its mean is the variance of a pixel."""
        rows, columns = (torch.fft.fftfreq(side, d=1 / side, dtype=torch.float64) for side in size)
        squares = rows[:, None] ** 2 + columns[None] ** 2
        shape = (1 + squares / self.corner**2) ** (-self.exponent / 2)
        shape = shape / shape.mean()
        shares = torch.tensor([1.0, self.colour, self.colour], dtype=torch.float64)
        shares = 3 * shares / shares.sum()
        return self.deviation**2 * shares[:, None, None] * shape


def analyse(x: Tensor) -> Tensor:
    """``F Q x`` of pictures (..., 3, H, W), complex."""
    return torch.fft.fft2(in_colours(x), norm="ortho")


def synthesise(spectrum: Tensor) -> Tensor:
    """``Q^T F^-1`` of a spectrum, the real pictures (..., 3, H, W)."""
    return of_colours(torch.fft.ifft2(spectrum, norm="ortho").real)


def filtered(x: Tensor, gains: Tensor) -> Tensor:
    """``Q^T F^-1 gains F Q x`` with gains (3, H, W), or (B, 3, H, W), that are even."""
    return synthesise(gains * analyse(x))


def pixel_variance(variances: Tensor) -> Tensor:
    """The variances of red, green and blue from those of the independent colours, (3, ...)."""
    return _mixed((COLOURS**2).T, variances, dim=-variances.ndim)


def in_colours(x: Tensor) -> Tensor:
    """``Q x``."""
    return _mixed(COLOURS, x)


def of_colours(u: Tensor) -> Tensor:
    """``Q^T u``."""
    return _mixed(COLOURS.T, u)


def _mixed(matrix: Tensor, x: Tensor, dim: int = -3) -> Tensor:
    """A matrix applied to the channels."""
    moved = torch.movedim(x, dim, -1) @ matrix.to(x).T
    return torch.movedim(moved, -1, dim)


def circulant(power: Tensor) -> Tensor:
    """The covariance of all pixels of one colour, (HW, HW), from its spectrum (H, W)."""
    height, width = power.shape
    kernel = torch.fft.ifft2(power).real  # covariance at each displacement
    row, column = (
        index.reshape(-1) for index in
        torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    )  # fmt: skip
    return kernel[(row[:, None] - row) % height, (column[:, None] - column) % width]
