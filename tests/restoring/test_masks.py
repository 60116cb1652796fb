"""Masks: white is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ddpg.errors import UserError
from ddpg.pictures.masks import checked_mask, read_mask

KNOWN = np.random.default_rng(0).random((6, 8)) > 0.3


@pytest.mark.parametrize(
    "values",
    [KNOWN, KNOWN.astype(int), KNOWN * 255, KNOWN.astype(np.float32),
     KNOWN[..., None] * np.full(3, 255), KNOWN.astype(np.uint16) * 65535],
)  # fmt: skip
def test_every_way_of_writing_a_mask(values):
    np.testing.assert_array_equal(checked_mask(values, (6, 8)), KNOWN)
    np.testing.assert_array_equal(checked_mask(values, (6, 8), inverted=True), ~KNOWN)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".npy"])
def test_files(suffix, tmp_path):
    path = tmp_path / f"mask{suffix}"
    large = np.kron(KNOWN, np.ones((16, 16))) > 0
    if suffix == ".npy":
        np.save(path, large)
    else:
        Image.fromarray((large * 255).astype(np.uint8)).save(path)
    read = read_mask(path, large.shape, inverted=False)
    assert (read != large).mean() < 0.05
    assert not (read & ~large).any()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.ones((6, 8)), "hides nothing"),
        (np.zeros((6, 8)), "hides everything"),
        (KNOWN.T, "6 x 8 pixels, but the picture 8 x 6"),
        (KNOWN * 2.0 - 1, "from 0 to 1"),
        (np.where(KNOWN, np.nan, 0), "numbers"),
        (KNOWN * 1e6, "from 0 to 1"),
    ],
)
def test_what_is_no_mask_is_told(values, word):
    with pytest.raises(UserError, match=f"mask.png: .*{word}"):
        checked_mask(values, (6, 8), "mask.png")


def test_soft_edges_are_missing():
    assert checked_mask(np.array([[255, 200, 90, 0]]), (1, 4)).tolist() == [
        [True, False, False, False]
    ]
    inverted = checked_mask(np.array([[255, 200, 90, 0]]), (1, 4), inverted=True)
    assert inverted.tolist() == [[False, False, False, True]]
