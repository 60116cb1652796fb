"""First stage: pictures from folders and packages, checksums, lists, and LPIPS's backbone."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.config import read_image_list
from ddpg.errors import UserError
from ddpg.stages import resources
from ddpg.stages.resources import find_lpips_backbone, index_folder, prepare_images, source_folder
from ddpg.tensors import read_tensors


def draw(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(name, **fields):
    return {"id": name, "file": f"{name}.png", **fields}


@pytest.fixture
def folder(tmp_path):
    """A picture of the wanted size, and a wide one: a black, a grey and a white square."""
    generator = np.random.default_rng(0)
    draw(tmp_path / "square.png", generator.integers(0, 256, (16, 16, 3)))
    stripes = np.repeat(np.repeat([[0, 100, 255]], 16, axis=0), 16, axis=1)
    draw(tmp_path / "wide.png", np.stack([stripes] * 3, axis=-1))
    return tmp_path


def prepare(folder, images, crop="center"):
    output = folder / "out/shard-0.safetensors"
    prepare_images(images, {"folder": str(folder)}, output, image_size=16, crop=crop)
    return read_tensors(output)


def test_a_picture_of_the_right_size_keeps_its_bytes(folder):
    tensors = prepare(folder, [entry("square")])
    expected = torch.from_numpy(np.array(Image.open(folder / "square.png"))).permute(2, 0, 1)
    assert tensors["square"].dtype == torch.uint8
    assert torch.equal(tensors["square"], expected)


def test_center_cuts_and_stretch_squeezes(folder):
    centre = prepare(folder, [entry("wide")])["wide"]
    assert centre.unique().tolist() == [100]
    stretched = prepare(folder, [entry("wide")], crop="stretch")["wide"]
    assert stretched[0, 8, [0, 8, 15]].tolist() == [0, 100, 255]


def test_the_checksum_is_compared(folder):
    sha256 = hashlib.sha256((folder / "square.png").read_bytes()).hexdigest()
    assert list(prepare(folder, [entry("square", sha256=sha256)])) == ["square"]
    with pytest.raises(UserError, match=rf"square\.png: .*sha256 {sha256}, expected {'0' * 64}"):
        prepare(folder, [entry("square", sha256="0" * 64)])


def test_all_bad_pictures_are_told_at_once_and_nothing_is_written(folder):
    (folder / "text.png").write_text("no picture")
    images = [entry("square"), entry("none"), entry("text"), entry("wide", sha256="0" * 64)]
    with pytest.raises(UserError) as caught:
        prepare(folder, images)
    lines = str(caught.value).splitlines()
    assert [tuple(f"{n}.png" in line for n in ("none", "text", "wide")) for line in lines] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert not (folder / "out/shard-0.safetensors").exists()


def test_pictures_of_a_package():
    import skimage

    assert (source_folder("data", "skimage") / "astronaut.png").is_file()
    assert str(source_folder("data", "skimage")).startswith(str(skimage.__path__[0]))


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.sub", "json.decoder"])
def test_a_package_that_is_not_there(package):
    with pytest.raises(UserError, match=rf"source\.package: .*'{package}' is not installed"):
        source_folder("data", package)


def test_the_list_of_a_folder_is_what_a_card_reads(tmp_path):
    pictures = tmp_path / "pictures"
    first = draw(pictures / "b.png", np.zeros((2, 2)))
    second = draw(pictures / "sub/deep/a.v2.PNG", np.ones((2, 2)))
    (pictures / "notes.txt").write_text("not listed")
    index_folder(pictures, tmp_path / "list.tsv")
    listed = [
        (image.id, image.file, image.sha256) for image in read_image_list(tmp_path / "list.tsv")
    ]
    assert listed == [("b", "b.png", first), ("sub-deep-a.v2", "sub/deep/a.v2.PNG", second)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], r"holds no picture \(\.bmp"),
        (["two words.png"], "two words.png: id: string should match pattern"),
        (["a/b.png", "a-b.png"], "'a-b' is used by both"),
        (["a.png", "A.jpg"], "ids must be unique, upper and lower case alike"),
    ],
)
def test_folders_that_cannot_be_listed(tmp_path, files, expected):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for file in files:
        draw(pictures / file, np.zeros((2, 2)))
    with pytest.raises(UserError, match=expected):
        index_folder(pictures, tmp_path / "list.tsv")
    assert not (tmp_path / "list.tsv").exists()


def test_the_backbone_that_is_found_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "fetch_backbone", lambda net: tmp_path / f"{net}.pth")
    find_lpips_backbone("alex", tmp_path / "alex.json")
    found = json.loads((tmp_path / "alex.json").read_text())
    assert found == {"file": str(tmp_path / "alex.pth"), "reason": None}


def test_the_reason_why_there_is_no_backbone_is_written_down(tmp_path, monkeypatch):
    def fetch(net):
        raise resources.MetricUnavailable(f"{net} is behind a wall")

    monkeypatch.setattr(resources, "fetch_backbone", fetch)
    find_lpips_backbone("vgg", tmp_path / "vgg.json")
    found = json.loads((tmp_path / "vgg.json").read_text())
    assert found == {"file": None, "reason": "vgg is behind a wall"}
