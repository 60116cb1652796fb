"""What every operator of the registry must do; a new task or backend is enrolled by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ddpg.operators import SpectralOperator, build_operator, check_adjoint

ETA = 0.007
SOLVED = 1e-4
"""What is left of a residual of 1e-6 where ``A^T (A A^T + eta I)^-1`` has a norm of up to 6."""


def apply(matrices, images, shape):
    """Apply (2, m, n) matrices to (2, 3, ...) images, channel by channel."""
    flat = images.flatten(2).numpy()
    return torch.tensor(np.einsum("bmn,bcn->bcm", matrices, flat)).reshape(len(images), *shape)


def regularised(dense, weight):
    """``A^T f(A A^T)`` of each image for ``f(lambda) = weight``, by dense eigendecomposition."""
    values, vectors = np.linalg.eigh(dense @ dense.transpose(0, 2, 1))
    filtered = (vectors * weight(values)[:, None]) @ vectors.transpose(0, 2, 1)
    return dense.transpose(0, 2, 1) @ filtered


def close(actual, expected, tolerance=1e-9):
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)


def test_forward_and_adjoint_are_the_dense_matrix(operator, dense, make_tensor):
    x, y = make_tensor(operator.image_shape), make_tensor(operator.observation_shape, 1)
    close(operator.forward(x), apply(dense, x, operator.observation_shape))
    close(operator.adjoint(y), apply(dense.transpose(0, 2, 1), y, operator.image_shape))


def test_pinv_is_the_dense_one(operator, dense, make_tensor):
    y = make_tensor(operator.observation_shape)
    expected = regularised(dense, lambda values: 1 / (values + ETA))
    tolerance = 1e-9 if operator.grade == "spectrum" else SOLVED
    close(operator.pinv(y, ETA), apply(expected, y, operator.image_shape), tolerance)


def test_resolvent_is_the_dense_one(operator, dense, make_tensor):
    r, start = (make_tensor(operator.observation_shape, seed) for seed in (0, 1))
    gram = dense @ dense.transpose(0, 2, 1)
    expected = apply(
        np.linalg.inv(gram + ETA * np.eye(len(gram[0]))), r, operator.observation_shape
    )
    close(operator.gram(r), apply(gram, r, operator.observation_shape))
    for given in ({}, {"start": start}, {"start": expected}):
        found = operator.resolvent(r, ETA, tolerance=1e-8, **given)
        close(found, expected, 1e-9 if operator.grade == "spectrum" else 1e-5)


def test_guidance_is_that_of_the_dense_matrix(operator, dense, make_tensor):
    """At every step of a restoration, also where one begins with the solution of the last."""
    y = make_tensor(operator.observation_shape, 1)
    towards_y = operator.with_tolerance(1e-9).towards(operator.analyse(y))
    for seed, eta, a, b in (
        (0, ETA, 0.3, 0.7),
        (2, ETA, 1.0, 0.0),
        (2, 0.1, 0.5, 0.0),
        (3, 1, 0, 1),
    ):
        x = make_tensor(operator.image_shape, seed)
        weighted = regularised(dense, lambda values, eta=eta, a=a, b=b: a / (values + eta) + b)
        residual = apply(dense, x, operator.observation_shape) - y
        close(towards_y(x, eta, a, b), apply(weighted, residual, operator.image_shape), 1e-6)
    assert not towards_y.unfinished()


def test_guidance_filters_the_residual_like_the_dense_matrix(spectral, dense, make_tensor):
    x, y = make_tensor(spectral.image_shape), make_tensor(spectral.observation_shape, 1)
    weights = 0.3 / (spectral.eigenvalues + ETA) + 0.7
    expected = regularised(dense, lambda values: 0.3 / (values + ETA) + 0.7)
    residual = apply(dense, x, spectral.observation_shape) - y
    close(
        spectral.guidance(x, spectral.analyse(y), weights),
        apply(expected, residual, spectral.image_shape),
        1e-8,
    )
    close(spectral.filtered_adjoint(y, weights), apply(expected, y, spectral.image_shape), 1e-8)


def test_spectrum_is_that_of_a_adjoint_a(spectral, dense, make_tensor):
    y = make_tensor(spectral.observation_shape)
    coordinates = spectral.analyse(y)
    gram = apply(dense @ dense.transpose(0, 2, 1), y, spectral.observation_shape)
    close(spectral.eigenvalues * coordinates, spectral.analyse(gram))
    assert bool((spectral.eigenvalues >= 0).all())
    largest = np.linalg.eigvalsh(dense @ dense.transpose(0, 2, 1)).max()
    assert float(spectral.eigenvalues.max()) == pytest.approx(largest, abs=1e-9)


def test_pseudo_inverse_without_regularisation(spectral, make_tensor):
    y = spectral.forward(make_tensor(spectral.image_shape))
    if float(spectral.eigenvalues[spectral.eigenvalues > 0].min()) < 1e-8:
        pytest.skip("eigenvalues at the rounding error have no meaningful inverse")
    close(spectral.forward(spectral.pinv(y, 0)), y, 1e-7)


def test_dot_test(case):
    check_adjoint(case.build(torch.float32))
    check_adjoint(case.build(torch.float64))


def test_gradient_of_forward_is_the_adjoint(operator, make_tensor):
    x = make_tensor(operator.image_shape).requires_grad_()
    y = make_tensor(operator.observation_shape, 1)
    (gradient,) = torch.autograd.grad((operator.forward(x) * y).sum(), x)
    close(gradient, operator.adjoint(y))


def test_arguments_are_left_alone(operator, make_tensor):
    x, y = make_tensor(operator.image_shape), make_tensor(operator.observation_shape, 1)
    start = make_tensor(operator.observation_shape, 2)
    given = [x, y, start]
    if isinstance(operator, SpectralOperator):
        given += [operator.analyse(y), operator.inverse_eigenvalues(ETA), operator.eigenvalues]
    kept = [tensor.clone() for tensor in given]
    operator.forward(x)
    operator.adjoint(y)
    operator.gram(y)
    operator.pinv(y, ETA)
    operator.resolvent(y, ETA, start)
    towards_y = operator.towards(operator.analyse(y))
    for a, b in ((0.3, 0.7), (1, 0), (0, 1)):
        towards_y(x, ETA, a, b)
    if isinstance(operator, SpectralOperator):
        operator.guidance(x, *given[3:5])
    for tensor, before in zip(given, kept, strict=True):
        assert torch.equal(tensor, before)


def test_single_precision_is_the_rounded_double_one(case, operator, make_tensor):
    single = case.build(torch.float32)
    y = make_tensor(operator.observation_shape)
    result = single.pinv(y.float(), ETA)
    assert result.dtype == single.dtype == torch.float32
    close(result.double(), operator.pinv(y, ETA), 2e-4 if operator.grade == "spectrum" else 1e-3)
    again = single.to(torch.float64)
    assert again.dtype == torch.float64
    assert torch.equal(again.pinv(y, ETA), operator.pinv(y, ETA))


def test_an_image_does_not_depend_on_its_batch(case, operator, make_tensor):
    x, y = make_tensor(operator.image_shape), make_tensor(operator.observation_shape, 1)
    together = operator.towards(operator.analyse(y))
    steps = [together(z, ETA, 0.3, 0.7) for z in (x, x / 2)]
    for order in ([1], [1, 0]):
        part = operator.select(order)
        alone = part.towards(part.analyse(y[order]))
        for z, step in zip((x, x / 2), steps, strict=True):
            close(alone(z[order], ETA, 0.3, 0.7), step[order], 1e-12)
    assert (operator.select([0]) is operator) != case.per_image


def test_shapes_are_declared(case, operator, make_tensor):
    assert operator.image_shape == (3, *case.size)
    observed = operator.forward(make_tensor(operator.image_shape))
    assert observed.shape == (2, *operator.observation_shape)


class TransformCounter(TorchDispatchMode):
    """Counts the FFTs and matrix products that reach the backend."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        return function(*args, **(kwargs or {}))

    def of(self, *names):
        return sum(self.counts.get(name, 0) for name in names)


def test_a_guidance_step_is_one_transform_and_one_back(case, spectral, make_tensor):
    x, y = make_tensor(spectral.image_shape), make_tensor(spectral.observation_shape, 1)
    coordinates, weights = spectral.analyse(y), spectral.inverse_eigenvalues(ETA)
    with TransformCounter() as counter:
        spectral.guidance(x, coordinates, weights)
    fourier = case.backend in ("fft", "circular") and case.task not in ("denoising", "inpainting")
    assert counter.of("_fft_r2c") == counter.of("_fft_c2r") == int(fourier)
    # A separable transform is one product for each axis, there and back; of a blur, an even side
    # is folded, which makes two products of half the size.
    blur = case.task != "sr_bicubic"
    products = sum(4 if blur and side % 2 == 0 else 2 for side in case.size)
    assert counter.of("mm", "bmm", "matmul") == (products if case.backend.startswith("svd") else 0)


def test_image_coordinates_meet_those_of_observations(spectral, make_tensor):
    x = make_tensor(spectral.image_shape)
    coordinates = spectral.image_coordinates(x)
    close(spectral.singular_values * coordinates, spectral.analyse(spectral.forward(x)))
    close(torch.where(spectral.observed, 0, coordinates), torch.zeros_like(coordinates))
    close(spectral.singular_values**2, spectral.eigenvalues)


def test_image_coordinates_are_isometric(spectral, make_tensor):
    """``V V^T`` is an orthogonal projection, and what it removes cannot be observed."""
    x, other = make_tensor(spectral.image_shape), make_tensor(spectral.image_shape, 1)
    coordinates = spectral.image_coordinates(x)
    projected = spectral.from_image_coordinates(coordinates)
    close(spectral.image_coordinates(projected), coordinates)
    left = (projected * other).sum()
    right = (x * spectral.from_image_coordinates(spectral.image_coordinates(other))).sum()
    close(left, right)
    close(spectral.forward(x - projected), torch.zeros(2, *spectral.observation_shape).double())


def test_image_coordinates_in_single_precision(case, spectral, make_tensor):
    x, single = make_tensor(spectral.image_shape), case.build(torch.float32)
    close(
        single.image_coordinates(x.float()),
        spectral.image_coordinates(x).to(single.image_coordinates(x.float()).dtype),
        1e-5,
    )
    projected = spectral.from_image_coordinates(spectral.image_coordinates(x))
    again = single.from_image_coordinates(single.image_coordinates(x.float()))
    close(again.double(), projected, 1e-5)


def test_null_space_is_what_the_dense_matrix_loses(spectral, dense, make_tensor):
    """The pseudo-inverse of the dense matrix projects as ``A^+ A`` does."""
    if float(spectral.eigenvalues[spectral.eigenvalues > 0].min()) < 1e-8:
        pytest.skip("eigenvalues at the rounding error have no meaningful inverse")
    x = make_tensor(spectral.image_shape)
    projector = np.linalg.pinv(dense, rcond=1e-9) @ dense
    close(spectral.pinv(spectral.forward(x), 0), apply(projector, x, spectral.image_shape), 1e-7)


def test_rounding_is_not_inverted():
    """A frequency that a kernel loses stays lost, in every precision."""
    kernel = torch.outer(*2 * [torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)])
    for dtype in (torch.float32, torch.float64):
        operator = build_operator("motion_deblur", (8, 12), kernel=kernel, dtype=dtype)
        x = torch.randn((1, 3, 8, 12), generator=torch.Generator().manual_seed(0)).to(dtype)
        restored = operator.pinv(operator.forward(x), 0)
        assert float(restored.abs().max()) < 2 * float(x.abs().max())
        assert int((~operator.observed).sum()) == 8 + 7 - 1
        assert not bool((operator.invertible & ~operator.observed).any())
