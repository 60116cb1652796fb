"""Blurred pictures: what lies outside the frame counts, with every border, scale and mask."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from scipy.signal import fftconvolve

import ddpg as package
from ddpg.datasets.places import source_folder
from ddpg.errors import UserError
from ddpg.operators import motion_kernel
from ddpg.operators.tasks import BORDERS
from ddpg.pictures.kernels import read_kernel

KERNEL = motion_kernel(15, 0.5, seed=3).double().numpy()
SIGMA = 0.01


def blurred(truth: np.ndarray, kernel: np.ndarray, sigma: float) -> np.ndarray:
    """What a camera sees of a picture, as bytes."""
    channels = [fftconvolve(truth[..., c] / 255, kernel, "valid") for c in range(3)]
    y = np.stack(channels, axis=-1)
    y += sigma * np.random.default_rng(0).standard_normal(y.shape)
    return (255 * np.clip(y, 0, 1)).round().astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(np.mean((a / 255.0 - b / 255.0) ** 2))


@pytest.mark.slow
def test_real_borders_are_restored_from_files(ddpg):
    """A quarter of a row of the table in docs/restoring.md, by the settings that nobody gave."""
    with Image.open(source_folder("data", "skimage") / "astronaut.png") as picture:
        truth = np.asarray(picture)[40:168, 40:168]
    y, seen = blurred(truth, KERNEL, SIGMA), truth[7:-7, 7:-7]
    Image.fromarray(y).save("photo (1).png")
    Image.fromarray(seen).save("truth.png")
    np.save("kernel.npy", 3 * KERNEL)
    status, output, errors = ddpg(
        *("photo (1).png", "--task", "blur", "--kernel", "kernel.npy", "--sigma-y", SIGMA),
        *("--truth", "truth.png", "-o", "sharp.png"),
    )
    assert (status, errors) == (0, "")
    restored = np.asarray(Image.open("sharp.png"))
    assert psnr(y, seen) == pytest.approx(28.86, abs=0.02)
    assert psnr(restored, seen) == pytest.approx(36.80, abs=0.2)
    assert psnr(restored, seen) == pytest.approx(
        float(re.search(r"([\d.]+) dB", output)[1]), abs=0.1
    )
    assert float(re.search(r"consistency ([\d.]+)", output)[1]) == pytest.approx(1, abs=0.15)


@pytest.fixture(scope="module")
def observed(astronaut) -> np.ndarray:
    """The astronaut through a Gaussian of one pixel, a rim of four pixels lost."""
    return blurred(astronaut, read_kernel("gaussian:1"), SIGMA)


@pytest.mark.slow
@pytest.mark.parametrize("border", BORDERS)
def test_every_border_brings_the_picture_closer(border, astronaut, observed):
    restored = package.restore(
        observed, task="blur", kernel="gaussian:1", border=border, sigma_y=SIGMA, steps=20
    )
    inner = (slice(16, -16), slice(16, -16))
    seen = astronaut[4:-4, 4:-4]
    assert restored.shape == seen.shape
    assert psnr(restored[inner], seen[inner]) > psnr(observed[inner], seen[inner]) + 1.5


@pytest.mark.slow
def test_only_the_scene_itself_explains_the_rim(astronaut, observed):
    seen = astronaut[4:-4, 4:-4]
    scores = {
        border: psnr(
            package.restore(
                observed, task="blur", kernel="gaussian:1", border=border, sigma_y=SIGMA, steps=8
            ),
            seen,
        )
        for border in ("cropped", "circular")
    }
    assert scores["cropped"] > scores["circular"] + 3


@pytest.mark.slow
def test_the_whole_scene_is_given_where_it_is_asked_for(observed):
    how = {"task": "blur", "kernel": "gaussian:1", "sigma_y": SIGMA, "steps": 2}
    whole = package.restore(observed, whole=True, **how)
    inner = package.restore(observed, **how)
    assert whole.shape == (observed.shape[0] + 8, observed.shape[1] + 8, 3)
    np.testing.assert_array_equal(whole[4:-4, 4:-4], inner)


@pytest.mark.slow
def test_a_sampled_and_a_partly_hidden_blur(astronaut, observed):
    small = observed[::2, ::2]
    restored = package.restore(
        small, task="blur", kernel="gaussian:1", scale=2, sigma_y=SIGMA, steps=20
    )
    assert restored.shape == (2 * small.shape[0], 2 * small.shape[1], 3)
    seen = astronaut[4:-4, 4:-4]
    large = np.asarray(
        Image.fromarray(small).resize(restored.shape[1::-1], Image.Resampling.BICUBIC)
    )
    assert psnr(restored, seen) > psnr(large, seen) + 1
    known = np.random.default_rng(0).random(observed.shape[:2]) > 0.2
    restored = package.restore(
        observed * known[..., None], task="blur", kernel="gaussian:1", mask=known, sigma_y=SIGMA
    )
    assert psnr(restored, seen) > 28


@pytest.mark.slow
def test_grey_pictures_come_back_grey(observed):
    grey = np.asarray(Image.fromarray(observed).convert("L"))
    restored = package.restore(grey, task="blur", kernel="gaussian:1", sigma_y=SIGMA, steps=3)
    assert (restored.shape, restored.dtype) == (grey.shape, np.uint8)


@pytest.mark.slow
def test_colours_are_found_for_grey_pictures(astronaut):
    grey = np.asarray(Image.fromarray(astronaut).convert("L"))
    restored = package.restore(grey, task="colorization", sigma_y=0.01, steps=4)
    assert restored.shape == astronaut.shape
    again = np.asarray(Image.fromarray(restored).convert("L"))
    assert psnr(again, grey) > 30


@pytest.mark.slow
def test_block_means_are_undone(astronaut):
    small = astronaut.reshape(36, 2, 44, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    restored = package.restore(small, task="sr_average", scale=2, sigma_y=0.0, steps=20)
    large = np.asarray(Image.fromarray(small).resize((88, 72), Image.Resampling.BICUBIC))
    assert psnr(restored, astronaut) > psnr(large, astronaut)


def test_a_kernel_larger_than_the_picture_is_told(ddpg, photo):
    np.save("wide.npy", np.ones((73, 73)))
    status, _, errors = ddpg(photo, "--task", "blur", "--kernel", "wide.npy")
    assert status == 1
    assert "wide.npy: the kernel has 73 x 73 pixels, more than the picture, 88 x 72" in errors
    with pytest.raises(UserError, match="73 x 73"):
        package.restore(np.zeros((72, 88)), task="blur", kernel=np.ones((73, 73)))


@pytest.mark.slow
@pytest.mark.parametrize("border", ["cropped", "replicate"])
def test_a_kernel_of_one_row_may_be_longer_than_a_flat_picture_is_high(astronaut, border):
    flat = astronaut[30:40]
    kernel = np.ones((1, 15)) / 15
    y = blurred(flat, kernel, 0.0)
    options = {"kernel": "line:15,0", "border": border, "sigma_y": 0.01, "steps": 4}
    restored = package.restore(y, task="blur", **options)
    assert restored.shape == y.shape
    with pytest.raises(UserError, match="kernel has 1 x 15 pixels, more than the picture, 74 x 10"):
        package.restore(y, task="blur", **options | {"kernel": kernel.T})
