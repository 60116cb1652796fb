"""The order in which the published script loads pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.errors import UserError
from ddpg.published.flags import parsed
from ddpg.published.pictures import loading_order, taken_pictures
from ddpg.published.translation import translated


@pytest.mark.parametrize("seed", [0, 1234])
@pytest.mark.parametrize("count", [1, 7])
def test_the_loaders_order_is_that_of_pytorch(count, seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    loader = torch.utils.data.DataLoader(
        list(range(count)), batch_size=1, shuffle=True, generator=generator
    )
    assert loading_order(count, seed) == [int(number) for number in loader]


def draw(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)


def taken(*words: str) -> list[str]:
    return [entry.file for entry in taken_pictures(translated(parsed(words))).entries]


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_pictures_of_a_folder_are_those_of_its_subfolders_shuffled_twice():
    names = ["b/2.png", "b/10.png", "a/x/1.JPG", "a/0.png"]
    draw(*(f"exp/datasets/faces/{name}" for name in names), "exp/datasets/faces/top.png")
    Path("exp/datasets/faces/b/notes.txt").write_text("no picture")
    listed = ["a/0.png", "a/x/1.JPG", "b/10.png", "b/2.png"]  # as torchvision's ImageFolder
    first = list(range(4))
    np.random.RandomState(2019).shuffle(first)
    expected = [listed[first[place]] for place in loading_order(4, 1234)]
    assert taken("--path_y", "faces") == expected
    assert taken("--path_y", "faces", "--seed", "5") != expected
    assert sorted(expected) == listed


def test_a_subset_is_taken_before_the_second_shuffle_and_keeps_its_numbers():
    draw(*(f"exp/datasets/faces/one/{number}.png" for number in range(6)))
    first = list(range(6))
    np.random.RandomState(2019).shuffle(first)
    words = ("--path_y", "faces", "--subset_start", "2", "--subset_end", "5")
    expected = [f"one/{first[2 + place]}.png" for place in loading_order(3, 1234)]
    assert taken(*words) == expected
    assert taken_pictures(translated(parsed(words))).first == 2
    with pytest.raises(UserError, match="--subset_end: must be at most 6, so many pictures"):
        taken(*words[:-1], "7")


def test_pictures_without_subfolders_are_taken_and_none_is_refused():
    draw("exp/datasets/flat/1.png", "exp/datasets/flat/2.png")
    assert sorted(taken("--path_y", "flat")) == ["1.png", "2.png"]
    Path("exp/datasets/none").mkdir()
    with pytest.raises(UserError, match=r"exp/datasets/none: holds no picture \(\.jpg, "):
        taken("--path_y", "none")
    with pytest.raises(UserError, match="exp/datasets/celeba_hq: there is no such folder; it must"):
        taken()


def test_imagenet_is_what_the_list_names_with_its_classes():
    draw("exp/datasets/imagenet/imagenet/v_2.JPEG", "exp/datasets/imagenet/imagenet/v_1.JPEG")
    with pytest.raises(UserError, match=r"^exp/imagenet_val\.txt: is not there; pictures of Imag"):
        taken("--config", "imagenet_256.yml")
    Path("exp/imagenet_val.txt").write_text("v_2.JPEG 7\nv_1.JPEG 3\n")
    translation = translated(parsed(["--config", "imagenet_256.yml", "--path_y", "ignored"]))
    entries = taken_pictures(translation).entries
    listed = [("v_2.JPEG", 7), ("v_1.JPEG", 3)]
    assert [(e.file, e.label) for e in entries] == [listed[n] for n in loading_order(2, 1234)]
    assert translation.dataset == "imagenet"
    Path("exp/imagenet_val.txt").write_text("v_2.JPEG 7\nv_9.JPEG 3\n")
    with pytest.raises(UserError, match=r"imagenet/imagenet: lacks v_9\.JPEG, which exp/imagen"):
        taken("--config", "imagenet_256.yml")
