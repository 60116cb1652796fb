"""Tasks beyond the published ones: what is particular to each, and what they refuse."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from scipy.signal import convolve2d

from ddpg.errors import UserError
from ddpg.operators import SpectralOperator, build_operator
from ddpg.operators.tasks import BORDERS, GRADES, TASKS
from ddpg.operators.tight.hadamard import walsh_hadamard

UNIT = torch.zeros(5, 5).index_put((torch.tensor(2), torch.tensor(2)), torch.tensor(1.0))
KERNEL = torch.arange(9.0).reshape(3, 3) / 36
SCIPY_MODES = {"reflect": "mirror", "replicate": "nearest", "zero": "constant", "circular": "wrap"}


def picture(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sides", [(7, 3), (4, 5), (1, 1), (6, 6)])
@pytest.mark.parametrize("size", [(17, 23), (13, 41)])
def test_a_blur_is_that_of_scipy(border, sides, size):
    """Sizes with large primes, kernels that are neither square nor symmetric, even sides."""
    kernel = np.random.default_rng(1).random(sides)
    kernel /= kernel.sum()
    x = picture(*size)
    y = build_operator("blur", size, kernel=kernel, border=border, dtype=torch.float64).forward(x)
    for channel in range(3):
        image = x[0, channel].numpy()
        if border == "cropped":
            odd = np.pad(kernel, [(1 - n % 2, 0) for n in sides])
            expected = convolve2d(image, odd, mode="valid")
        else:
            # SciPy's n-dimensional middle of an even side is the tap after ours.
            shift = [-(1 - n % 2) for n in sides]
            expected = convolve(image, kernel, mode=SCIPY_MODES[border], origin=shift)
        np.testing.assert_allclose(y[0, channel].numpy(), expected, atol=1e-12)


def test_a_blur_can_be_sampled_at_any_factor():
    x = picture(17, 22)
    for border in BORDERS:
        for scale in (1, 2, 3, 5):
            given = {"kernel": KERNEL, "border": border, "dtype": torch.float64}
            whole = build_operator("blur", (17, 22), **given).forward(x)
            some = build_operator("blur", (17, 22), scale=scale, **given).forward(x)
            torch.testing.assert_close(some, whole[..., ::scale, ::scale])


def test_grades_are_those_of_the_table():
    for name, task in TASKS.items():
        if task.builder:
            continue
        for backend in task.backends:
            needs = {"kernel": {"kernel": UNIT}, "mask": {"mask": torch.eye(16)}, "": {}}
            operator = build_operator(name, 16, backend=backend, **needs[task.needs])
            assert operator.grade == task.grade(backend) in GRADES
            assert (operator.grade == "spectrum") == isinstance(operator, SpectralOperator)


def test_grey_couples_the_colours():
    operator = build_operator("colorization", (6, 5), dtype=torch.float64)
    x = picture(6, 5)
    y = operator.forward(x)
    assert y.shape == (1, 1, 6, 5)
    expected = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(y[:, 0], expected)
    w = torch.tensor([0.299, 0.587, 0.114]).double()
    power = float(w.square().sum())
    torch.testing.assert_close(operator.forward(operator.adjoint(y)), power * y)
    inverse = w.reshape(1, 3, 1, 1) * y / (power + 0.01)
    torch.testing.assert_close(operator.pinv(y, 0.01), inverse)
    torch.testing.assert_close(operator.resolvent(y, 0.01), y / (power + 0.01))
    same = build_operator("colorization", 5, weights=(1 / 3, 1 / 3, 1 / 3))
    grey = same.forward(torch.full((1, 3, 5, 5), 0.3))
    torch.testing.assert_close(grey, torch.full((1, 1, 5, 5), 0.3))
    with pytest.raises(ValueError, match=r"couples the colours: images must be \(\.\.\., 3, 6"):
        operator.forward(x[:, :1])
    with pytest.raises(ValueError, match=r"observations must be \(\.\.\., 1, 6, 5\)"):
        operator.adjoint(x)


def test_compressed_sensing_measures_a_share():
    operator = build_operator("compressed_sensing", (8, 16), share=0.5, seed=3)
    assert operator.observation_shape == (3, 1, 64)
    y = torch.randn(2, 3, 1, 64)
    torch.testing.assert_close(operator.forward(operator.adjoint(y)), y)
    mean = operator.forward(torch.ones(1, 3, 8, 16))[0, 0, 0, 0]
    assert float(mean) == pytest.approx((8 * 16) ** 0.5)
    other = build_operator("compressed_sensing", (8, 16), share=0.5, seed=4)
    assert not torch.equal(other.adjoint(y), operator.adjoint(y))
    again = build_operator("compressed_sensing", (8, 16), share=0.5, seed=3)
    assert torch.equal(again.adjoint(y), operator.adjoint(y))
    both = build_operator("compressed_sensing", (8, 16), share=0.5, seed=[4, 3])
    assert torch.equal(both.adjoint(y)[1], operator.adjoint(y)[1])
    assert torch.equal(both.select([1]).adjoint(y[1:])[0], operator.adjoint(y)[1])
    whole = build_operator("compressed_sensing", (4, 8), share=1)
    x = torch.randn(1, 3, 4, 8)
    torch.testing.assert_close(whole.adjoint(whole.forward(x)), x)
    torch.testing.assert_close(walsh_hadamard(walsh_hadamard(x)), x)


def test_a_kernel_is_divided_by_its_sum_and_given_a_middle_and_that_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        operator = build_operator("blur", 12, kernel=255 * torch.ones(4, 3))
    assert "the kernel has the sum 3060: it was divided by it" in caplog.text
    assert "the kernel of 4 x 3 has no middle: a zero was put before the first row" in caplog.text
    assert operator.observation_shape == (3, 8, 10)
    torch.testing.assert_close(operator.forward(torch.ones(1, 3, 12, 12)), torch.ones(1, 3, 8, 10))
    caplog.clear()
    build_operator("blur", 12, kernel=torch.ones(3, 3) / 9)
    assert not caplog.records


def test_masks_of_pictures_are_understood(caplog):
    mask = torch.eye(12)
    operator = build_operator("inpainting", 12, mask=mask)
    with caplog.at_level(logging.WARNING):
        same = build_operator("inpainting", 12, mask=(255 * mask).to(torch.uint8))
    assert "the mask holds 0 and 255: 255 was taken for one" in caplog.text
    x = torch.rand(1, 3, 12, 12)
    assert torch.equal(operator.forward(x), same.forward(x))
    assert torch.equal(
        build_operator("inpainting", 12, mask=mask.bool()).forward(x), same.forward(x)
    )


BLUR = {"task": "blur", "kernel": UNIT}
INPAINTING = {"task": "inpainting"}
SENSING = {"task": "compressed_sensing", "image_size": 8}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "blur"}, "blur needs a kernel"),
        ({**BLUR, "border": "mirror"}, "unknown border 'mirror'; known borders: cropped, reflect"),
        ({**BLUR, "backend": "fft"}, "blur has no backend 'fft'; it has: cropped"),
        ({**BLUR, "backend": "zero", "border": "reflect"}, "contradict each other"),
        ({"task": "denoising", "border": "zero"}, "denoising takes no border"),
        ({"task": "what", "border": "zero"}, "unknown task 'what'"),
        ({**BLUR, "kernel": torch.zeros(3, 3)}, "kernel must have a positive sum, got zeros alone"),
        ({**BLUR, "kernel": UNIT - 0.1}, "at least 0, got 24 negative taps, the least -0.1"),
        ({**BLUR, "kernel": UNIT * torch.nan}, "kernel must be finite"),
        ({**BLUR, "kernel": torch.ones(5)}, r"kernel must be \(k, m\).* got shape \(5,\)"),
        ({**BLUR, "kernel": torch.ones(1, 2, 3, 3)}, "kernel must be"),
        ({**BLUR, "kernel": torch.ones(3, 0)}, "kernel must be"),
        (
            {**BLUR, "kernel": torch.ones(13, 3)},
            "a kernel of 13 x 3 does not fit into images of",
        ),
        ({**BLUR, "kernel": torch.ones(12, 3)}, "a kernel of 12 x 3 does not fit"),
        ({**BLUR, "scale": 0}, "scale must be an integer of at least 1, got 0"),
        ({**BLUR, "scale": 2.0}, "scale must be an integer of at least 1, got 2.0"),
        ({**BLUR, "mask": torch.eye(12)}, r"mask must be .* = \(8, 8\), .* got shape \(12, 12\)"),
        ({**BLUR, "mask": torch.ones(8, 8)}, "ones alone: nothing is missing"),
        ({**INPAINTING, "mask": torch.zeros(12, 12)}, "zeros alone: nothing is seen"),
        ({**INPAINTING, "mask": torch.ones(12, 12)}, "ones alone: nothing is missing"),
        (
            {**INPAINTING, "mask": torch.stack([torch.eye(12), torch.ones(12, 12)])},
            r"ones alone: nothing is missing \(image 1 of the batch\)",
        ),
        ({**INPAINTING, "mask": torch.eye(12) * 2}, "zeros and ones alone .*values from 0 to 2"),
        ({**INPAINTING, "mask": torch.eye(12) * torch.nan}, "zeros and ones alone"),
        ({"task": "motion_deblur", "kernel": -UNIT}, "kernel must be at least 0"),
        ({"task": "motion_deblur", "kernel": 0 * UNIT}, "kernel must have a positive sum"),
        ({"task": "colorization", "weights": (1, 0)}, "weights must be three numbers"),
        ({"task": "colorization", "weights": (0, 0, 0)}, "weights must be three numbers"),
        ({"task": "sr_average", "scale": 5}, "scale 5 does not divide"),
        ({"task": "compressed_sensing"}, "powers of two, such as 128 x 256, got 12 x 12"),
        (
            {"task": "compressed_sensing", "image_size": 8, "share": 0},
            r"share must lie in \(0, 1\]",
        ),
        ({"task": "compressed_sensing", "image_size": 8, "seed": -1}, "seed must be an integer"),
    ],
)
def test_impossible_arguments(arguments, message):
    given = {"image_size": 12} | arguments
    with pytest.raises(ValueError, match=message) as caught:
        build_operator(given.pop("task"), given.pop("image_size"), **given)
    assert "\n" not in str(caught.value)
    if "takes no" not in message and given.get("mask") is not None:
        assert isinstance(caught.value, UserError)
