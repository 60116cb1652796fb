"""Restorations of other programs: which file holds which picture, and what is read of it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from ddpg.errors import UserError
from ddpg.pictures import elsewhere
from ddpg.pictures.elsewhere import Held, NotGivenError

UNIT = np.random.default_rng(0).random((9, 12, 3))
DEEP = np.round(65535 * UNIT).astype(np.uint16)
SHALLOW = np.round(255 * UNIT).astype(np.uint8)
SIDES = 2 * (DEEP / 65535) - 1


def read(folder, image="a", extent=None, size=None):
    return elsewhere.read_restoration(elsewhere.held(str(folder), image), extent, size)


def tensor(values, *, first=True) -> torch.Tensor:
    array = values.transpose(2, 0, 1) if first else values
    return torch.from_numpy(np.ascontiguousarray(array))


def png(path, values=SHALLOW):
    Image.fromarray(values).save(path)


@pytest.mark.parametrize(
    ("write", "extent", "words"),
    [
        (lambda f: np.save(f / "a.npy", DEEP), None, "16-bit arrays (rounded to 1/65535"),
        (lambda f: np.save(f / "a.npy", DEEP / 65535), (0, 1), "float64 arrays"),
        (lambda f: np.save(f / "a.npy", SIDES.transpose(2, 0, 1)[None]), (-1, 1), "float64 arrays"),
        (lambda f: save_file({"a": tensor(SIDES)}, f / "all.safetensors"), (-1, 1), "float64 t"),
        (lambda f: save_file({"x": tensor(SIDES)[None]}, f / "a.safetensors"), (-1, 1), "float64"),
        (
            lambda f: save_file({"a": tensor(DEEP / 257, first=False)}, f / "s.safetensors"),
            (0, 255),
            "float64 tensors",
        ),
    ],
)
def test_files_say_the_same_in_their_own_ways(tmp_path, write, extent, words):
    write(tmp_path)
    values, said = read(tmp_path, extent=extent, size=(9, 12))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, SIDES.transpose(2, 0, 1), atol=2e-7)
    assert said.startswith(words)


def test_eight_bits_have_their_white_whatever_range_a_row_gives(tmp_path):
    png(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", SHALLOW)
    save_file({"c": tensor(SHALLOW)}, tmp_path / "more.safetensors")
    expected = np.float32(2 * (SHALLOW.astype(np.float64) / 255) - 1).transpose(2, 0, 1)
    for image in "abc":
        values, said = read(tmp_path, image, extent=(-1, 1))
        np.testing.assert_allclose(values, expected, atol=2e-7)
        assert "rounded to 1/255, clipped to [0, 1]" in said
    assert read(tmp_path)[1].startswith("8-bit PNG")


def test_what_a_file_is_decides_and_not_what_it_is_called(tmp_path):
    Image.fromarray(SHALLOW).save(tmp_path / "picture.jpg")
    (tmp_path / "picture.jpg").rename(tmp_path / "a.png")
    assert read(tmp_path)[1].startswith("8-bit JPEG")


def test_grey_is_equal_colours(tmp_path):
    png(tmp_path / "a.png", SHALLOW[..., 0])
    values, _ = read(tmp_path)
    assert values.shape == (3, 9, 12)
    assert (values == values[:1]).all()


def test_half_precision_comes_back_as_it_was(tmp_path):
    for name, kind in (("a", torch.float16), ("b", torch.bfloat16)):
        stored = tensor(SIDES).to(kind)
        save_file({name: stored}, tmp_path / f"{name}.safetensors")
        values, said = read(tmp_path, name, extent=(-1, 1))
        assert torch.equal(torch.from_numpy(values), stored.float())
        assert said == {"a": "float16 tensors", "b": "bfloat16 tensors"}[name]


def test_values_outside_the_range_are_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.full((9, 9), 1.5, np.float32))
    assert (read(tmp_path, extent=(0, 1))[0] == 2).all()


def transparent(folder):
    Image.new("RGBA", (9, 9), (1, 2, 3, 100)).save(folder / "a.png")


def turned(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (9, 12)).save(folder / "a.png", exif=exif)


def not_finite(folder):
    np.save(folder / "a.npy", np.full((9, 9), np.nan, np.float32))


def truncated(folder):
    png(folder / "a.png", np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    path = folder / "a.png"
    path.write_bytes(path.read_bytes()[:-5000])


def no_tensors(folder):
    (folder / "a.safetensors").write_bytes(b"no tensors at all")


def endless_header(folder):
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")


def pickled(folder):
    np.save(folder / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def whole_numbers(folder):
    np.save(folder / "a.npy", np.zeros((9, 9), np.int64))


def volume(folder):
    np.save(folder / "a.npy", np.zeros((2, 3, 9, 9), np.float32))


def two_files(folder):
    png(folder / "a.png")
    np.save(folder / "a.npy", DEEP)


def a_file_and_a_tensor(folder):
    png(folder / "a.png")
    save_file({"a": tensor(SIDES), "b": tensor(SIDES)}, folder / "all.safetensors")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (transparent, "has transparency"),
        (turned, "has it turned"),
        (not_finite, "not finite"),
        (truncated, "a.png: "),
        (no_tensors, "not a safetensors file"),
        (endless_header, "not a safetensors file"),
        (pickled, "cannot be read as an array"),
        (whole_numbers, "must hold 8 or 16 bits or floats, has 'int64'"),
        (volume, r"of 1 or 3 channels, has shape \(2, 3, 9, 9\)"),
        (two_files, "several restorations of a: .*a.npy, .*a.png; leave one"),
        (a_file_and_a_tensor, "several restorations of a: .*a.png, .*all.safetensors: tensor 'a'"),
    ],
)
def test_what_cannot_be_a_restoration_is_refused_by_name(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(UserError, match=message):
        read(tmp_path, extent=(0, 1))


def test_floats_need_a_range_and_sizes_must_be_right(tmp_path):
    np.save(tmp_path / "a.npy", UNIT)
    with pytest.raises(UserError, match="does not say what is black and what is white"):
        read(tmp_path)
    with pytest.raises(UserError, match="has 12 x 9 pixels, what was to be restored has 9 x 9"):
        read(tmp_path, extent=(0, 1), size=(9, 9))


def test_a_broken_file_takes_no_other_with_it(tmp_path):
    no_tensors(tmp_path)
    png(tmp_path / "b.png")
    assert read(tmp_path, "b")[0].shape == (3, 9, 12)
    assert len(elsewhere.unreadable(str(tmp_path))) == 1
    (tmp_path / "a.safetensors").rename(tmp_path / "shard-0.safetensors")
    with pytest.raises(NotGivenError, match=r"no restoration was given; .*shard-0\.safetensors"):
        read(tmp_path)


def test_names_from_outside_are_compared_and_never_followed(tmp_path):
    folder = tmp_path / "others"
    folder.mkdir()
    png(tmp_path / "secret.png")
    save_file({"../secret": tensor(SIDES), "/etc/passwd": tensor(SIDES)}, folder / "x.safetensors")
    png(folder / "b.png")
    with pytest.raises(NotGivenError):
        read(folder, "secret")
    assert elsewhere.surplus(str(folder), ["b"]) == ["x.safetensors"]


def test_what_belongs_to_no_picture(tmp_path):
    png(tmp_path / "a.png")
    png(tmp_path / "z.png")
    png(tmp_path / ".hidden.png")
    (tmp_path / "notes.txt").write_text("no restoration")
    save_file({"b": tensor(SIDES), "c": tensor(SIDES)}, tmp_path / "more.safetensors")
    save_file({"image": tensor(SIDES)}, tmp_path / "d.safetensors")
    surplus = elsewhere.surplus(str(tmp_path), ["a", "b", "d", "e"])
    assert surplus == ["more.safetensors: c", "z.png"]


def test_a_tensor_stands_for_one_picture(tmp_path):
    save_file({"a": tensor(SIDES)}, tmp_path / "b.safetensors")
    file = tmp_path / "b.safetensors"
    assert elsewhere.shared(str(tmp_path), "ab") == {Held(file, "a"): ["a", "b"]}
    assert elsewhere.shared(str(tmp_path), "ac") == {}


def test_the_header_of_a_file_of_all_pictures_is_read_once(tmp_path, monkeypatch):
    file, images = tmp_path / "all.safetensors", [f"p{number}" for number in range(9)]
    save_file({image: tensor(SIDES) for image in images}, file)
    read_heads, read = elsewhere.tensor_heads, []
    monkeypatch.setattr(
        elsewhere, "tensor_heads", lambda path: read.append(path) or read_heads(path)
    )
    for _ in range(2):
        heads = {elsewhere.head_of(elsewhere.held(str(tmp_path), image)) for image in images}
        assert heads == {elsewhere.Head((9, 12), True)}
    assert read == [file]
    save_file({"p0": tensor(SIDES[:5])}, file)  # looked at anew
    assert elsewhere.head_of(elsewhere.held(str(tmp_path), "p0")).size == (5, 12)


def test_further_restorations_are_counted(tmp_path):
    folder = str(tmp_path)
    assert elsewhere.repeats_in(folder) == 1
    (tmp_path / "repeat-1").mkdir()
    (tmp_path / "repeat-2").mkdir()
    assert elsewhere.repeats_in(folder) == 3
    (tmp_path / "repeat-4").mkdir()
    with pytest.raises(UserError, match="there is no repeat-3 beside repeat-4"):
        elsewhere.repeats_in(folder)
    with pytest.raises(UserError, match="there is no such folder"):
        elsewhere.repeats_in(f"{folder}/none")


def test_files_are_known_by_what_they_hold(tmp_path):
    png(tmp_path / "a.png")
    save_file({"b": tensor(SIDES), "c": tensor(SIDES)}, tmp_path / "more.safetensors")
    folder = str(tmp_path)
    before = elsewhere.contents_of(folder, "abcd")
    whole = elsewhere.contents_of(folder, None)
    assert before[1] == before[2] != before[0]
    assert before[3] == ""
    png(tmp_path / "a.png")  # the same again
    assert elsewhere.contents_of(folder, "abcd") == before
    png(tmp_path / "a.png", SHALLOW[::-1])
    after = elsewhere.contents_of(folder, "abcd")
    assert [a == b for a, b in zip(after, before, strict=True)] == [False, True, True, True]
    assert elsewhere.contents_of(folder, None) != whole
    png(tmp_path / "d.png")
    assert elsewhere.contents_of(folder, "d") == elsewhere.contents_of(folder, ["d"]) != [""]
