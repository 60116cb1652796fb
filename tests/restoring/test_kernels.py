"""Kernels from files and words: square, odd, sum 1; and what is no kernel."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from ddpg.errors import UserError
from ddpg.operators import motion_kernel
from ddpg.pictures.kernels import checked_kernel, read_kernel


@pytest.mark.parametrize(
    "words",
    ["gaussian:1.6", "gaussian:0.3", "disk:4", "disk:0.4", "line:15,30", "line:7", "motion:31,7"],
)
def test_words_give_kernels(words):
    kernel = read_kernel(words)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1)
    assert (kernel >= 0).all()


def test_words_mean_what_they_say():
    position = np.arange(-7, 8)
    expected = np.exp(-(position**2) / (2 * 1.6**2))
    np.testing.assert_allclose(
        read_kernel("gaussian:1.6")[7], expected / expected.sum() * 0.249, rtol=2e-2
    )
    disk = read_kernel("disk:4")
    assert disk[4, 4] == pytest.approx(1 / (np.pi * 16), rel=5e-3)
    np.testing.assert_allclose(read_kernel("line:5,0"), np.eye(5)[[2]].T @ np.full((1, 5), 0.2))
    np.testing.assert_allclose(read_kernel("line:5,90"), read_kernel("line:5,0").T)
    rising = read_kernel("line:9,45")
    assert rising[1, -2] > 0 == rising[1, 1]  # up to the right


def test_a_motion_kernel_is_that_of_the_package():
    kernel, drawn = read_kernel("motion:31,7"), motion_kernel(31, 0.5, seed=7).numpy()
    around = (31 - len(kernel)) // 2
    np.testing.assert_allclose(np.pad(kernel, around), drawn, atol=1e-7)


def test_even_kernels_get_a_row_of_zeros_and_rings_of_zeros_go():
    kernel = np.zeros((6, 4))
    kernel[2, 1], kernel[1, 1] = 3, 1  # the middle of an even side is before its half
    np.testing.assert_array_equal(checked_kernel(kernel), [[0, 0.25, 0], [0, 0.75, 0], [0, 0, 0]])
    shifted = np.zeros((9, 9))
    shifted[4, 7] = 2
    assert checked_kernel(shifted).shape == (7, 7)
    assert checked_kernel(shifted)[3, 6] == 1


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".deep.png", ".float.tif"])
def test_files_of_every_kind_give_the_same(suffix, tmp_path):
    path = tmp_path / f"kernel{suffix}"
    values = np.random.default_rng(0).integers(1, 255, (5, 5))
    if suffix == ".npy":
        np.save(path, values / 7)
    elif suffix == ".float.tif":
        tifffile.imwrite(path, (values * 0.01).astype(np.float32))
    else:
        deep = "deep" in suffix
        Image.fromarray((values * 257).astype(np.uint16) if deep else values.astype(np.uint8)).save(
            path
        )
    np.testing.assert_allclose(read_kernel(path), values / values.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.zeros((3, 3)), "empty"),
        (np.array([[1.0, -0.1]]), "negative"),
        (np.array([[1.0, np.nan]]), "finite"),
        (np.array([[1.0, np.inf]]), "finite"),
        (np.ones((3, 3, 3)), "two-dimensional"),
        (np.ones(3), "two-dimensional"),
        (np.ones((0, 3)), "two-dimensional"),
        (np.array([[1j]]), "numbers"),
        (np.array([["a"]]), "numbers"),
    ],
)
def test_what_is_no_kernel_is_told_with_the_file(values, word, tmp_path):
    path = tmp_path / "kernel.npy"
    np.save(path, values)
    with pytest.raises(UserError, match=rf"kernel\.npy: .*{word}"):
        read_kernel(path)


@pytest.mark.parametrize(
    "words",
    ["gaussian:", "gaussian:-1", "gaussian:nan", "disk:a", "line:3,4,5", "motion:30,1", "motion:31",
     "disk:1_0", "gaussian:1e-400",
     "motion:31,0.5", "motion:31,1,7", "disk:1e9", "disk:0", "foo:1", "nowhere.png", "nowhere"],
)  # fmt: skip
def test_words_without_sense_are_told(words):
    with pytest.raises(UserError, match=words.split(":")[0]):
        read_kernel(words)


def test_a_huge_sum_is_no_problem():
    np.testing.assert_allclose(checked_kernel(np.full((3, 3), 1e308)), np.full((3, 3), 1 / 9))
