"""Operators from two functions, one after the other, and behind masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.operators import (
    AdjointMismatchError,
    LinearOperator,
    Masked,
    build_operator,
    check_adjoint,
    compose,
)
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler
from ddpg.samplers.catalogue import METHODS, fitting

SIZE = (10, 12)
SHAPE = (3, *SIZE)
KERNEL = torch.rand(3, 3, 3, 3, generator=torch.Generator().manual_seed(0)) / 27
"""Mixes the colours, which no operator of the package does."""


def own(**options):
    """A strided convolution that couples the colours, as a user would write it."""
    return LinearOperator.from_functions(
        lambda x: conv2d(x, KERNEL, stride=2, padding=1),
        lambda y: conv_transpose2d(y, KERNEL, stride=2, padding=1, output_padding=1),
        SHAPE,
        (3, 5, 6),
        **options,
    )


def blur(**options):
    kernel = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(1))
    return build_operator("blur", SIZE, kernel=kernel / kernel.sum((1, 2), keepdim=True), **options)


def mask(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(2)) > 0.4).double()


OPERATORS = {
    "functions": own,
    "masked functions": lambda **options: Masked(own(**options), mask(2, 5, 6)),
    "average of a blur": lambda **options: compose(
        build_operator("sr_average", SIZE, scale=2, **options), blur(border="replicate", **options)
    ),
    "masked average of a blur": lambda **options: Masked(
        compose(
            build_operator("sr_average", SIZE, scale=2, **options), blur(border="zero", **options)
        ),
        mask(5, 6),
    ),
    "grey of a blur": lambda **options: compose(
        build_operator("colorization", SIZE, **options), blur(border="circular", **options)
    ),
    "three": lambda **options: compose(
        build_operator("inpainting", (4, 4), mask=mask(4, 4), **options),
        build_operator("blur", (8, 8), kernel=torch.ones(5, 5) / 25, **options),
        build_operator("blur", SIZE, kernel=torch.ones(3, 5) / 15, **options),
    ),
}


def dense(operator, image):
    """The matrix of one image of a batch of two, column by column."""
    columns = torch.eye(int(np.prod(operator.image_shape)), dtype=torch.float64)
    part = operator.select([image])
    images = [part.forward(c.reshape(1, *operator.image_shape)).flatten() for c in columns]
    return torch.stack(images, 1)


@pytest.fixture(params=OPERATORS)
def make(request):
    return OPERATORS[request.param]


def test_adjoint_and_resolvent_are_those_of_the_dense_matrix(make):
    operator = make().to(torch.float64)
    check_adjoint(operator, tolerance=1e-6)
    assert operator.grade == "resolvent"
    generator = torch.Generator().manual_seed(3)
    r = torch.randn(2, *operator.observation_shape, generator=generator, dtype=torch.float64)
    found = operator.resolvent(r, 0.01, tolerance=1e-9)
    for i in range(2):
        matrix = dense(operator, i)
        gram = matrix @ matrix.T + 0.01 * torch.eye(len(matrix), dtype=torch.float64)
        expected = torch.linalg.solve(gram, r[i].flatten()).reshape(found[i].shape)
        torch.testing.assert_close(found[i], expected, atol=1e-4, rtol=0)
        back = (matrix.T @ expected.flatten()).reshape(operator.image_shape)
        torch.testing.assert_close(operator.pinv(r, 0.01)[i], back, atol=1e-4, rtol=0)


def test_an_image_does_not_depend_on_its_batch(make):
    operator = make()
    generator = torch.Generator().manual_seed(4)
    r = torch.randn(2, *operator.observation_shape, generator=generator)
    together = operator.pinv(r, 0.01)
    for order in ([1], [1, 0]):
        alone = operator.select(order).pinv(r[order], 0.01)
        torch.testing.assert_close(alone, together[order], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "method", [name for name in fitting("resolvent") if METHODS[name].asks != "closed form"]
)
def test_methods_of_the_first_two_grades_restore(make, method):
    if METHODS[method].enlarges:
        pytest.skip("enlarges samples on a grid")
    operator = make()
    x = 0.1 + 0.4 * torch.randn(
        2, *operator.image_shape, generator=torch.Generator().manual_seed(5)
    )
    y = operator.forward(x)
    noise = SeededNoise(0, ["a", "b"])
    steps = 50 if method in ("dmps", "reddiff") else 5  # they descend slowly
    sampler = build_sampler(method, **({"steps": steps} if METHODS[method].uses_prior else {}))
    restored = sampler.restore(y, operator, GaussianPrior(0.1, 0.16), sigma_y=0.01, noise=noise)
    assert restored.shape == x.shape
    if method not in ("dps", "mpgd"):  # five steps are not enough; MPGD's scale fits its own 100
        before = (operator.forward(torch.full_like(x, 0.1)) - y).square().mean()
        assert float((operator.forward(restored) - y).square().mean()) < float(before)


def test_a_preconditioner_of_ones_own_is_used():
    plain = own()
    r = torch.randn(1, 3, 5, 6, generator=torch.Generator().manual_seed(6))
    columns = dense(plain.to(torch.float64), 0)
    gram = columns @ columns.T

    def exact(r, eta):
        inverse = torch.linalg.inv(gram + eta * torch.eye(len(gram), dtype=torch.float64))
        return (r.flatten(1).double() @ inverse).float().reshape(r.shape)

    helped = own(preconditioner=exact)
    assert int(helped.solve(r, 0.01).iterations) <= 3
    assert int(plain.solve(r, 0.01).iterations) > 3
    torch.testing.assert_close(helped.pinv(r, 0.01), plain.pinv(r, 0.01), atol=1e-4, rtol=0)


def test_functions_that_are_no_adjoints_are_refused():
    with pytest.raises(AdjointMismatchError, match=r"<A x, y> = .*, <x, A\^T y> = ") as caught:
        LinearOperator.from_functions(lambda x: 2 * x, lambda y: y, SHAPE, SHAPE)
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"image_shape": (1, 10, 12)},
            r"image_shape must be \(3, height, width\), got \(1, 10",
        ),
        ({"image_shape": (10, 12)}, "image_shape must be"),
        ({"observation_shape": (3, 0, 12)}, r"observation_shape must be \(channels, height"),
        ({"observation_shape": (3, 9, 12)}, r"A must return torch.float32 \(2, 3, 9, 12\), got"),
        ({"forward": lambda x: x.double()}, "A must return torch.float32"),
        ({"adjoint": lambda y: y.numpy()}, r"A\^T must return torch.float32"),
        ({"grade": "spectrum"}, "grade must be one of adjoint, resolvent, got 'spectrum'"),
    ],
)
def test_impossible_functions(arguments, message):
    given = {
        "forward": lambda x: x,
        "adjoint": lambda y: y,
        "image_shape": SHAPE,
        "observation_shape": SHAPE,
    }
    with pytest.raises(UserError, match=message):
        LinearOperator.from_functions(**{**given, **arguments})


def test_a_grade_is_all_that_is_asked():
    operator = own(grade="adjoint")
    y = torch.zeros(1, *operator.observation_shape)
    with pytest.raises(UserError, match="grade 'adjoint'"):
        operator.pinv(y, 0.1)
    options = {"sigma_y": 0.1, "noise": SeededNoise(0, ["a"])}
    prior = GaussianPrior(0.1, 0.16)
    build_sampler("dps", steps=3).restore(y, operator, prior, **options)
    message = "ddpg needs an operator of the grade 'resolvent', but .* methods that fit: .*dps"
    with pytest.raises(UserError, match=message):
        build_sampler("ddpg", steps=3).restore(y, operator, prior, **options)
    assert Masked(operator, mask(5, 6)).grade == "adjoint"


def test_parts_must_fit():
    with pytest.raises(UserError, match=r"takes images \(3, 10, 12\), .* gives .* \(3, 5, 6\)"):
        compose(blur(border="reflect"), own())
    with pytest.raises(UserError, match=r"mask must be .* \(5, 6\)"):
        Masked(own(), mask(*SIZE))
    with pytest.raises(UserError, match="different numbers of images"):
        Masked(blur(border="reflect"), mask(3, *SIZE))
    with pytest.raises(UserError, match=r"torch\.float64"):
        compose(blur(border="reflect").to(torch.float64), blur(border="reflect"))
    with pytest.raises(UserError, match="at least one"):
        compose()
    single = own()
    assert compose(single) is single


def test_the_identity_as_a_function_survives_conjugate_gradients():
    """What such a function returns is what it was given: nothing may be changed in place."""
    operator = LinearOperator.from_functions(lambda x: x, lambda y: y, SHAPE, SHAPE)
    y = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(7))
    kept = y.clone()
    torch.testing.assert_close(operator.pinv(y, 0.25), y / 1.25)
    towards_y = operator.towards(y)
    x = torch.zeros(1, *SHAPE)
    torch.testing.assert_close(towards_y(x, 0.25, 0.0, 1.0), -y)
    torch.testing.assert_close(towards_y(x, 0.25, 1.0, 1.0), -y / 1.25 - y)
    assert torch.equal(y, kept)
    assert not x.any()
