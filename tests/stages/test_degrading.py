"""Kernels and masks of cards: what is stored beside the observations, and that it suffices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.errors import UserError
from ddpg.files.tensors import read_tensors
from ddpg.images import from_uint8
from ddpg.operators import build_operator
from ddpg.pictures.drawn_masks import draw_mask
from ddpg.pictures.kernels import read_kernel
from ddpg.stages.degrading import Belongings, Model, read_belongings

IMAGES = ("a", "b", "c", "d")
SEEDS = (0, 10, 20, 30)
CARDS = {
    "disk": ("blur", "cropped", {}, Belongings("disk:2")),
    "sampled": ("blur", "circular", {"scale": 2}, Belongings("gaussian:1.2")),
    "shaken": ("blur", "reflect", {}, Belongings("motion:9", seeds=SEEDS)),
    "masked blur": ("blur", "cropped", {}, Belongings("disk:2", "random:0.5", seeds=SEEDS)),
    "sparse": ("inpainting", "fft", {}, Belongings(mask="random:0.8", seeds=SEEDS)),
    "grey": ("colorization", "pixel", {"weights": (0.2, 0.5, 0.3)}, Belongings()),
    "means": ("sr_average", "pixel", {"scale": 2}, Belongings()),
    "few": ("compressed_sensing", "hadamard", {"share": 0.4}, Belongings(seeds=SEEDS)),
}


def restored_operator(path, images, task, backend, options):
    """The operator as a restoration builds it, from the file alone."""
    return Model(task, backend, **options).operator(32, read_belongings(path, images, task))


@pytest.mark.parametrize("name", CARDS)
def test_the_stored_parts_give_the_operator_of_the_observation(
    tmp_path: Path, truth, observing, name: str
) -> None:
    task, backend, options, belongings = CARDS[name]
    path = observing(
        tmp_path / "y.safetensors",
        sigma_y=0.0, task=task, backend=backend, card=name, belongings=belongings,
        **{"scale": None, **options},
    )  # fmt: skip
    operator = restored_operator(path, ["c", "a"], task, backend, options)
    pixels = read_tensors(truth, ["c", "a"])
    x = 2 * from_uint8(torch.stack([pixels["c"], pixels["a"]])) - 1
    y = read_tensors(path, ["c", "a"])
    assert tuple(y["c"].shape) == operator.observation_shape
    torch.testing.assert_close(torch.stack(list(y.values())), operator.forward(x))


@pytest.mark.parametrize("name", ["shaken", "masked blur", "few"])
def test_what_is_drawn_does_not_depend_on_the_shard(tmp_path: Path, observing, name: str) -> None:
    task, backend, options, belongings = CARDS[name]
    given = {"scale": None, **options, "task": task, "backend": backend, "card": name}
    whole = observing(tmp_path / "1.safetensors", belongings=belongings, **given)
    own = Belongings(belongings.kernel, belongings.mask, seeds=SEEDS[2:3])
    alone = observing(tmp_path / "2.safetensors", ("c",), belongings=own, **given)
    for key, values in read_tensors(alone).items():
        assert torch.equal(values, read_tensors(whole, [key])[key]), key


def test_two_cards_of_one_task_do_not_share_their_noise(tmp_path: Path, observing) -> None:
    noises = []
    for card in ("one", "two"):
        given = {"task": "denoising", "card": card, "sigma_y": 0.1}
        noisy = read_tensors(observing(tmp_path / "y.safetensors", **given), ["a"])["a"]
        clean = read_tensors(
            observing(tmp_path / "x.safetensors", **given | {"sigma_y": 0.0}), ["a"]
        )
        noises.append((noisy - clean["a"]).flatten())
    correlation = torch.corrcoef(torch.stack(noises))[0, 1]
    assert abs(correlation) < 5 / noises[0].numel() ** 0.5


def test_kernels_of_a_folder_are_each_pictures_own(tmp_path: Path, observing) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    for number, name in enumerate(IMAGES):
        kernel = np.zeros((3 + 2 * number,) * 2)
        kernel[1 + number] = 2
        np.save(folder / f"{name}.npy", kernel)
    given = {"task": "blur", "backend": "cropped", "card": "own"}
    path = observing(
        tmp_path / "y.safetensors", ("b", "a"), belongings=Belongings(str(folder), kernel_side=9),
        **given,
    )  # fmt: skip
    tensors = read_tensors(path)
    assert tensors["a"].shape == tensors["b"].shape == (3, 24, 24)
    for name in ("a", "b"):
        stored = tensors[f"{name}/kernel"]
        assert stored.shape == (9, 9)
        assert float(stored.sum()) == pytest.approx(1)
        own = torch.from_numpy(read_kernel(folder / f"{name}.npy")).float()
        margin = (9 - len(own)) // 2
        assert torch.equal(stored[margin : 9 - margin, margin : 9 - margin], own)


def test_masks_of_a_folder_show_what_is_white(tmp_path: Path, truth, observing) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in IMAGES:
        mask = np.where(draw_mask("centre", (32, 32)), 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(folder / f"{name}.png")
    given = {"task": "inpainting", "sigma_y": 0.0, "belongings": Belongings(mask=str(folder))}
    y = read_tensors(observing(tmp_path / "y.safetensors", card="holes", **given), ["a", "a/mask"])
    x = 2 * from_uint8(read_tensors(truth, ["a"])["a"]) - 1
    mask = torch.from_numpy(draw_mask("centre", (32, 32)))
    assert torch.equal(y["a/mask"].bool(), mask)
    expected = build_operator("inpainting", 32, mask=mask.double()).forward(x[None])[0]
    assert torch.equal(y["a"], expected)


def test_a_bad_file_is_named(tmp_path: Path, observing) -> None:
    np.save(tmp_path / "kernel.npy", np.zeros((3, 3)))
    given = {"task": "blur", "backend": "zero", "card": "none"}
    with pytest.raises(UserError, match=r"kernel.npy: a kernel must not be empty"):
        observing(
            tmp_path / "y.safetensors", belongings=Belongings(str(tmp_path / "kernel.npy")), **given
        )
    assert not (tmp_path / "y.safetensors").exists()
