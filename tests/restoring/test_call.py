"""``ddpg.restore``: arrays and Pillow's pictures in and out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

import ddpg
from ddpg.errors import UserError
from ddpg.priors.cards.card import read_card
from ddpg.priors.checkpoints.conversion import random_checkpoint
from ddpg.restoring.requests import Request

COPY = {"task": "denoising", "method": "pinv", "sigma_y": 0.0}


@pytest.mark.parametrize("shape", [(20, 13), (20, 13, 1), (20, 13, 3), (20, 13, 4)])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_arrays_come_back_as_they_are(shape, kind):
    values = np.random.default_rng(0).random(shape)
    white = 1 if kind.startswith("f") else np.iinfo(kind).max
    image = (values * white).astype(kind)
    kept = image.copy()
    restored = ddpg.restore(image, **COPY)
    assert (restored.shape, restored.dtype) == (image.shape, image.dtype)
    tolerance = 2e-4 * white + (white > 1)
    assert np.abs(restored.astype(float) - image).max() <= tolerance
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16"])
def test_pictures_of_pillow_come_back_as_such(mode):
    image = Image.new(mode, (13, 20))
    restored = ddpg.restore(image, **COPY)
    assert (restored.mode, restored.size) == (mode, image.size)


def test_profiles_stay_and_orientations_are_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (13, 20)).save(tmp_path / "a.png", exif=exif, icc_profile=b"0" * 16 + b"RGB ")
    with Image.open(tmp_path / "a.png") as image:
        restored = ddpg.restore(image, **COPY)
    assert restored.size == (20, 13)
    assert restored.info["icc_profile"] == b"0" * 16 + b"RGB "


@pytest.mark.slow
def test_the_call_and_the_command_give_the_same(photo, astronaut):
    from ddpg.cli import main

    how = ["--task", "denoising", "--sigma-y", "0.05", "--steps", "3", "--seed", "4"]
    assert main(["restore", str(photo), *how]) == 0
    written = np.asarray(Image.open(photo.with_name("photo-restored.png")))
    called = ddpg.restore(astronaut, task="denoising", sigma_y=0.05, steps=3, seed=4)
    np.testing.assert_array_equal(called, written)


@pytest.mark.slow
def test_progress_rises_to_one(astronaut):
    shares: list[float] = []
    ddpg.restore(astronaut, task="denoising", sigma_y=0.1, steps=4, tile=48, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(shares) == 4 * 2 * 3


@pytest.mark.slow
def test_masks_and_colours(astronaut):
    known = np.random.default_rng(0).random(astronaut.shape[:2]) > 0.2
    restored = ddpg.restore(
        astronaut * known[..., None], task="inpainting", mask=known, sigma_y=0.0, steps=10
    )
    np.testing.assert_array_equal(restored[known], astronaut[known])
    error = restored[~known].astype(float) - astronaut[~known]
    assert np.sqrt(np.mean(error**2)) < 20


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (np.zeros((4,)), "height, width"),
        (np.zeros((4, 4, 2)), "channels"),
        (np.zeros((1, 1)), "1 x 1"),
        (np.zeros((4, 4), int), "uint8, uint16 or floating"),
        (np.full((4, 4), 200.0), "white at 1"),
        (np.full((4, 4), np.nan), "finite"),
        ("photo.jpg", "height, width"),
        (Image.new("F", (4, 4)), "no agreed white"),
    ],
)
def test_what_is_no_picture_is_told(image, word):
    with pytest.raises(UserError, match=word):
        ddpg.restore(image, **COPY)


def test_importing_the_package_imports_nothing_heavy():
    code = "import ddpg, sys; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'PIL')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_asking_for_help_and_a_bad_wish_import_no_torch():
    code = (
        "import sys; from ddpg.cli import main\n"
        "try: main(['restore', '--help'])\n"
        "except SystemExit: pass\n"
        "status = main(['restore', 'a.png', '--task', 'nothing'])\n"
        "sys.exit(10 * ('torch' in sys.modules) + status)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stderr


def test_consistency_models_are_not_for_single_pictures(tmp_path):
    image = np.zeros((16, 16, 3))
    with pytest.raises(UserError, match="method: cm4ir asks for a consistency model"):
        ddpg.restore(image, task="denoising", method="cm4ir", sigma_y=0.05)
    architecture = {"kind": "adm_unet", "image_size": 16, "channels": 32, "multipliers": [1]}
    architecture |= {"blocks": 1, "attention_resolutions": [], "num_heads": 1}
    card = {"name": "own", "architecture": architecture, "schedule": {"kind": "consistency"}}
    card["weights"] = {"file": "w.pt", "random_seed": 0}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(card))
    random_checkpoint(read_card(tmp_path / "own.yaml"), "weights", tmp_path / "w.pt", seed=0)
    card["weights"] = {"path": "./w.pt"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(card))
    with pytest.raises(UserError, match="a consistency model; pictures are restored one by one"):
        ddpg.restore(image, task="denoising", method="ddrm", prior=tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("task", "samples", "method"),
    [
        ("denoising", 1, "idpg"),
        ("inpainting", 1, "idpg"),
        ("inpainting", 2, "ddpg"),
        ("colorization", 1, "ddpg"),
    ],
)
def test_what_is_done_where_nobody_says(task, samples, method):
    request = Request(task=task, samples=samples)
    assert request.the_method.name == method
    assert request.values(0.05)["steps"] == 50
