"""Reading, preparing and writing pictures."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional as torchvision

from ddpg.images import (
    ImageError,
    from_uint8,
    inspect_image,
    load_image,
    save_png,
    to_uint8,
)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)


def _store(array: np.ndarray, path: Path, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize(("data_set", "crop"), [("celeba_hq", "stretch"), ("imagenet", "center")])
def test_published_preprocessing_to_the_byte(
    data_set: str, crop: str, reference_folder: Path
) -> None:
    pictures = sorted((reference_folder / "images" / data_set).iterdir())
    assert len(pictures) == 4
    for picture in pictures:
        expected = (
            reference_folder / "reference" / "preprocessing" / f"{data_set}_{picture.stem}.png"
        )
        loaded = to_uint8(load_image(picture, 256, crop=crop)).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(loaded, np.asarray(Image.open(expected)))


@pytest.mark.parametrize(("height", "width"), [(20, 23), (25, 20), (20, 21), (26, 20), (20, 20)])
def test_centre_crop_is_torchvisions(tmp_path: Path, height: int, width: int) -> None:
    array = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    loaded = load_image(_store(array, tmp_path / "p.png"), 20, crop="center")
    cropped = torchvision.center_crop(torch.from_numpy(array).permute(2, 0, 1), [20, 20])
    assert torch.equal(to_uint8(loaded), cropped)


@pytest.mark.parametrize(
    ("stored", "size", "part"),
    [
        ((20, 40), (10, 10), (20, 20)),
        ((20, 40), (10, 15), (20, 30)),
        ((20, 40), (10, 30), (13, 40)),
        ((40, 20), (20, 10), (40, 20)),
        ((41, 20), (20, 10), (40, 20)),
        ((8, 100), (64, 8), (8, 1)),
    ],
)
def test_the_centre_has_the_shape_of_the_result(
    tmp_path: Path, stored: tuple[int, int], size: tuple[int, int], part: tuple[int, int]
) -> None:
    array = np.random.default_rng(1).integers(0, 256, (*stored, 3), dtype=np.uint8)
    loaded = load_image(_store(array, tmp_path / "p.png"), size, crop="center")
    assert loaded.shape == (3, *size)
    cut = torchvision.center_crop(torch.from_numpy(array).permute(2, 0, 1), [*part])
    path = _store(cut.permute(1, 2, 0).numpy(), tmp_path / "cut.png")
    assert torch.equal(loaded, load_image(path, size, crop="stretch"))


def test_without_a_crop_a_picture_is_as_it_is(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (7, 13, 3), dtype=np.uint8)
    loaded = load_image(_store(array, tmp_path / "p.png"), None, crop="none")
    np.testing.assert_array_equal(to_uint8(loaded).permute(1, 2, 0).numpy(), array)
    for size, crop in ((16, "none"), ((7, 13), "none"), (None, "center"), (None, "stretch")):
        with pytest.raises(ValueError, match="exclude each other"):
            load_image(tmp_path / "p.png", size, crop=crop)


def test_stretch_keeps_everything_and_antialiases(tmp_path: Path) -> None:
    array = np.zeros((8, 16, 3), dtype=np.uint8)
    array[:, ::2] = 200  # columns alternate: an antialiased reduction by 4 sees their mean
    loaded = load_image(_store(array, tmp_path / "p.png"), 4, crop="stretch")
    np.testing.assert_allclose(loaded[:, :, 1:3].numpy() * 255, 100, atol=1)


def test_result_holds_whole_bytes(tmp_path: Path, noise: np.ndarray) -> None:
    loaded = load_image(_store(noise, tmp_path / "p.png"), 16)
    assert loaded.dtype == torch.float32
    assert torch.equal(from_uint8(to_uint8(loaded)), loaded)


@pytest.mark.parametrize(
    ("array", "note"),
    [
        (np.full((6, 6), 51, np.uint8), "mode L"),
        (np.full((6, 6), 51 * 257, np.uint16), "16-bit"),
        (np.dstack([np.full((6, 6), 51, np.uint8)] * 3 + [np.full((6, 6), 255, np.uint8)]), "RGBA"),
    ],
)
def test_conversions_keep_brightness_and_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, array: np.ndarray, note: str
) -> None:
    path = _store(array, tmp_path / "odd.png")
    with caplog.at_level(logging.INFO, "ddpg"):
        loaded = load_image(path, 3)
    assert torch.equal(to_uint8(loaded), torch.full((3, 3, 3), 51, dtype=torch.uint8))
    assert str(path) in caplog.text
    assert note in caplog.text


def test_rgb_is_not_logged(
    tmp_path: Path, noise: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "ddpg"):
        load_image(_store(noise, tmp_path / "p.png"), 16)
    assert not caplog.records


def test_transparency_shows_white_not_the_hidden_colour(tmp_path: Path) -> None:
    hidden = np.zeros((4, 4, 4), dtype=np.uint8)
    hidden[..., 0] = 255
    hidden[:, 2:, 3] = 255
    loaded = load_image(_store(hidden, tmp_path / "p.png"), 4)
    assert loaded[:, 0, 0].tolist() == [1, 1, 1]
    assert loaded[:, 0, 3].tolist() == [1, 0, 0]


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "p.png", transparency=0)
    pixels = to_uint8(load_image(tmp_path / "p.png", 4))
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 3, 3].tolist() == [40, 50, 60]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "p.tif")
    assert load_image(tmp_path / "p.tif", 4)[:, 0, 0].tolist() == [1, 0, 0]


def test_exif_orientation_is_ignored_and_logged(
    tmp_path: Path, noise: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = load_image(_store(noise, tmp_path / "turned.png", exif=exif), 16)
    assert torch.equal(turned, load_image(_store(noise, tmp_path / "plain.png"), 16))
    assert "turned.png: its EXIF orientation is ignored" in caplog.text
    assert "plain.png" not in caplog.text


def _several(path: Path) -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("white", "black")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _half(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)
    whole = _store(noise, path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _encapsulated(path: Path) -> None:
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n")


@pytest.mark.parametrize("read", [inspect_image, lambda path: load_image(path, 6)])
@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        *((f"x.{suffix}", _several, "has 2 frames or pages") for suffix in ("gif", "webp", "tif")),
        *((f"x.{suffix}", _half, "cannot be decoded") for suffix in ("png", "jpg", "tga")),
        ("x.png", _encapsulated, "not a picture in a known format"),
        ("x.tif", lambda path: _store(np.zeros((9, 9), np.int32), path), "no agreed white"),
        ("x.tif", lambda path: _store(np.zeros((9, 9), np.float32), path), "no agreed white"),
    ],
)
def test_what_the_survey_refuses_is_not_prepared(
    tmp_path: Path,
    read: Callable[[Path], object],
    name: str,
    make: Callable[[Path], object],
    reason: str,
) -> None:
    make(tmp_path / name)
    with pytest.raises(ImageError, match=rf"{name}: .*{reason}"):
        read(tmp_path / name)


def test_no_file_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ghostscript, which Pillow would start for EPS, whatever the file is called."""
    script = tmp_path / "bin/gs"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    for name in ("x.png", "x.eps", "x.jpg"):
        _encapsulated(tmp_path / name)
        for read in (inspect_image, lambda path: load_image(path, 6)):
            with pytest.raises(ImageError):
                read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


JUNK = b"\0\x08\0\2\1\x12\0\3" + bytes(20)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "chunk",
    [
        _chunk(b"eXIf", JUNK),
        _chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\5"),
        _chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 8\n0008000201120003\n"),
    ],
)
def test_a_malformed_exif_block_spoils_no_pixels(
    tmp_path: Path, noise: np.ndarray, chunk: bytes
) -> None:
    data = _store(noise[:37, :37], tmp_path / "x.png").read_bytes()
    start = data.index(b"IDAT") - 4
    (tmp_path / "x.png").write_bytes(data[:start] + chunk + data[start:])
    assert inspect_image(tmp_path / "x.png") == (37, 37)
    pixels = to_uint8(load_image(tmp_path / "x.png", 37)).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels, noise[:37, :37])


@pytest.mark.parametrize(("suffix", "options"), [("webp", {"lossless": True}), ("png", {})])
def test_exif_that_is_no_exif(
    tmp_path: Path, noise: np.ndarray, suffix: str, options: dict[str, object]
) -> None:
    path = _store(noise, tmp_path / f"x.{suffix}", exif=b"Exif\0\0" + JUNK, **options)
    plain = load_image(_store(noise, tmp_path / "plain.png"), 16)
    assert torch.equal(load_image(path, 16), plain)


SIDE = 24


def _deep(*channels: int) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 65536, (SIDE, SIDE, *channels))
    return values.astype(np.uint16)


def _deep_png(values: np.ndarray, transparent: bytes = b"") -> bytes:
    """A PNG of 16 bits; Pillow writes none in colour."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2] if values.ndim == 3 else 1]
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))
    chunks = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", pixels), (b"IEND", b"")]
    written = (_chunk(name, data) for name, data in chunks if data or name == b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def _on_white(values: np.ndarray, white: int = 65535) -> np.ndarray:
    """(H, W, 3) in [0, 1], transparency composited."""
    shares = values.astype(float) / white
    if shares.ndim == 2:
        return np.repeat(shares[..., None], 3, axis=2)
    colours, alpha = shares[..., :3], 1.0
    if shares.shape[2] in (2, 4):
        alpha = shares[..., -1:]
        colours = colours if shares.shape[2] == 4 else np.repeat(shares[..., :1], 3, axis=2)
    return colours * alpha + 1 - alpha


def _assert_rounded(path: Path, expected: np.ndarray) -> None:
    loaded = (load_image(path, SIDE) * 255).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(loaded, expected * 255, atol=0.51)
    assert inspect_image(path) == (SIDE, SIDE)


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
def test_png_of_16_bits_is_rounded(tmp_path: Path, channels: tuple[int, ...]) -> None:
    (tmp_path / "x.png").write_bytes(_deep_png(_deep(*channels)))
    _assert_rounded(tmp_path / "x.png", _on_white(_deep(*channels)))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_transparent_colour_of_16_bits_is_white(tmp_path: Path, channels: tuple[int]) -> None:
    values = _deep(*channels)
    hidden = values[3, 4]
    (tmp_path / "x.png").write_bytes(_deep_png(values, np.array(hidden, ">u2").tobytes()))
    expected = _on_white(values)
    expected[(values == hidden) if not channels else (values == hidden).all(axis=2)] = 1
    _assert_rounded(tmp_path / "x.png", expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", ["grey", "rgb", "alpha", "premultiplied", "tiled"])
def test_tiff_of_16_bits_is_rounded(
    tmp_path: Path, order: str, compression: str | None, kind: str
) -> None:
    tifffile = pytest.importorskip("tifffile", exc_type=ImportError)
    values = _deep(*{"grey": (), "rgb": (3,), "tiled": (3,)}.get(kind, (4,)))
    expected = _on_white(values)
    options = {"photometric": "minisblack" if kind == "grey" else "rgb"}
    if kind == "alpha":
        options["extrasamples"] = ["unassalpha"]
    if kind == "premultiplied":
        values[..., :3] = np.round(values[..., :3] * (values[..., 3:] / 65535))
        expected = (values[..., :3].astype(float) + 65535 - values[..., 3:]) / 65535
        options["extrasamples"] = ["assocalpha"]
    if kind == "tiled":
        options["tile"] = (16, 16)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values, byteorder=order, compression=compression, **options)
    _assert_rounded(path, expected)


def test_tiff_whose_white_is_zero(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", exc_type=ImportError)
    tifffile.imwrite(tmp_path / "x.tif", _deep(), photometric="miniswhite")
    _assert_rounded(tmp_path / "x.tif", 1 - _on_white(_deep()))


def test_tiff_of_16_bits_in_planes_is_refused(tmp_path: Path) -> None:
    """Pillow reads it wrongly."""
    tifffile = pytest.importorskip("tifffile", exc_type=ImportError)
    planes = np.moveaxis(_deep(3), -1, 0)
    tifffile.imwrite(tmp_path / "x.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(ImageError, match=r"x\.tif: 16-bit TIFF with each colour in a plane"):
        load_image(tmp_path / "x.tif", SIDE)


@pytest.mark.parametrize("white", [300, 1023, 4095, 65535])
@pytest.mark.parametrize("kind", ["P2", "P5", "P6"])
def test_portable_maps_of_every_depth_are_rounded(tmp_path: Path, kind: str, white: int) -> None:
    values = _deep(*((3,) if kind == "P6" else ())).astype(np.uint32) * white // 65535
    text = " ".join(map(str, values.ravel())).encode()
    body = text if kind == "P2" else values.astype(">u2").tobytes()
    path = tmp_path / "x.pnm"
    path.write_bytes(f"{kind}\n{SIDE} {SIDE}\n{white}\n".encode() + body)
    _assert_rounded(path, _on_white(values, white))


def test_16_bits_a_pixel_are_no_16_bits_a_channel(tmp_path: Path) -> None:
    """A bitmap with 5, 6 and 5 bits."""
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 16, 3, 8, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    start = struct.pack("<2sIHHI", b"BM", 74, 0, 0, 66)
    (tmp_path / "x.bmp").write_bytes(start + header + masks + b"\x00\xf8" * 4)
    assert load_image(tmp_path / "x.bmp", 2)[:, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("crop", ["center", "stretch"])
def test_one_pixel_becomes_a_flat_picture(tmp_path: Path, crop: str) -> None:
    path = _store(np.full((1, 1, 3), 7, np.uint8), tmp_path / "p.png")
    assert bool((to_uint8(load_image(path, 5, crop=crop)) == 7).all())


def test_extreme_aspect_ratio(tmp_path: Path) -> None:
    array = np.zeros((1, 101, 3), np.uint8)
    array[0, 50] = 255
    assert bool((load_image(_store(array, tmp_path / "p.png"), 4) == 1).all())


def _truncated(path: Path, noise: np.ndarray, suffix: str) -> Path:
    whole = _store(noise, path.with_suffix(suffix)).read_bytes()
    path.with_suffix(suffix).write_bytes(whole[: len(whole) // 2])
    return path.with_suffix(suffix)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_truncated_file_is_named(tmp_path: Path, noise: np.ndarray, suffix: str) -> None:
    path = _truncated(tmp_path / "half", noise, suffix)
    with pytest.raises(ImageError, match=f"half{suffix}: "):
        load_image(path, 16)


def test_damaged_png_is_named(tmp_path: Path, noise: np.ndarray) -> None:
    path = _store(noise, tmp_path / "damaged.png")
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"damaged\.png: cannot be decoded"):
        load_image(path, 16)


def test_a_png_that_lacks_its_palette_is_named(tmp_path: Path) -> None:
    """Pillow stumbles over it in a way of its own."""
    Image.new("P", (8, 8)).save(tmp_path / "p.png")
    content = (tmp_path / "p.png").read_bytes()
    start = content.index(b"PLTE") - 4
    length = int.from_bytes(content[start : start + 4], "big")
    (tmp_path / "p.png").write_bytes(content[:start] + content[start + 12 + length :])
    for read in (inspect_image, lambda path: load_image(path, 8)):
        with pytest.raises(ImageError, match=r"p\.png: cannot be decoded"):
            read(tmp_path / "p.png")


def test_missing_empty_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    reasons = {
        "absent.png": "no such file",
        "empty.png": "the file is empty",
        "text.png": "not a picture in a known format",
    }
    for name, reason in reasons.items():
        with pytest.raises(ImageError, match=f"{name}: {reason}"):
            load_image(tmp_path / name, 16)
    with pytest.raises(ImageError, match="cannot be decoded"):
        load_image(tmp_path, 16)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match=r"pipe\.png: .* it is no regular file"):
        load_image(tmp_path / "pipe.png", 16)


def test_decompression_bomb_is_named(
    tmp_path: Path, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _store(noise, tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match=r"bomb\.png: too large"):
        load_image(path, 16)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = _store(np.zeros((4, 4), np.float32), tmp_path / "p.tif")
    with pytest.raises(ImageError, match="floating-point pixels have no agreed white"):
        load_image(path, 4)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, (4,), (4, 0), (4, True), (4, 4, 4), "native"])
def test_size_must_be_a_positive_integer(tmp_path: Path, size: object) -> None:
    with pytest.raises(ValueError, match="size must be a positive integer"):
        load_image(tmp_path / "p.png", size)


def test_unknown_crop_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="center, stretch, got 'centre'"):
        load_image(tmp_path / "p.png", 16, crop="centre")


def test_to_uint8_clamps_and_rounds() -> None:
    values = torch.tensor([-0.2, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.7])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 255, 255]


def test_every_byte_survives_the_round_trip() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(pixels)), pixels)


def test_to_uint8_refuses_what_has_no_byte() -> None:
    with pytest.raises(ValueError, match="finite"):
        to_uint8(torch.tensor([float("nan")]))
    with pytest.raises(ValueError, match="floating point"):
        to_uint8(torch.tensor([1]))


def test_save_png_round_trip_leaves_one_file(tmp_path: Path, noise: np.ndarray) -> None:
    pixels = torch.from_numpy(noise[:37, :37]).permute(2, 0, 1)
    save_png(tmp_path / "deep" / "p.png", from_uint8(pixels))
    assert torch.equal(to_uint8(load_image(tmp_path / "deep" / "p.png", 37)), pixels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["p.png"]


def test_save_png_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    save_png(tmp_path / "p.png", torch.zeros(3, 4, 4))
    with pytest.raises(ValueError, match="shape"):
        save_png(tmp_path / "p.png", torch.zeros(1, 4, 4))
    assert bool((load_image(tmp_path / "p.png", 4) == 0).all())
