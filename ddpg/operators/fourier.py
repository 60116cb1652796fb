"""Periodic convolution, with decimation or without: diagonal in the Fourier basis.

``A = D_s C_h``: circular convolution by a kernel whose centre sits at the origin, then pixels
``[::s, ::s]``. With the unitary transform and the transfer function ``H``,

    A x   = 1/s  sum of the s^2 aliases of  H X          (folding)
    A^T y = 1/s  conj(H) times the periodic repetition of Y
    A A^T = 1/s^2  sum of the s^2 aliases of |H|^2       on the grid of the observations.

Garber & Tirer, CVPR 2024, section 5. Real images: only half of each spectrum is kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.base import SamplingGrid
from ddpg.operators.spectral import SpectralOperator


class FourierOperator(SpectralOperator):
    """Circular convolution followed by decimation.

    Args:
        kernel: (k, m) or, one per image, (B, k, m), float64; a kernel larger than the image is
            wrapped around.
        image_size: (H, W), divisible by ``scale``.
        scale: decimation factor; 1 for none.
        origin: (row, column) of the tap that meets the pixel itself; by default the middle one.
        dtype: float32 or float64.
        device: where the spectra live.
    """

    def __init__(
        self,
        kernel: Tensor,
        image_size: tuple[int, int],
        *,
        scale: int = 1,
        origin: tuple[int, int] | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        height, width = image_size
        super().__init__(
            image_size,
            (height // scale, width // scale),
            dtype=dtype,
            device=device,
            batch_size=len(kernel) if kernel.ndim == 3 else None,
        )
        self._exact = kernel
        self._scale = scale
        self._origin = origin
        exact = transfer_function(kernel, image_size, origin) / scale
        spectrum = self._fold(exact.real**2 + exact.imag**2).clamp_(min=0)
        complex_dtype = torch.complex64 if dtype == torch.float32 else torch.complex128
        self._transfer = exact.to(self.device, complex_dtype)
        self._eigenvalues = spectrum.to(self.device, dtype)
        if scale > 1:
            self.sampling_grid = SamplingGrid(scale, offset=0.0, periodic=True)

    @property
    def eigenvalues(self) -> Tensor:
        """Folded ``|H|^2``: (h, w//2 + 1), or (B, 1, h, w//2 + 1) with one kernel per image."""
        return self._eigenvalues

    def _like(self, exact: Tensor, dtype: torch.dtype, device: torch.device) -> FourierOperator:
        return FourierOperator(
            exact,
            self._image_size,
            scale=self._scale,
            origin=self._origin,
            dtype=dtype,
            device=device,
        )

    def _analyse_image(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x, norm="ortho")

    def _analyse_observation(self, y: Tensor) -> Tensor:
        return torch.fft.rfft2(y, norm="ortho")

    def _project(self, image_spectrum: Tensor) -> Tensor:
        return self._fold(image_spectrum.mul_(self._transfer))

    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        if self._scale == 1:
            return observation_spectrum * self._transfer.conj()
        width, small_width = self._image_size[1], self._observation_size[1]
        columns = torch.arange(width // 2 + 1, device=observation_spectrum.device) % small_width
        row_of_tiles = complete_spectrum(observation_spectrum, small_width)[..., columns]
        # The tiles below one another are equal: broadcasting repeats them.
        bands = self._transfer.unflatten(-2, (self._scale, -1)).conj()
        return (row_of_tiles.unsqueeze(-3) * bands).flatten(-3, -2)

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        return torch.fft.irfft2(image_spectrum, s=self._image_size, norm="ortho")

    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        return torch.fft.irfft2(observation_spectrum, s=self._observation_size, norm="ortho")

    def _fold(self, half_spectrum: Tensor) -> Tensor:
        """Sum the aliases of a half spectrum of the image grid onto the observation's."""
        if self._scale == 1:
            return half_spectrum
        rows_folded = half_spectrum.unflatten(-2, (self._scale, -1)).sum(-3)
        full = complete_spectrum(rows_folded, self._image_size[1])
        folded = full.unflatten(-1, (self._scale, -1)).sum(-2)
        return folded[..., : self._observation_size[1] // 2 + 1]


def complete_spectrum(half: Tensor, width: int) -> Tensor:
    """The full spectrum of a real image from its columns ``0 ... width // 2``.

    Args:
        half: (..., rows, width // 2 + 1), with ``X[-r, -c] = conj(X[r, c])``.
        width: columns of the full spectrum.
    """
    mirrored = half[..., 1 : width - half.shape[-1] + 1].flip(-1)
    # Row r of the tail is row -r: reversing puts row 0 last, rolling brings it back.
    tail = mirrored.flip(-2).roll(1, dims=-2).conj()
    return torch.cat([half, tail], dim=-1)


def transfer_function(
    kernel: Tensor, image_size: tuple[int, int], origin: tuple[int, int] | None = None
) -> Tensor:
    """Half spectrum of kernels laid on the image grid, by default with their centre at the origin.

    Args:
        kernel: (k, m) or (B, k, m), float64.
        image_size: (H, W).
        origin: (row, column) of the tap that lies at the origin.

    Returns:
        (H, W//2 + 1) or (B, 1, H, W//2 + 1), complex128.
    """
    height, width = image_size
    tall, wide = kernel.shape[-2:]
    row, column = ((tall - 1) // 2, (wide - 1) // 2) if origin is None else origin
    rows = torch.zeros(*kernel.shape[:-2], height, wide, dtype=kernel.dtype)
    rows.index_add_(-2, (torch.arange(tall) - row) % height, kernel)
    padded = torch.zeros(*kernel.shape[:-2], height, width, dtype=kernel.dtype)
    padded.index_add_(-1, (torch.arange(wide) - column) % width, rows)
    transfer = torch.fft.rfft2(padded)
    return transfer.unsqueeze(1) if kernel.ndim == 3 else transfer
