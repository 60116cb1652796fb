"""Noise levels by measurement: near the truth, on blurred and on sharp pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ddpg.datasets.places import source_folder
from ddpg.pictures.reading import read_picture
from ddpg.restoring.levels import estimated_noise


def photograph(name: str) -> np.ndarray:
    return read_picture(source_folder("data", "skimage") / name).pixels[:256, :256]


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"])
@pytest.mark.parametrize("blurred", [True, False])
@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.2])
def test_white_noise_is_measured(name, blurred, sigma):
    pixels = photograph(name)
    if blurred:
        pixels = gaussian_filter(pixels, (3, 3, 0))
    noise = np.random.default_rng(0).standard_normal(pixels.shape, dtype=np.float32)
    measured = estimated_noise(pixels + sigma * noise, blurred=blurred)
    assert measured == pytest.approx(sigma, rel=0.05 if blurred else 0.25)


def test_missing_pixels_do_not_count():
    random = np.random.default_rng(0)
    pixels = (0.5 + 0.05 * random.standard_normal((128, 128, 3))).astype(np.float32)
    known = np.kron(random.random((16, 16)) > 0.3, np.ones((8, 8))) > 0
    measured = estimated_noise(pixels * known[..., None], blurred=True, known=known)
    assert measured == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("shape", [(2, 2, 1), (5, 40, 3), (40, 40, 3)])
def test_flat_and_tiny_pictures_have_none(shape):
    assert estimated_noise(np.full(shape, 0.3, np.float32), blurred=False) < 1e-6
    assert estimated_noise(np.full(shape, 0.3, np.float32), blurred=True) < 1e-6
