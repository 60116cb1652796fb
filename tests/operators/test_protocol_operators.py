"""The degradations of published protocols, against what their authors' scripts compute.

Written out here as those scripts have it: scipy's filters, a mirrored frame, the weights of an
antialiased cubic.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.pictures.kernels import draw_kernel, drawn_side, is_drawn_for_each, read_kernel
from ddpg.stages.observing.noise_models import before_noise
from ddpg.study.degradation_cards import kernel_problem

SIDE = 64


@pytest.fixture(scope="module")
def levels() -> np.ndarray:
    """A picture of 8 bits, (64, 64, 3)."""
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def unit(levels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(levels.astype(np.float64) / 255).permute(2, 0, 1)[None]


def gaussian_in_a_window(std: float, side: int = 61) -> np.ndarray:
    impulse = np.zeros((side, side))
    impulse[side // 2, side // 2] = 1
    return ndimage.gaussian_filter(impulse, sigma=std)


def test_gaussian_3_with_a_reflected_border_is_that_of_dps(levels):
    """61 x 61 pixels, of which all beyond 4 standard deviations are 0; the edge is not repeated."""
    kernel = gaussian_in_a_window(3)
    ours = read_kernel("gaussian:3")
    np.testing.assert_allclose(np.pad(ours, (61 - len(ours)) // 2), kernel, atol=1e-12)
    operator = build_operator(
        "blur", SIDE, border="reflect", kernel=torch.from_numpy(ours), dtype=torch.float64
    )
    padded = np.pad(levels / 255, [(30, 30), (30, 30), (0, 0)], mode="reflect")
    expected = ndimage.convolve(padded, kernel[..., None])[30:-30, 30:-30]
    seen = operator.forward(unit(levels))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("picture", [0, 1, 7])
def test_each_pictures_gaussian_cut_to_8_bits_is_that_of_diffpir(levels, picture):
    """scipy writes the periodic blur of bytes into bytes: the fraction of a level is cut off."""
    std = 3 * (2 * np.random.RandomState(10 * picture).rand() + 1)
    kernel = gaussian_in_a_window(std)
    ours = draw_kernel("gaussian:3,9,61", 10 * picture)
    np.testing.assert_allclose(ours, kernel, atol=1e-15)
    single = kernel.astype(np.float32)  # as its script has it
    expected = ndimage.convolve(levels, single[..., None], mode="wrap")
    operator = build_operator("blur", SIDE, border="circular", kernel=torch.from_numpy(single))
    blurred = operator.forward(2 * unit(levels).float() - 1)
    seen = before_noise("8-bit-cut-before", blurred, SeededNoise(0, ["a"]))
    differences = np.abs(255 * (seen[0].permute(1, 2, 0).numpy() / 2 + 0.5) - expected)
    # Of what lies within the rounding of a whole level, here and there one differs by it.
    assert (differences > 1e-3).mean() < 1e-3
    assert differences.max() < 1.001


def test_super_resolution_is_the_antialiased_cubic_of_the_field(levels):
    """Weights of a cubic (a = -1/2) of four times the width about the middle of 4 x 4 pixels,
    with the frame mirrored, the edge repeated: MATLAB's, and that of DPS, DAPS and DiffPIR."""

    def cubic(x):
        x = np.abs(x)
        inner, outer = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x <= 1, inner, np.where(x <= 2, outer, 0))

    rows = np.zeros((SIDE // 4, SIDE))
    for number in range(SIDE // 4):
        middle = 4 * number + 1.5
        places = np.arange(int(np.floor(middle - 9)), int(np.ceil(middle + 9)) + 1)
        weights = cubic((middle - places) / 4)
        mirrored = np.where(places < 0, -places - 1, places)
        mirrored = np.where(mirrored >= SIDE, 2 * SIDE - 1 - mirrored, mirrored)
        np.add.at(rows[number], mirrored, weights / weights.sum())
    expected = np.einsum("ai,ijc,bj->abc", rows, levels / 255, rows)
    operator = build_operator("sr_bicubic", SIDE, scale=4, dtype=torch.float64)
    seen = operator.forward(unit(levels))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_means_of_sixteen_pixels_each_way(levels):
    seen = build_operator("sr_average", SIDE, scale=16, dtype=torch.float64).forward(unit(levels))
    expected = (levels / 255).reshape(4, 16, 4, 16, 3).mean((1, 3))
    np.testing.assert_allclose(seen[0].permute(1, 2, 0).numpy(), expected, atol=1e-12)


def test_a_gaussian_of_each_picture_by_words():
    assert is_drawn_for_each("gaussian:1,2")
    first, again, other = (draw_kernel("gaussian:1,2", seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert max(len(first), len(other)) <= drawn_side("gaussian:1,2") == 17
    assert first.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("gaussian:9,3", "must be gaussian:LOW,HIGH.*0 < LOW < HIGH"),
        ("gaussian:0,3", "0 < LOW < HIGH"),
        ("gaussian:1,2000", "0 < LOW < HIGH, at most 127.875"),
        ("gaussian:1,nan", "must be gaussian:LOW,HIGH"),
        ("gaussian:1,x", "must be gaussian:LOW,HIGH"),
        ("gaussian:1,2,6", "SIDE is an odd number from 3 to 1023, got 6"),
        ("gaussian:1,2,7,8", "must be gaussian:LOW,HIGH"),
    ],
)
def test_ranges_that_are_none_are_told_before_the_run(words, message):
    with pytest.raises(UserError, match=message):
        drawn_side(words)
    assert kernel_problem(words).startswith(f"kernel: {words}: must be gaussian:LOW,HIGH")
