"""First stage: shards of prepared pictures, made from a surveyed source."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.datasets.cards import DatasetCard, read_card
from ddpg.datasets.fetching import fetch_dataset
from ddpg.datasets.survey import survey_dataset
from ddpg.errors import UserError
from ddpg.files.tensors import read_ids, read_labels, read_tensors
from ddpg.stages.preparation import index_rows, prepare_rows
from ddpg.validation import validated

ROOT = Path(__file__).parents[2]


def draw(path: Path, pixels: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A picture of the wanted size, and a wide one: a black, a grey and a white square."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    draw(folder / "square.png", generator.integers(0, 256, (16, 16, 3)))
    stripes = np.repeat(np.repeat([[0, 100, 255]], 16, axis=0), 16, axis=1)
    draw(folder / "wide.png", np.stack([stripes] * 3, axis=-1))
    for number in range(9, 12):
        draw(folder / f"{number}.png", generator.integers(0, 256, (20, 16, 3)))
    return folder


def surveyed(folder: Path, images: Any, **fields: Any) -> Path:
    content = {"name": "mine", "source": {"folder": str(folder)}, "images": images} | fields
    index = folder.parent / "index.tsv"
    survey_dataset(validated(DatasetCard, content, "card.yaml"), index)
    return index


def prepare(folder: Path, index: Path, positions: list[int], crop: str = "center") -> Path:
    output = folder.parent / "out/shard-0.safetensors"
    prepare_rows(index_rows(index, positions), folder, output, image_size=16, crop=crop)
    return output


def test_a_picture_of_the_right_size_keeps_its_bytes(pictures: Path) -> None:
    index = surveyed(pictures, {"count": 5})
    tensors = read_tensors(prepare(pictures, index, [3]))
    expected = torch.from_numpy(np.array(Image.open(pictures / "square.png"))).permute(2, 0, 1)
    assert list(tensors) == ["square"]
    assert tensors["square"].dtype == torch.uint8
    assert torch.equal(tensors["square"], expected)


def test_center_cuts_and_stretch_squeezes(pictures: Path) -> None:
    index = surveyed(pictures, {"count": 5})
    centre = read_tensors(prepare(pictures, index, [4]))["wide"]
    assert centre.unique().tolist() == [100]
    stretched = read_tensors(prepare(pictures, index, [4], crop="stretch"))["wide"]
    assert stretched[0, 8, [0, 8, 15]].tolist() == [0, 100, 255]


def test_a_shard_keeps_order_and_labels(pictures: Path) -> None:
    (pictures / "list.txt").write_text("wide 3\n11 0\n9 7\n")
    index = surveyed(pictures, {"count": 3, "list": "list.txt"})
    shard = prepare(pictures, index, [0, 1])
    assert read_ids(shard) == ["wide", "11"]
    assert read_labels(shard) == {"wide": 3, "11": 0}
    assert sorted(read_tensors(shard)) == ["11", "wide"]


def test_without_labels_there_are_none(pictures: Path) -> None:
    shard = prepare(pictures, surveyed(pictures, {"count": 5}), [0, 1, 2])
    assert read_ids(shard) == ["9", "10", "11"]
    assert read_labels(shard) == {}


def test_how_pictures_are_cut_into_shards_changes_nothing(pictures: Path) -> None:
    index = surveyed(pictures, {"count": 5})
    whole = read_tensors(prepare(pictures, index, [0, 1, 2, 3, 4]))
    for position in range(5):
        (part,) = read_tensors(prepare(pictures, index, [position])).items()
        assert torch.equal(whole[part[0]], part[1])


def test_all_files_that_have_changed_are_told_at_once(pictures: Path) -> None:
    index = surveyed(pictures, {"count": 5})
    before = hashlib.sha256((pictures / "wide.png").read_bytes()).hexdigest()
    after = draw(pictures / "wide.png", np.zeros((16, 16, 3)))
    (pictures / "10.png").unlink()
    with pytest.raises(UserError) as caught:
        prepare(pictures, index, [0, 1, 4])
    first, second = str(caught.value).splitlines()
    assert first.endswith("10.png: no such file")
    assert f"wide.png: is not the file that was surveyed or listed: sha256 {after}, " in second
    assert f"expected {before}" in second
    assert not (pictures.parent / "out/shard-0.safetensors").exists()
    assert read_ids(prepare(pictures, index, [0, 2])) == ["9", "11"]


def test_positions_beyond_the_index(pictures: Path) -> None:
    index = surveyed(pictures, {"count": 5})
    with pytest.raises(UserError, match=r"index\.tsv: has 5 pictures, none at 5, 7"):
        prepare(pictures, index, [4, 5, 7])


@pytest.mark.parametrize("data_set", ["celeba_hq", "imagenet"])
def test_published_preprocessing_to_the_byte(
    data_set: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference_folder: Path
) -> None:
    """The shipped cards, four pictures each, from a user's own folder to a shard."""
    shutil.copytree(reference_folder / "images" / data_set, tmp_path / "own")
    names = sorted((path.stem for path in (tmp_path / "own").iterdir()), reverse=True)
    lines = [f"{name} {label}" for label, name in enumerate(names)]
    (tmp_path / "own/imagenet_val_1k.txt").write_text("\n".join(lines))
    monkeypatch.setenv(f"DDPG_{data_set.upper()}", str(tmp_path / "own"))
    shipped = read_card(str(ROOT / f"config/cards/datasets/{data_set}.yaml"))
    four = shipped.images.model_copy(update={"count": 4})
    card = shipped.model_copy(update={"images": four})

    fetch_dataset(card, tmp_path / "fetched", pins=tmp_path / "pins.yaml")
    survey_dataset(card, tmp_path / "index.tsv", fetched=tmp_path / "fetched")
    prepare_rows(
        index_rows(tmp_path / "index.tsv", range(4)),
        tmp_path / "fetched",
        tmp_path / "shard.safetensors",
        image_size=256,
        crop=card.crop,
    )

    with_labels = data_set == "imagenet"
    assert read_ids(tmp_path / "shard.safetensors") == (names if with_labels else names[::-1])
    labels = dict(zip(names, range(4), strict=True)) if with_labels else {}
    assert read_labels(tmp_path / "shard.safetensors") == labels
    for name, pixels in read_tensors(tmp_path / "shard.safetensors").items():
        expected = reference_folder / "reference/preprocessing" / f"{data_set}_{name}.png"
        np.testing.assert_array_equal(pixels.permute(1, 2, 0), np.asarray(Image.open(expected)))


def test_pictures_that_are_enlarged_are_told(
    pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw(pictures / "small.png", np.zeros((20, 12, 3)))
    index = surveyed(pictures, {"count": 6})
    prepare(pictures, index, [0, 3, 4])
    assert (
        "1 of 3 pictures are smaller than 16 x 16 and are enlarged, which makes them easier to "
        "restore than pictures of that size: small.png (12 x 20)"
    ) in caplog.text
    caplog.clear()
    prepare(pictures, index, [0, 4])
    assert "enlarged" not in caplog.text
