"""Compressed sensing: a random share of the rows of a Walsh-Hadamard matrix.

``A = S W`` with W the orthonormal two-dimensional transform of each channel, ``W_H x W_W / sqrt(H
W)`` in natural order, and S a choice of its coefficients: ``A A^T = I``. The measurements of a
channel stand in one row, in the order of the rows of W. The first of them, the mean, is always
measured: no photograph is taken without it.

Candes & Wakin, "An Introduction to Compressive Sampling", IEEE Signal Processing Magazine, 2008.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ddpg.operators.tight.frame import TightOperator


class HadamardOperator(TightOperator):
    """Some Walsh-Hadamard coefficients of each channel.

    Args:
        image_size: (H, W), powers of two.
        rows: (m,), or (B, m) with a choice for each image: numbers of the measured coefficients,
            rising, in [0, H W).
        dtype: float32 or float64.
        device: where its tensors live.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        rows: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(
            image_size,
            (1, rows.shape[-1]),
            power=1.0,
            dtype=dtype,
            device=device,
            batch_size=len(rows) if rows.ndim == 2 else None,
        )
        self._exact = rows
        self._rows = (rows if rows.ndim == 1 else rows.unsqueeze(1)).to(self.device)

    def _like(self, exact: Tensor, dtype: torch.dtype, device: torch.device) -> HadamardOperator:
        return HadamardOperator(self._image_size, exact, dtype=dtype, device=device)

    def _analyse_image(self, x: Tensor) -> Tensor:
        coefficients = walsh_hadamard(x).flatten(-2)
        rows = self._rows.expand(*coefficients.shape[:-1], -1)
        return coefficients.gather(-1, rows).unsqueeze(-2)

    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        measured = image_spectrum.squeeze(-2)
        height, width = self._image_size
        coefficients = measured.new_zeros(*measured.shape[:-1], height * width)
        coefficients = coefficients.scatter(-1, self._rows.expand_as(measured), measured)
        return walsh_hadamard(coefficients.unflatten(-1, self._image_size))


def walsh_hadamard(x: Tensor) -> Tensor:
    """The orthonormal transform along the last two axes, whose sides are powers of two.

    It is its own inverse.
    """
    height, width = x.shape[-2:]
    flat = x.flatten(-2)
    # In natural order the transform of H x W is that of H W: index bits are taken one by one.
    stride = height * width // 2
    while stride:
        pairs = flat.unflatten(-1, (-1, 2, stride))
        sums, differences = pairs.sum(-2), pairs[..., 0, :] - pairs[..., 1, :]
        flat = torch.stack([sums, differences], -2).flatten(-3)
        stride //= 2
    return (flat / math.sqrt(height * width)).unflatten(-1, (height, width))


def random_rows(size: tuple[int, int], share: float, seed: int | Sequence[int]) -> Tensor:
    """A random choice of coefficients, the mean among them.

    Args:
        size: (H, W).
        share: of the H W coefficients, rounded; at least one is chosen.
        seed: of the choice, or one for each image.

    Returns:
        (m,) or (B, m), rising.
    """
    if not isinstance(seed, int):
        return torch.stack([random_rows(size, share, one) for one in seed])
    count = size[0] * size[1]
    random = np.random.default_rng(seed)
    chosen = random.permutation(np.arange(1, count))[: max(1, round(share * count)) - 1]
    return torch.from_numpy(np.sort(np.concatenate([[0], chosen])))
