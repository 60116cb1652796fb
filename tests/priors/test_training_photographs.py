"""Photographs that a recipe names: what is read is what it says, what is held back is scored."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from ddpg.errors import UserError
from ddpg.priors.training import train as training
from ddpg.priors.training.photographs import PhotographPackage, read_photographs
from ddpg.priors.training.pictures import training_pictures
from ddpg.priors.training.recipe import TrainingConfig
from ddpg.priors.training.train import train
from ddpg.validation import read_yaml, validated

ROOT = Path(__file__).parents[2]
FILES = ("usr/share/a.jpg", "usr/share/b.png", "usr/share/c.jpg")


@pytest.fixture
def package(tmp_path: Path) -> PhotographPackage:
    """Three photographs of a package unpacked into a folder; the last is held back."""
    rng = np.random.default_rng(0)
    sums = {}
    for name in FILES:
        file = tmp_path / "photos/wallpapers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (80, 120, 3), dtype=np.uint8)).save(file)
        sums[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return PhotographPackage("wallpapers", "1.0-2", sums, held_back=[FILES[2]])


def test_photographs_are_found_unpacked_and_installed(
    package: PhotographPackage, tmp_path: Path
) -> None:
    unpacked = read_photographs([package], tmp_path / "photos")
    installed = read_photographs([package], tmp_path / "photos/wallpapers")
    for found in (unpacked, installed):
        assert [image.size for image in found.trained_on] == [(120, 80)] * 2
        assert list(found.held_back) == [FILES[2]]


def test_what_is_missing_or_another_is_told_at_once(
    package: PhotographPackage, tmp_path: Path
) -> None:
    folder = tmp_path / "photos/wallpapers/usr/share"
    (folder / "a.jpg").unlink()
    (folder / "b.png").write_bytes(b"another")
    with pytest.raises(UserError) as raised:
        read_photographs([package], tmp_path / "photos")
    text = str(raised.value)
    assert "usr/share/a.jpg of wallpapers 1.0-2 is missing" in text
    assert "b.png has the SHA-256" in text
    many = PhotographPackage("p", "1", {f"{k}.jpg": "0" * 64 for k in range(20)})
    with pytest.raises(UserError, match="and 15 more"):
        read_photographs([many], tmp_path)


@pytest.mark.parametrize("file", ["/etc/passwd", "../../x.jpg", "usr/../../x.jpg"])
def test_a_recipe_reads_nothing_outside_its_packages(file: str) -> None:
    with pytest.raises(ValidationError, match="path inside the package"):
        PhotographPackage("p", "1", {file: "0" * 64})


def test_what_is_held_back_must_be_a_file() -> None:
    with pytest.raises(ValidationError, match=r"held_back names 'b\.jpg', files does not"):
        PhotographPackage("p", "1", {"a.jpg": "0" * 64}, held_back=["b.jpg"])


@pytest.mark.slow
def test_photographs_are_offered_reduced_only() -> None:
    rng = np.random.default_rng(1)
    taken = [Image.fromarray(rng.integers(0, 256, (600, 900, 3), dtype=np.uint8))]
    made = training_pictures(taken, leaves=1, size=32, leaf_share=0.5, seed=0, smallest=96)
    sizes = [picture.shape[:2] for picture in made.photographs]
    assert sizes == [(300, 450), (200, 300), (150, 225), (100, 150)]


def test_a_recipe_without_photographs_is_refused() -> None:
    with pytest.raises(ValueError, match="must name at least one"):
        training_pictures([], leaves=1, size=32, leaf_share=0.5, seed=0, smallest=96)


@pytest.mark.slow
def test_held_back_photographs_are_scored_at_every_save(
    package: PhotographPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddpg.priors.training.photographs.VALIDATION_SIDE", 16)
    config = TrainingConfig(
        widths=[4, 8],
        blocks=[1, 1],
        embedding_width=8,
        steps=4,
        batch_size=1,
        patch_size=8,
        cooldown_batch_size=1,
        cooldown_patch_size=8,
        warmup=1,
        cooldown=1,
        leaves=1,
        leaf_size=16,
        photographs=[package],
        precision="float32",
        log_every=2,
        save_every=2,
    )

    def run(folder: str, lines: int | None = None) -> str:
        log = train(config, tmp_path / folder, name="p", photographs=tmp_path / "photos")
        for count, _ in enumerate(log, start=1):
            if count == lines:
                break
        return (tmp_path / folder / "validation.csv").read_text() if lines is None else ""

    whole = run("whole")
    rows = list(csv.DictReader(whole.splitlines()))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(5 < float(row["psnr_25"]) < 40 for row in rows)
    run("parts", lines=2)
    assert run("parts") == whole
    (tmp_path / "photos/wallpapers" / FILES[0]).write_bytes(b"another")
    with pytest.raises(UserError, match="not the photographs of the recipe"):
        run("new")
    assert not (tmp_path / "new").exists()
    changed = dataclasses.replace(config, photographs=[])
    monkeypatch.setattr(training, "training_pictures", lambda *_, **__: None)
    with pytest.raises(ValueError, match="the saved run has photographs = "):
        list(train(changed, tmp_path / "whole", name="p"))


def test_the_shipped_recipe_names_no_picture_of_a_study() -> None:
    recipe: dict[str, Any] = read_yaml(ROOT / "config/training/dead-leaves.yaml")
    del recipe["name"]
    config = validated(TrainingConfig, recipe, "dead-leaves.yaml")
    named = {sum_ for package in config.photographs for sum_ in package.files.values()}
    assert len(named) == sum(len(package.files) for package in config.photographs) > 50
    for card in (ROOT / "config/cards/datasets").glob("*.yaml"):
        assert not any(sum_ in card.read_text() for sum_ in named)
