"""Folded products against plain ones."""

from __future__ import annotations

import pytest
import torch

from ddpg.operators.parity import AxisTransform, even_columns, parity_basis
from ddpg.operators.separable import blur_matrix, downsampling_matrix, factorise
from ddpg.operators.task_kernels import BLUR_TAPS

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_parity_bases_are_orthonormal_and_have_their_parity(size: int) -> None:
    even, odd = parity_basis(size)
    both = torch.cat([even, odd], dim=1)
    torch.testing.assert_close(both.mT @ both, torch.eye(size, dtype=torch.float64))
    assert torch.equal(even.flip(0), even)
    assert torch.equal(odd.flip(0), -odd)


@pytest.mark.parametrize("task", BLUR_TAPS)
@pytest.mark.parametrize("size", [36, 37, 256])
def test_every_singular_vector_of_a_blur_has_a_parity(task: str, size: int) -> None:
    """Also of the box, whose singular values coincide."""
    for taps in BLUR_TAPS[task]:
        factors = factorise(blur_matrix(taps, size))
        assert even_columns(factors.left) is not None
        assert even_columns(factors.right) is not None
        assert bool((factors.singular.diff() <= 0).all())
        rebuilt = factors.left * factors.singular @ factors.right.mT
        lost = torch.linalg.matrix_norm(rebuilt - blur_matrix(taps, size), 2)
        assert float(lost) < 0.03


@pytest.mark.parametrize("size", [12, 13])
def test_folded_transforms_are_the_plain_products(size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, size, size, generator=generator, dtype=torch.float64)
    factors = factorise(blur_matrix(torch.ones(5, dtype=torch.float64) / 5, size))
    order = (~even_columns(factors.right)).int().argsort(stable=True)
    v = factors.right[:, order]
    transform = AxisTransform(v, torch.float64, CPU)
    close = torch.testing.assert_close
    close(transform.analyse_rows(x), v.mT @ x)
    close(transform.analyse_columns(x), x @ v)
    close(transform.synthesise_rows(x), v @ x)
    close(transform.synthesise_columns(x), x @ v.mT)


def test_matrices_without_parity_are_multiplied_as_they_are() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(8, 8, generator=generator, dtype=torch.float64)
    factors = factorise(matrix + 8 * torch.eye(8))
    assert even_columns(factors.right) is None
    x = torch.randn(3, 8, 8, generator=generator, dtype=torch.float64)
    transform = AxisTransform(factors.right, torch.float64, CPU)
    torch.testing.assert_close(transform.analyse_rows(x), factors.right.mT @ x)
    rebuilt = factors.left * factors.singular @ factors.right.mT
    torch.testing.assert_close(rebuilt, matrix + 8 * torch.eye(8))


def test_downsampling_has_a_parity_too() -> None:
    assert even_columns(factorise(downsampling_matrix(64, 4)).right) is not None
