"""Guidance steps as they are usually written: both guidances on their own, channel by channel."""

from __future__ import annotations

import torch
from torch import Tensor


class FourierBaseline:
    """Circular blur and decimation; the kernel is laid out and transformed again at each use."""

    def __init__(self, kernel: Tensor, size: int, scale: int = 1) -> None:
        self.kernel, self.size, self.scale = kernel, size, scale

    def transfer(self) -> Tensor:
        """The full complex spectrum of the kernel."""
        side = self.kernel.shape[-1]
        padded = torch.zeros(self.size, self.size)
        padded[:side, :side] = self.kernel
        centre = (side - 1) // 2
        return torch.fft.fft2(torch.roll(padded, (-centre, -centre), (0, 1)))

    def forward(self, channel: Tensor) -> Tensor:
        """A x."""
        blurred = torch.fft.ifft2(torch.fft.fft2(channel) * self.transfer()).real
        return blurred[:: self.scale, :: self.scale]

    def adjoint(self, channel: Tensor) -> Tensor:
        """A^T y."""
        upsampled = torch.zeros(self.size, self.size)
        upsampled[:: self.scale, :: self.scale] = channel
        return torch.fft.ifft2(torch.fft.fft2(upsampled) * self.transfer().conj()).real

    def pinv(self, channel: Tensor, eta: float) -> Tensor:
        """A^T (A A^T + eta I)^-1 y."""
        autocorrelation = torch.fft.ifft2(self.transfer().abs() ** 2)
        folded = torch.fft.fft2(autocorrelation[:: self.scale, :: self.scale])
        solved = torch.fft.ifft2(torch.fft.fft2(channel) / (folded + eta)).real
        return self.adjoint(solved)


class SeparableBaseline:
    """A small matrix for each axis, through its complete singular value decomposition."""

    def __init__(self, rows: Tensor, columns: Tensor, smallest: float = 0.03) -> None:
        self.rows, self.columns = (
            (u, torch.where(s < smallest, 0.0, s), vh)
            for u, s, vh in (torch.linalg.svd(m, full_matrices=True) for m in (rows, columns))
        )

    def forward(self, channel: Tensor) -> Tensor:
        """A x."""
        (u, s, vh), (p, q, wh) = self.rows, self.columns
        spectrum = (vh @ channel @ wh.mT)[: len(s), : len(q)]
        return u @ (spectrum * torch.outer(s, q)) @ p.mT

    def adjoint(self, channel: Tensor) -> Tensor:
        """A^T y."""
        return self._back(channel, torch.outer(self.rows[1], self.columns[1]))

    def pinv(self, channel: Tensor, eta: float) -> Tensor:
        """A^T (A A^T + eta I)^-1 y."""
        gains = torch.outer(self.rows[1], self.columns[1])
        return self._back(channel, gains / (gains**2 + eta))

    def _back(self, channel: Tensor, gains: Tensor) -> Tensor:
        (u, s, vh), (p, q, wh) = self.rows, self.columns
        spectrum = torch.zeros(len(vh), len(wh))
        spectrum[: len(s), : len(q)] = (u.mT @ channel @ p) * gains
        return vh.mT @ spectrum @ wh


class MaskBaseline:
    """Inpainting, and denoising with a mask of ones."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def forward(self, channel: Tensor) -> Tensor:
        """A x."""
        return self.mask * channel

    def adjoint(self, channel: Tensor) -> Tensor:
        """A^T y."""
        return self.mask * channel

    def pinv(self, channel: Tensor, eta: float) -> Tensor:
        """A^T (A A^T + eta I)^-1 y."""
        return self.mask * channel / (self.mask + eta)


Baseline = FourierBaseline | SeparableBaseline | MaskBaseline


def guided(operator: Baseline, x0: Tensor, y: Tensor, eta: float, delta: float) -> Tensor:
    """``x0 - [(1 - delta) g_BP + delta g_LS]`` of one image (1, 3, H, W), and its copy on the CPU.

    The two guidances do not know of each other, nor the colour channels.
    """
    back_projection = _by_channel(lambda x, y: operator.pinv(operator.forward(x) - y, eta), x0, y)
    least_squares = _by_channel(lambda x, y: operator.adjoint(operator.forward(x) - y), x0, y)
    result = x0 - ((1 - delta) * back_projection + delta * least_squares)
    result.clone().to("cpu")
    return result


def _by_channel(function, x0: Tensor, y: Tensor) -> Tensor:
    channels = [function(x0[0, c], y[0, c]) for c in range(x0.shape[1])]
    return torch.stack(channels).unsqueeze(0)
