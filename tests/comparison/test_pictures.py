"""The place with the most detail, 8-bit pictures, insets."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ddpg.comparison.figures.insets import Box, with_insets
from ddpg.comparison.pictures import (
    Square,
    data_uri,
    enlarge,
    is_picture,
    kernel_picture,
    lossy_uri,
    most_detail,
    names_in,
    read_arrays,
    read_kernels,
    thumbnail_uri,
    to_8bit,
)
from ddpg.errors import UserError


def decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_the_detail_is_where_the_chequers_are(shards):
    picture = to_8bit(read_arrays([shards["truth"]], ["image_0"])["image_0"])
    # The patch's gradients fill rows 9 to 16 and columns 39 to 46; the square is 8 wide.
    assert most_detail(picture) == Square(9, 39, 8)
    assert most_detail(picture.copy()) == most_detail(picture)


def test_without_any_detail_it_is_the_first_place():
    assert most_detail(np.full((20, 20, 3), 7, np.uint8), 0.25) == Square(0, 0, 5)


def test_one_pixel_is_a_picture_too():
    assert most_detail(np.zeros((1, 1, 3), np.uint8)) == Square(0, 0, 1)


def test_tensors_are_clamped_and_rounded():
    array = np.array([-3.0, -1.0, 0.0, 0.1, 1.0, 2.0], np.float32).reshape(1, 1, 6).repeat(3, 0)
    assert to_8bit(array)[0, :, 0].tolist() == [0, 0, 128, 140, 255, 255]


def test_grey_is_shown_and_coefficients_are_no_picture():
    grey = np.linspace(-1, 1, 6, dtype=np.float32).reshape(1, 2, 3)
    picture = to_8bit(grey)
    assert picture.shape == (2, 3, 3)
    assert (picture == picture[..., :1]).all()
    assert is_picture(grey)
    assert not is_picture(np.zeros((3, 1, 40), np.float32))


def test_observations_are_enlarged_by_repeating_pixels():
    small = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    large = enlarge(small, 4, 4)
    assert np.array_equal(large, small.repeat(2, 0).repeat(2, 1))


def test_the_inset_lies_in_the_far_corner_and_shows_the_detail():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[10:26, 70:86] = (10, 200, 30)
    shown = with_insets(picture, [Box.of(Square(10, 70, 16))])
    assert shown.shape == (400, 400, 3)
    assert shown[320, 80].tolist() == [10, 200, 30]  # lower left
    assert shown[320, 320].tolist() == [0, 0, 0]
    assert shown[80, 320].tolist() == [10, 200, 30]
    assert shown[-1, 0].tolist() == shown[40, 280].tolist() == [255, 221, 51]


def test_pictures_are_kept_without_loss_and_lossy_ones_are_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    whole = data_uri(noise)
    assert whole.startswith("data:image/webp;base64,")
    assert np.array_equal(decoded(whole), noise)
    lossy = lossy_uri(whole)
    assert lossy.startswith("data:image/jpeg;base64,")
    assert len(lossy) < len(whole)
    assert np.abs(decoded(lossy).astype(int) - noise).mean() < 8


def test_a_lossy_picture_that_is_no_smaller_stays_as_it_was():
    flat = data_uri(np.zeros((64, 64, 3), np.uint8))
    assert lossy_uri(flat) == flat


def test_a_thumbnail_is_the_middle_of_the_picture():
    picture = np.zeros((60, 200, 3), np.uint8)
    picture[:, 70:130] = 255
    small = decoded(thumbnail_uri(picture))
    assert small.shape == (56, 56, 3)
    assert small[28, 28].min() > 240


def test_kernels_are_read_of_the_images_that_have_one(shards):
    assert list(read_kernels([shards["observed"]], ["image_2", "ghost"])) == ["image_2"]
    assert read_kernels([shards["truth"]], ["image_2"]) == {}


def test_a_kernel_s_picture_is_the_root_of_its_weights():
    kernel = np.array([[0, 0.04], [0.16, 0.64]], np.float32)
    assert kernel_picture(kernel).tolist() == [[0, 64], [128, 255]]
    assert kernel_picture(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_what_is_not_there_is_named(shards, tmp_path):
    assert names_in([shards["truth"]]) == ["image_0", "image_1", "image_2"]
    with pytest.raises(UserError, match=r"no 'ghost' in .*truth\.safetensors"):
        read_arrays([shards["truth"]], ["ghost"])
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not this")
    with pytest.raises(UserError, match=r"broken\.safetensors: not a readable"):
        names_in([broken])
