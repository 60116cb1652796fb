"""Arguments that must be refused, with messages that help."""

from __future__ import annotations

import pytest
import torch

from ddpg.operators import AdjointMismatchError, build_operator, check_adjoint

UNIT = torch.zeros(5, 5).index_put((torch.tensor(2), torch.tensor(2)), torch.tensor(1.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "colourise"}, "unknown task 'colourise'; known tasks: sr_bicubic"),
        ({"backend": "svd-published"}, "deblur_uni has no backend 'svd-published'; it has: fft"),
        ({"backend": "dct"}, "no backend 'dct'"),
        ({"task": "motion_deblur"}, "motion_deblur needs a kernel"),
        ({"task": "motion_deblur", "kernel": UNIT, "backend": "svd"}, "no backend 'svd'"),
        ({"kernel": UNIT}, "deblur_uni takes no kernel"),
        ({"task": "inpainting"}, "inpainting needs a mask"),
        ({"mask": torch.ones(12, 12)}, "takes no mask"),
        ({"task": "inpainting", "mask": torch.ones(12, 11)}, r"got shape \(12, 11\)"),
        ({"task": "inpainting", "mask": torch.full((12, 12), 0.5)}, "zeros and ones"),
        ({"task": "sr_bicubic", "scale": 5}, r"scale 5 does not divide the image size \(12, 12\)"),
        ({"task": "sr_bicubic", "scale": 1}, "at least 2, got 1"),
        ({"task": "sr_bicubic", "scale": 2.0}, "must be an integer"),
        ({"image_size": 0}, "positive integer"),
        ({"image_size": (12, 12, 3)}, "positive integer"),
        ({"image_size": (12, 8)}, "9 taps does not fit"),
        ({"dtype": torch.float16}, "torch.float32 or torch.float64"),
        ({"task": "motion_deblur", "kernel": torch.ones(4, 4)}, "must be odd"),
        ({"task": "motion_deblur", "kernel": torch.ones(3, 5)}, "must be square"),
        ({"task": "motion_deblur", "kernel": torch.ones(5)}, "must be square"),
        ({"task": "motion_deblur", "kernel": torch.ones(13, 13)}, "13 taps does not fit"),
        ({"task": "motion_deblur", "kernel": UNIT * torch.nan}, "must be finite"),
    ],
)
def test_impossible_arguments(arguments, message):
    given = {"task": "deblur_uni", "image_size": 12} | arguments
    with pytest.raises(ValueError, match=message):
        build_operator(given.pop("task"), given.pop("image_size"), **given)


def test_wrong_images_are_refused():
    operator = build_operator("sr_bicubic", 12)
    with pytest.raises(ValueError, match=r"images .* \(12, 12\), got shape \(1, 3, 3, 3\)"):
        operator.forward(torch.zeros(1, 3, 3, 3))
    with pytest.raises(ValueError, match=r"observations .* \(3, 3\), got shape \(1, 3, 12, 12\)"):
        operator.adjoint(torch.zeros(1, 3, 12, 12))
    with pytest.raises(ValueError, match=r"torch.float32 images, got torch.float64"):
        operator.forward(torch.zeros(1, 3, 12, 12, dtype=torch.float64))
    with pytest.raises(ValueError, match="eta must be finite and at least 0, got -1"):
        operator.pinv(torch.zeros(1, 3, 3, 3), -1)
    published = build_operator("deblur_gauss", 12, backend="svd-published")
    with pytest.raises(ValueError, match="each colour channel differently"):
        published.forward(torch.zeros(1, 1, 12, 12))


def test_kernels_and_images_must_be_as_many():
    operator = build_operator("motion_deblur", 12, kernel=torch.stack([UNIT, UNIT]))
    with pytest.raises(ValueError, match="each of 2 images"):
        operator.forward(torch.zeros(3, 3, 12, 12))
    with pytest.raises(ValueError, match=r"indices must lie in \[0, 1\]"):
        operator.select([2])
    assert operator.select([1]).forward(torch.ones(1, 3, 12, 12)).mean() == pytest.approx(1)


def test_a_given_kernel_is_copied():
    kernel = UNIT.clone()
    operator = build_operator("motion_deblur", 12, kernel=kernel)
    kernel.zero_()
    again = operator.to(torch.float64)
    ones = torch.ones(1, 3, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(again.forward(ones), ones)


def test_operators_are_immutable():
    operator = build_operator("deblur_uni", 12)
    with pytest.raises(AttributeError):
        operator.dtype = torch.float64
    with pytest.raises(AttributeError):
        operator.eigenvalues = torch.ones(1)


def test_a_wrong_adjoint_is_found_and_both_sides_are_shown(monkeypatch):
    operator = build_operator("deblur_uni", 12)
    right = operator.adjoint
    monkeypatch.setattr(operator, "adjoint", lambda y: 1.01 * right(y))
    with pytest.raises(AdjointMismatchError, match=r"<A x, y> = .*, <x, A\^T y> = "):
        check_adjoint(operator)
    monkeypatch.setattr(operator, "adjoint", lambda y: right(y) * torch.nan)
    with pytest.raises(AdjointMismatchError):
        check_adjoint(operator)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("backend", ["fft", "svd"])
def test_a_gpu_computes_the_same(backend):
    operator = build_operator("sr_bicubic", 64, backend=backend)
    y = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    there = operator.to("cuda").pinv(y.cuda(), 1e-3).cpu()
    torch.testing.assert_close(there, operator.pinv(y, 1e-3), atol=1e-4, rtol=0)
