"""The published code's slip, followed entry by entry."""

from __future__ import annotations

import torch

from ddpg.operators import build_operator
from ddpg.operators.separable import blur_matrix, factorise
from ddpg.operators.task_kernels import gaussian_taps


def multiply_as_published(x, *, correct):
    """Coefficients sorted, laid out channel fastest, and multiplied by the repeated gains."""
    height, width = x.shape[-2:]
    rows, columns = (factorise(blur_matrix(gaussian_taps(5, 10.0), n)) for n in (height, width))
    coefficients = (rows.right.mT @ x @ columns.right).reshape(3, -1)
    products = torch.outer(rows.singular, columns.singular).float().flatten()
    gains, order = torch.sort(products, descending=True)
    vector = coefficients[:, order].mT.reshape(-1)
    for k in range(len(vector)):
        vector[k] *= gains[k // 3 if correct else k % len(gains)].double()
    coefficients = torch.empty_like(coefficients)
    coefficients[:, order] = vector.reshape(-1, 3).mT
    return rows.left @ coefficients.reshape(3, height, width) @ columns.left.mT


def test_svd_published_is_the_slip_and_svd_is_the_blur():
    x = torch.randn(3, 13, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for backend, correct in (("svd-published", False), ("svd", True)):
        operator = build_operator("deblur_gauss", (13, 10), backend=backend, dtype=torch.float64)
        expected = multiply_as_published(x, correct=correct)
        torch.testing.assert_close(operator.forward(x), expected, atol=1e-6, rtol=0)


def test_the_slip_treats_channels_differently():
    grey = torch.ones(1, 3, 12, 12)
    red, green, _ = build_operator("deblur_gauss", 12, backend="svd-published").forward(grey)[0]
    assert float((red - green).abs().max()) > 0.01
