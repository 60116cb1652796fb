"""Gaussian deblurring as the published code computes it under the name SVD.

This is *not* the blur. The published implementation (as those of DDRM and DDNM before it) sorts the
products of singular values and the coefficients of an image, lays the latter out with the channel
running fastest, but repeats the singular values as if it ran slowest: entry number k of the vector
meets ``G_sorted[k mod N]`` where ``G_sorted[k // 3]`` belongs. The paper's Gaussian-deblurring
figures (Garber & Tirer, CVPR 2024, tables 1 and 2) were computed so, which is the one reason to
keep it: use the "svd" or the "fft" backend for everything else.

The slip only reassigns gains to coefficients, so the operator is still separable in its bases,
with gains that differ between channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.operators.base import CHANNELS
from ddpg.operators.separable import AxisFactors


def published_gains(rows: AxisFactors, columns: AxisFactors) -> Tensor:
    """The multiplier that each coefficient of each channel really meets.

    Args:
        rows, columns: factors of the two axes.

    Returns:
        (3, k_rows, k_cols), float64.
    """
    products = torch.outer(rows.singular, columns.singular)
    # In float32, as published: the order among products that are tied there matters.
    gains, order = torch.sort(products.float().flatten(), descending=True)
    positions = CHANNELS * torch.arange(len(gains)) + torch.arange(CHANNELS)[:, None]
    scattered = torch.empty(CHANNELS, len(gains), dtype=torch.float64)
    scattered[:, order] = products.flatten()[order][positions % len(gains)]
    return scattered.unflatten(1, products.shape)
