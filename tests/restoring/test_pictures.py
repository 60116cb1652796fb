"""What comes in goes out: depth, colours, transparency, profile; turned upright."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from ddpg.images import ImageError
from ddpg.pictures.reading import Picture, read_picture, rounding_error
from ddpg.restoring.writing import lost, write_picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(channels: int, bits: int, transparent: bool) -> Picture:
    random = np.random.default_rng(channels + bits)
    alpha = random.random((7, 5), dtype=np.float32) if transparent else None
    profile = PROFILE if channels == 3 else None
    return Picture(random.random((7, 5, channels), dtype=np.float32), bits, alpha, profile)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".PNG", ".TIFF"])
def test_depth_colours_transparency_and_profile_are_kept(
    channels, bits, transparent, suffix, tmp_path
):
    path, written = tmp_path / f"Müller (1){suffix}", picture(channels, bits, transparent)
    write_picture(path, written)
    read = read_picture(path)
    assert (read.bits, read.profile) == (bits, written.profile)
    step = 0.51 / (2**bits - 1) + 1e-7
    np.testing.assert_allclose(read.pixels, written.pixels, atol=step)
    assert (read.alpha is None) == (written.alpha is None)
    if transparent:
        np.testing.assert_allclose(read.alpha, written.alpha, atol=step)
    assert read.rounding == rounding_error(bits)
    assert lost(path, written) == []


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_pictures_are_turned_as_exif_says(orientation, deep, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 4), dtype=np.uint8)
    stored = Image.fromarray(pixels.astype(np.uint16) * 257 if deep else pixels)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Camera"
    stored.save(tmp_path / "turned.png", exif=exif)
    read = read_picture(tmp_path / "turned.png")
    with Image.open(tmp_path / "turned.png") as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened)) / (65535 if deep else 255)
    np.testing.assert_allclose(read.pixels[..., 0], upright, atol=1e-6)
    write_picture(tmp_path / "again.png", read)
    with Image.open(tmp_path / "again.png") as opened:
        assert dict(opened.getexif()) == {0x010F: "Camera"}


def test_a_malformed_exif_block_is_said_and_left_out(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage")
    read = read_picture(tmp_path / "a.jpg")
    assert read.exif is None
    assert read.size == (4, 4)


@pytest.mark.parametrize(
    ("mode", "channels", "transparent"),
    [("1", 1, False), ("L", 1, False), ("P", 3, False), ("LA", 1, True), ("RGBA", 3, True),
     ("CMYK", 3, False), ("YCbCr", 3, False)],
)  # fmt: skip
def test_every_mode_of_pillow(mode, channels, transparent, tmp_path):
    suffix = ".tif" if mode in ("CMYK", "YCbCr") else ".png"
    Image.new(mode, (6, 4)).save(tmp_path / f"a{suffix}")
    read = read_picture(tmp_path / f"a{suffix}")
    assert read.pixels.shape == (4, 6, channels)
    assert (read.alpha is not None) == transparent


def test_inks_are_converted_by_their_profile_and_lose_it(tmp_path):
    inks = PROFILE[:16] + b"CMYK" + PROFILE[20:]
    Image.new("CMYK", (3, 2), (0, 255, 255, 0)).save(tmp_path / "a.jpg", icc_profile=inks)
    read = read_picture(tmp_path / "a.jpg")
    assert read.profile is None
    assert read.notes == ["converted from CMYK to RGB"]


def test_transparent_palettes(tmp_path):
    palette = Image.new("P", (2, 2))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.png", transparency=0)
    read = read_picture(tmp_path / "p.png")
    assert read.alpha.tolist() == [[0, 1], [0, 0]]
    np.testing.assert_array_equal(read.pixels[0, 1], [1, 0, 0])


def test_jpeg_says_how_coarse_it_is(tmp_path):
    image = Image.new("RGB", (16, 16))
    roundings = []
    for quality in (50, 75, 95):
        image.save(tmp_path / "a.jpg", quality=quality)
        roundings.append(read_picture(tmp_path / "a.jpg").rounding)
    assert 0.015 < roundings[0] < 0.03
    assert roundings[0] > roundings[1] > roundings[2] > rounding_error(8)


def _animation(path):
    frames = [Image.new("L", (4, 4), value) for value in (0, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "make", "word"),
    [
        ("empty.png", lambda path: path.write_bytes(b""), "empty"),
        ("text.jpg", lambda path: path.write_text("no picture"), "not a picture"),
        ("cut.png", lambda path: path.write_bytes(_png()[:60]), "decoded"),
        ("moves.gif", _animation, "2 frames"),
        ("one.png", lambda path: Image.new("L", (1, 1)).save(path), "1 x 1"),
        ("line.png", lambda path: Image.new("L", (9, 1)).save(path), "9 x 1"),
        ("gone.png", Path.is_file, "no such file"),
    ],
)
def test_what_is_no_picture_is_told_with_its_name(name, make, word, tmp_path):
    make(tmp_path / name)
    with pytest.raises(ImageError, match=rf"{name}: .*{word}"):
        read_picture(tmp_path / name)


def _png() -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, "PNG")
    return stream.getvalue()


def test_what_a_format_cannot_hold_is_said(tmp_path):
    deep = picture(3, 16, transparent=True)
    assert len(lost(tmp_path / "a.jpg", deep)) == 2
    assert "16" in lost(tmp_path / "a.webp", deep)[0]
    assert "profile" in lost(tmp_path / "a.bmp", picture(3, 8, transparent=False))[0]
