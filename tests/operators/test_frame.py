"""What lies outside a cropped observation is all that is unknown; transforms have fast sizes."""

from __future__ import annotations

import math
from unittest.mock import patch

import pytest
import torch
from scipy.fft import next_fast_len

from ddpg.operators import build_operator
from ddpg.operators.base import LOOSEST, guidance_tolerance
from ddpg.operators.general import blur
from ddpg.operators.general.blur import fast_length
from ddpg.operators.general.frame import inverse_toeplitz
from ddpg.operators.kernels import motion_kernel
from ddpg.operators.tasks import BORDERS

PRIMES = (13, 19)
"""Sides of pictures: 13 and 19 have no fast transform, nor have 13 + 4 and 19 + 4."""
TRANSFORMS = ("rfft2", "irfft2", "fft2", "ifft2", "rfft", "irfft", "fft", "ifft")


def random_kernel(*shape):
    kernel = torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return kernel / kernel.sum((-2, -1), keepdim=True)


def images(operator, count=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *operator.observation_shape)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(operator.dtype)


def dense_solution(operator, r, eta):
    """Through the matrix of A, which other tests compare with SciPy's convolutions."""
    pixels = operator.image_shape[1] * operator.image_shape[2]
    units = torch.eye(pixels, dtype=torch.float64).reshape(pixels, 1, *operator.image_shape[1:])
    a = operator.forward(units).flatten(1).mT
    matrix = a @ a.mT + eta * torch.eye(len(a), dtype=torch.float64)
    return torch.linalg.solve(matrix, r.flatten(2).movedim(-1, 0).flatten(1)).mT.reshape(r.shape)


class Recorder:
    """The lengths of the transforms that are asked for, and how many there are of two axes."""

    def __init__(self):
        self.lengths, self.planes = set(), 0

    def __enter__(self):
        self._patches = [
            patch.object(torch.fft, name, self._recording(name)) for name in TRANSFORMS
        ]
        for each in self._patches:
            each.start()
        return self

    def __exit__(self, *_raised):
        for each in self._patches:
            each.stop()

    def _recording(self, name):
        transform, planes = getattr(torch.fft, name), name.endswith("2")

        def recorded(values, *more, **options):
            found = transform(values, *more, **options)
            real = found if name.startswith("irfft") else values
            axes = (-2, -1) if planes else (options.get("dim", -1),)
            self.lengths |= {real.shape[axis] for axis in axes}
            self.planes += planes
            return found

        return recorded


@pytest.mark.parametrize(
    ("border", "sides", "scale"),
    [
        *((border, (5, 5), 1) for border in BORDERS if border != "circular"),
        ("circular", (5, 5), 2),
        ("reflect", (5, 3), 2),
        ("cropped", (3, 5), 3),
        ("cropped", (11, 15), 1),
        ("cropped", (1, 1), 1),
    ],
)
def test_pictures_with_prime_sides_have_fast_transforms(border, sides, scale):
    """Also behind kernels of more than half a picture, and none that is any wider."""
    with Recorder() as seen:
        operator = build_operator(
            "blur",
            PRIMES,
            kernel=random_kernel(*sides),
            border=border,
            scale=scale,
            dtype=torch.float64,
        )
        r = images(operator)
        found = operator.solve(r, 0.01, tolerance=1e-10)
        operator.adjoint(found.u)
    assert seen.planes
    for length in seen.lengths:
        assert length % scale == 0 or length == next_fast_len(length, real=True)
        assert max(set(_prime_factors(length)) - {scale}, default=1) <= 5, seen.lengths
    torch.testing.assert_close(found.u, dense_solution(operator, r, 0.01), atol=1e-7, rtol=0)


def _prime_factors(number):
    divisor = 2
    while number > 1:
        if number % divisor:
            divisor += 1
        else:
            number //= divisor
            yield divisor


@pytest.mark.parametrize("scale", [1, 2])
def test_a_cropped_blur_takes_two_transforms_an_iteration(scale):
    kernels = torch.stack([motion_kernel(9, 0.5, seed=seed) for seed in (1, 2)])
    operator = build_operator("blur", (61, 75), kernel=kernels, scale=scale, dtype=torch.float64)
    r = images(operator, 2)
    with Recorder() as seen:
        found = operator.solve(r, 0.01, r, tolerance=1e-5)
    assert seen.planes == 2 * int(found.iterations.max()) + 6
    off = operator.gram(found.u) + 0.01 * found.u - r
    assert float((off.flatten(1).norm(dim=1) / r.flatten(1).norm(dim=1)).max()) < 1e-5


def test_a_wide_frame_and_a_narrow_one_have_the_same_solution(monkeypatch):
    operator = build_operator("blur", PRIMES, kernel=random_kernel(2, 5, 7), dtype=torch.float64)
    r, start = images(operator, 2), images(operator, 2, seed=1)
    by_frame = operator.solve(r, 1e-3, start, tolerance=1e-9)
    monkeypatch.setattr(blur, "WIDEST_FRAME", 3)
    by_samples = operator.solve(r, 1e-3, start, tolerance=1e-9)
    torch.testing.assert_close(by_frame.u, by_samples.u, atol=1e-5, rtol=0)
    assert not torch.equal(by_frame.u, by_samples.u)


def test_no_image_depends_on_its_neighbours_behind_one_kernel():
    operator = build_operator("blur", (31, 37), kernel=motion_kernel(9, 0.5, seed=1))
    r = images(operator, 3)
    r[1] = torch.nan
    together = operator.resolvent(r, 1e-3)
    for i in (0, 2):
        assert torch.equal(operator.resolvent(r[i : i + 1], 1e-3)[0], together[i])


def test_toeplitz_matrices_are_inverted():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(2, 6, dtype=torch.complex128, generator=generator)
    first[:, 0] = 12
    steps = torch.arange(6)[:, None] - torch.arange(6)
    below, above = first[:, steps.clamp(min=0)], first[:, (-steps).clamp(min=0)].conj()
    matrices = torch.where(steps >= 0, below, above)
    for n in range(7):
        inverses = inverse_toeplitz(first[:, :n])
        torch.testing.assert_close(inverses, torch.linalg.inv(matrices[:, :n, :n]))


@pytest.mark.parametrize("border", ["cropped", "reflect"])
def test_guidance_is_equally_exact_at_every_eta(border):
    """As exact as the tolerance makes it at the least eta, and no iterations for more."""
    operator = build_operator(
        "blur", PRIMES, kernel=random_kernel(5, 5), border=border, dtype=torch.float64
    )
    y = images(operator)
    x = torch.zeros(1, *operator.image_shape, dtype=torch.float64)
    promised = operator.tolerance / (2 * math.sqrt(operator.smallest_eta)) * float(y.norm())
    for eta in (1e-4, 1e-2, 1.0):
        guided = operator.towards(operator.analyse(y))(x, eta)
        exact = operator.adjoint(dense_solution(operator, -y, eta))
        assert 1e-3 * promised * eta < float((guided - exact).norm()) < promised


def test_tolerances_grow_with_the_root_of_eta():
    grown = {1e-4: 1e-5, 1e-3: 1e-5, 1e-2: 2.5e-5, 1.0: 2.5e-4, 1e3: LOOSEST}
    for eta, expected in grown.items():
        assert guidance_tolerance(1e-5, eta, 1e-4) == pytest.approx(expected)
    assert guidance_tolerance(5e-3, 1e-2, 1e-4) == 5e-3


def test_fast_lengths_are_those_of_scipy():
    lengths = range(1, 2000)
    assert [fast_length(n) for n in lengths] == [next_fast_len(n, real=True) for n in lengths]
