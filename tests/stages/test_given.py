"""Observations that somebody else has made: read as they are, checked, and restored the same."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from ddpg.datasets.cards import read_card
from ddpg.datasets.index import Row
from ddpg.datasets.places import root_folder
from ddpg.datasets.survey import survey
from ddpg.errors import UserError
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.jobs.observation import Adoption
from ddpg.operators import build_operator
from ddpg.pictures.belongings import file_of
from ddpg.stages.degrading import Model
from ddpg.stages.observations import adopt
from ddpg.stages.preparation import prepare_observations, prepare_truth

IMAGES = ("a", "b", "c", "d")
SIZE = 32
BLUR = Model("deblur_gauss", "fft")


def take_observations(given, output, model, **fields):
    """Takes all observations of a file as those of a model; gives the file with them."""
    fields = {"dataset": "photos", "sigma_y": 0.05, "seed": 0, "image_size": SIZE} | fields
    fields |= {"task": model.task, "operator": model.backend, "scale": model.scale}
    adopt(Adoption(given=given, output=output, **fields))
    return output


def rows(names, suffix="npy"):
    return [Row(name, f"{name}.{suffix}", "", 0, 0) for name in names]


def read(folder: Path, name: str, suffix: str, extent=None) -> np.ndarray:
    """One observation, read from its file."""
    output = folder / "read.safetensors"
    prepare_observations(rows([name], suffix), folder, output, extent=extent)
    return read_tensors(output)[name].numpy()


def export(y: dict, folder: Path, kind: str) -> None:
    """Write observations as some program may."""
    for name, tensor in y.items():
        unit = (tensor.numpy().astype(np.float64).transpose(1, 2, 0) + 1) / 2
        deep = np.round(65535 * np.clip(unit, 0, 1)).astype(np.uint16)
        if kind == "npy":
            np.save(folder / f"{name}.npy", tensor.numpy())
        elif kind == "tiff":
            tifffile.imwrite(folder / f"{name}.tiff", deep, photometric="rgb")
        else:
            shallow = np.round(255 * np.clip(unit, 0, 1)).astype(np.uint8)
            Image.fromarray(shallow).save(folder / f"{name}.png")


@pytest.fixture
def taken(tmp_path, observations):
    """Exports the observations as a kind of file, and takes these; gives the file."""

    def take(kind):
        folder = tmp_path / kind
        folder.mkdir()
        y = read_tensors(observations, IMAGES)
        export(y, folder, kind)
        extent = (-1.0, 1.0) if kind == "npy" else None
        given, output = folder / "given.safetensors", folder / "y.safetensors"
        prepare_observations(rows(IMAGES, kind), folder, given, extent=extent)
        return take_observations(given, output, BLUR)

    return take


@pytest.mark.usefixtures("prior")
@pytest.mark.parametrize("method", ["ddpg", "pinv"])
def test_arrays_are_restored_to_the_last_bit(taken, restoring, job, method):
    if method == "pinv":
        job = dataclasses.replace(job, method="pinv", hyper_parameters={}, prior="")
    original, _ = restoring(job)
    again, _ = restoring(job, folder="again", input=taken("npy"))
    assert all(torch.equal(again[name], original[name]) for name in IMAGES)


@pytest.mark.parametrize(("kind", "step"), [("tiff", 2 / 65535), ("png", 2 / 255)])
def test_pictures_differ_by_their_rounding(taken, observations, restoring, job, kind, step):
    """The pseudo-inverse is linear: rounding to a step moves y by at most half of it."""
    y, rounded = (read_tensors(file, IMAGES) for file in (observations, taken(kind)))
    inside = {name: y[name].clamp(-1, 1) for name in IMAGES}
    for name in IMAGES:
        assert float((rounded[name] - inside[name]).abs().max()) <= step / 2 + 1e-6
    job = dataclasses.replace(job, method="pinv", hyper_parameters={}, prior="")
    file = observations.parent / "inside.safetensors"
    write_tensors(inside, file, ids=IMAGES)
    first, _ = restoring(job, input=file)
    second, _ = restoring(job, folder="again", input=observations.parent / kind / "y.safetensors")
    operator = build_operator("deblur_gauss", SIZE)
    for name in IMAGES:
        moved = operator.forward((second[name] - first[name])[None]).norm()
        assert float(moved) <= float((rounded[name] - inside[name]).norm()) * (1 + 1e-3)


def test_files_say_the_same_in_their_own_ways(tmp_path):
    unit = np.random.default_rng(0).random((10, 12, 3))
    deep = np.round(65535 * unit).astype(np.uint16)
    expected = np.float32(2 * (deep / 65535) - 1).transpose(2, 0, 1)
    np.save(tmp_path / "last.npy", deep)
    np.save(tmp_path / "first.npy", deep.transpose(2, 0, 1))
    np.save(tmp_path / "unit.npy", (deep / 65535).astype(np.float64))
    np.save(tmp_path / "sides.npy", 2 * (deep / 65535) - 1)
    tifffile.imwrite(tmp_path / "deep.tiff", deep, photometric="rgb")
    for name, suffix, extent in (
        ("last", "npy", None),
        ("first", "npy", None),
        ("unit", "npy", (0, 1)),
        ("sides", "npy", (-1, 1)),
        ("deep", "tiff", None),
    ):
        np.testing.assert_allclose(read(tmp_path, name, suffix, extent), expected, atol=2e-7)
    shallow = np.round(255 * unit).astype(np.uint8)
    Image.fromarray(shallow).save(tmp_path / "shallow.png")
    np.save(tmp_path / "bytes.npy", shallow)
    same = [read(tmp_path, "shallow", "png"), read(tmp_path, "bytes", "npy")]
    np.testing.assert_allclose(*same, atol=2e-7)
    Image.fromarray(shallow[..., 0]).save(tmp_path / "grey.png")
    assert read(tmp_path, "grey", "png").shape == (1, 10, 12)


def test_what_leaves_the_range_is_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.full((9, 9), 1.5, np.float32))
    assert (read(tmp_path, "a", "npy", (0, 1)) == 2).all()


def transparent(path):
    Image.new("RGBA", (9, 9), (1, 2, 3, 100)).save(path)


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (9, 12)).save(path, exif=exif)


def floats(path):
    np.save(path, np.zeros((9, 9), np.float32))


def not_finite(path):
    np.save(path, np.full((9, 9), np.nan))


def four_channels(path):
    np.save(path, np.zeros((4, 9, 9), np.uint8))


def integers(path):
    np.save(path, np.zeros((9, 9), np.int64))


def objects(path):
    np.save(path, np.array([[{}]]), allow_pickle=True)


def no_array(path):
    path.write_bytes(b"nothing")


def broken_archive(path):
    path.write_bytes(b"PK\x03\x04, and nothing of an archive")


@pytest.mark.parametrize(
    ("write", "suffix", "extent", "words"),
    [
        (transparent, "png", None, "has transparency"),
        (turned, "png", None, "its EXIF block has it turned"),
        (floats, "npy", None, r"give the card of the data set range: \[0, 1\]"),
        (not_finite, "npy", (0, 1), "values that are not finite"),
        (four_channels, "npy", None, r"has shape \(4, 9, 9\)"),
        (integers, "npy", None, "must hold 8 or 16 bits or floats, has int64"),
        (objects, "npy", None, "not an array of NumPy"),
        (no_array, "npy", None, "not an array of NumPy"),
        (broken_archive, "npy", None, "not an array of NumPy"),
    ],
)
def test_what_cannot_have_been_observed_is_refused(tmp_path, write, suffix, extent, words):
    write(tmp_path / f"a.{suffix}")
    with pytest.raises(UserError, match=rf"a\.{suffix}: .*{words}"):
        read(tmp_path, "a", suffix, extent)


def test_all_problems_are_told_at_once(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 9), np.int64))
    with pytest.raises(UserError, match=r"(?s)a\.npy: must hold.*b\.npy: no such file"):
        prepare_observations(rows("ab"), tmp_path, tmp_path / "o.safetensors", extent=None)
    assert not (tmp_path / "o.safetensors").exists()


def adopted(tmp_path, tensors, model=BLUR, **belongings):
    write_tensors(tensors, tmp_path / "given.safetensors", ids=list(tensors))
    files = tmp_path / "given.safetensors", tmp_path / "y.safetensors"
    return read_tensors(take_observations(*files, model, **belongings))


def test_other_sizes_are_told_with_those_that_there_should_be(tmp_path):
    given = {"a": torch.zeros(3, SIZE, SIZE), "b": torch.zeros(3, SIZE, SIZE - 2)}
    with pytest.raises(UserError, match=r"b has 30 x 32 pixels; .* 32 x 32 .* has 32 x 32 by"):
        adopted(tmp_path, given)
    small = Model("sr_average", "pixel", 4)
    with pytest.raises(UserError, match=r"32 x 32 \(image_size\) has 8 x 8 by this degradation"):
        adopted(tmp_path, {"a": torch.zeros(3, SIZE, SIZE)}, small)


def test_kernels_of_files_belong_to_them(tmp_path):
    (tmp_path / "kernels").mkdir()
    for name, side in (("a", 3), ("b", 5)):
        np.save(tmp_path / f"kernels/{name}.npy", np.ones((side, side), np.float32))
    model = Model("blur", "cropped")
    kept = {name: torch.zeros(3, SIZE - 4, SIZE - 4) for name in "ab"}
    tensors = adopted(tmp_path, kept, model, kernel=str(tmp_path / "kernels"), kernel_side=5)
    assert tensors["a/kernel"].shape == (5, 5)
    assert float(tensors["a/kernel"][1:4, 1:4].sum()) == pytest.approx(1)


def test_what_a_mask_hides_was_not_observed(tmp_path):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, 8:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    given = {"a": torch.full((3, SIZE, SIZE), 0.7)}
    model = Model("inpainting", "fft")
    y = adopted(tmp_path, given, model, mask=str(tmp_path / "mask.png"))["a"]
    assert float(y[..., :8].abs().max()) == 0
    assert torch.equal(y[..., 8:], given["a"][..., 8:])


def test_grey_is_equal_colours_and_colours_are_not_grey(tmp_path):
    grey = torch.rand(1, SIZE, SIZE)
    assert torch.equal(adopted(tmp_path, {"a": grey})["a"], grey.expand(3, SIZE, SIZE))
    model = Model("colorization", "pixel")
    assert torch.equal(adopted(tmp_path, {"a": grey.expand(3, -1, -1)}, model)["a"], grey)
    with pytest.raises(UserError, match="a: has 3 channels, an observation by this degradation 1"):
        adopted(tmp_path, {"a": torch.rand(3, SIZE, SIZE)}, model)


def test_truths_are_found_by_id_and_not_resized(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    folder = tmp_path / "truth"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    for name in ("a", "b", "stray"):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    output = tmp_path / "t.safetensors"
    prepare_truth(rows("a"), str(folder), output, image_size=SIZE, others=["a", "b"])
    assert np.array_equal(read_tensors(output)["a"].numpy(), pixels.transpose(2, 0, 1))
    assert "1 files are no observation's truth: stray.png" in caplog.text
    with pytest.raises(UserError, match=r"a\.png: the truth of a has 32 x 32 pixels.*64 x 64"):
        prepare_truth(rows("a"), str(folder), output, image_size=64)
    with pytest.raises(UserError, match=r"must hold one file named c .* but has none"):
        prepare_truth(rows("ac"), str(folder), output, image_size=SIZE)


@pytest.mark.parametrize(
    ("model", "kernel", "seen", "unknown"),
    [
        (Model("blur", "cropped"), "disk:2", (20, 24), (24, 28)),
        (Model("blur", "circular"), "disk:2", (20, 24), (20, 24)),
        (Model("sr_average", "pixel", 2), "", (10, 12), (20, 24)),
        (Model("denoising", "fft"), "", (20, 24), (20, 24)),
    ],
)
def test_of_their_own_sizes_each_tells_what_it_is_of(tmp_path, model, kernel, seen, unknown):
    channels = (torch.rand(3, *seen), torch.rand(3, *seen[::-1]))
    write_tensors(dict(zip("ab", channels, strict=True)), tmp_path / "g.safetensors", ids="ab")
    files = tmp_path / "g.safetensors", tmp_path / "y.safetensors"
    y = read_tensors(take_observations(*files, model, image_size="native", kernel=kernel))
    assert y["a/size"].tolist() == [*unknown]
    assert y["b/size"].tolist() == [*unknown[::-1]]
    assert torch.equal(y["b"], channels[1])


def test_truths_may_be_arrays_which_come_before_pictures_of_their_names(tmp_path):
    folder, output = tmp_path / "truth", tmp_path / "t.safetensors"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    np.save(folder / "a.npy", (pixels.transpose(2, 0, 1) / 127.5 - 1).astype(np.float32))
    Image.new("RGB", (SIZE, SIZE)).save(folder / "a.png")
    np.save(folder / "b.npy", pixels)
    prepare_truth(rows("ab"), str(folder), output, image_size=SIZE, extent=(-1.0, 1.0))
    for name in "ab":
        assert np.array_equal(read_tensors(output)[name].numpy(), pixels.transpose(2, 0, 1))
    with pytest.raises(UserError, match=r"a\.npy: holds floats, and nobody says what is black"):
        prepare_truth(rows("a"), str(folder), output, image_size=SIZE)


def test_what_export_wrote_is_taken_as_it_lies_there(tmp_path):
    """Arrays beside pictures for looking at: the arrays count."""
    card = {"name": "mine", "source": {"folder": str(tmp_path / "y")}, "observations": True}
    card |= {"images": {"count": 2}, "range": [-1, 1]}
    (tmp_path / "mine.yaml").write_text(json.dumps(card))
    (tmp_path / "y").mkdir()
    for name in "ab":
        np.save(tmp_path / f"y/{name}.npy", np.zeros((3, SIZE, SIZE), dtype=np.float32))
        Image.new("RGB", (SIZE, SIZE)).save(tmp_path / f"y/{name}.png")
    mine = read_card(str(tmp_path / "mine.yaml"))
    assert [row.source for row in survey(mine, root_folder(mine))] == ["a.npy", "b.npy"]
    assert file_of(str(tmp_path / "y"), "a").name == "a.npy"  # so of kernels and masks
