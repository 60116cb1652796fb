"""What the prior buys, on the default sheet's own rows: restorations against the pseudo-inverse."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from ddpg.datasets.cards import read_card
from ddpg.datasets.places import source_folder
from ddpg.datasets.survey import survey_dataset
from ddpg.files.tensors import read_tensors
from ddpg.images import from_uint8
from ddpg.jobs.observation import Observation
from ddpg.metrics.measures import psnr
from ddpg.noise import SeededNoise
from ddpg.priors import load_prior
from ddpg.samplers import build_sampler
from ddpg.samplers.descriptions.levels import HERE
from ddpg.stages.degrading import Model, read_belongings
from ddpg.stages.observations import observe
from ddpg.stages.preparation import index_rows, prepare_rows
from ddpg.study.sheet import read_sheet
from ddpg.study.study import Study
from ddpg.validation import read_yaml

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "config/cards/datasets"
PLACES = {"skimage": ("data", "skimage"), "matplotlib": ("mpl-data/sample_data", "matplotlib")}
IMAGES = ["astronaut", "coffee", "rocket"]
GAINS = {"sr_bicubic": 1.0, "deblur_gauss": 4.0, "motion_deblur": 4.0}
"""dB above the pseudo-inverse at noise 0.05 that the prior must be worth."""


@pytest.fixture(scope="module")
def truth_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = read_card(str(ROOT / "config/cards/datasets/skimage-photos.yaml"))
    path = tmp_path_factory.mktemp("study") / "truth.safetensors"
    survey_dataset(card, path.with_name("index.tsv"))
    positions = [k for k, image in enumerate(card.listed()) if image.id in IMAGES]
    rows = index_rows(path.with_name("index.tsv"), positions)
    folder = source_folder(card.source.folder, card.source.package)
    prepare_rows(rows, folder, path, image_size=128, crop="center")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("task", GAINS)
def test_twenty_steps_beat_the_pseudo_inverse(task: str, truth_file: Path, tmp_path: Path) -> None:
    rows = {
        row.label: row
        for row in read_sheet(ROOT / "config/experiments.tsv", ["photographs"])
        if row.cell.degradation.task == task and row.cell.sigma_y == 0.05
    }
    backend, scale = rows["pinv"].cell.degradation.operator, rows["pinv"].cell.degradation.scale
    observe(
        Observation(
            truth=truth_file,
            output=tmp_path / "y.safetensors",
            dataset="skimage-photos",
            images=tuple(IMAGES),
            task=task,
            operator=backend,
            scale=scale,
            sigma_y=0.05,
            seed=0,
            kernel_seeds=(0, 20, 50) if task == "motion_deblur" else (),
        )
    )
    y = torch.stack(list(read_tensors(tmp_path / "y.safetensors", IMAGES).values()))
    parts = read_belongings(tmp_path / "y.safetensors", IMAGES, task)
    operator = Model(task, backend, scale).operator(128, parts)
    truth = read_tensors(truth_file, IMAGES)
    reference = from_uint8(torch.stack([truth[name] for name in IMAGES]))

    def quality(label: str) -> float:
        sampler = build_sampler(rows[label].method, **rows[label].hyper_parameters)
        noise = SeededNoise(0, IMAGES, dataset="skimage-photos")
        prior = load_prior("dead-leaves") if label != "pinv" else None
        restored = sampler.restore(y, operator, prior, sigma_y=0.05, noise=noise)
        values = psnr((restored / 2 + 0.5).clamp(0, 1), reference, data_range=1.0)
        return float(values.mean())

    assert quality("idpg-20") > quality("pinv") + GAINS[task]


@pytest.mark.slow
def test_no_picture_of_a_shipped_study_was_trained_on_or_tuned_with() -> None:
    studied = {
        entry.sha256
        for name in ("photographs", "skimage-photos")
        for entry in read_card(str(CARDS / f"{name}.yaml")).listed()
    }
    recipes = [read_yaml(path) for path in (ROOT / "config/training").glob("*.yaml")]
    taken = {
        sha256
        for recipe in recipes
        for package in recipe.get("photographs", ())
        for sha256 in package["files"].values()
    }
    taken |= {entry.sha256 for entry in read_card(str(CARDS / "tuning.yaml")).listed()}
    assert None not in taken | studied
    assert len(taken) > 50
    assert not taken & studied


def test_the_default_sheet_takes_no_setting_that_was_chosen_here() -> None:
    sheet = read_sheet(ROOT / "config/experiments.tsv", ["photographs"])
    told = [(row.path, name, text) for row in sheet for name, text in row.origins.items()]
    assert len(told) > len(sheet)
    assert not [place for *place, text in told if HERE in text]


def test_the_shipped_studies_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    study = Study(content, "config/config.yaml")
    assert len(study.experiments) >= 36
    assert len(study.cells) == 12
    quick = Study(content | yaml.safe_load((ROOT / "config/quick.yaml").read_text()))
    assert len(quick.experiments) == 6
