"""Scores of priors: the procedure against closed forms, and the shipped prior's bar."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ddpg.datasets.cards import read_card as read_dataset_card
from ddpg.datasets.places import package_file
from ddpg.images import load_image
from ddpg.priors import GaussianPrior
from ddpg.priors.cards.card import read_card
from ddpg.priors.loading import load_prior
from ddpg.priors.scoring import (
    NOISE_LEVELS,
    Score,
    denoise,
    format_scores,
    means,
    nearest_time,
    noisy_picture,
    recorded_scores,
    score_non_local_means,
    score_prior,
    write_scores,
)

BEST_STRENGTH = 0.5
"""That of `STRENGTHS` that serves non-local means best on the photographs, at 25/255."""
VARIANCE = 0.16


@pytest.fixture(scope="module")
def photographs() -> dict[str, Tensor]:
    card = read_dataset_card("photographs")
    return {
        image.id: load_image(package_file(card, image.file), 256, crop="center")
        for image in card.listed()
    }


@pytest.fixture
def gaussian_picture() -> Tensor:
    """A sample of the Gaussian prior of mean 0.1 and variance 0.16, brought to [0, 1]."""
    noise = torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(0))
    return (0.1 + VARIANCE**0.5 * noise + 1) / 2


@pytest.mark.parametrize("level", [5.0, 25.0, 100.0])
def test_gaussian_prior_reaches_the_posteriors_error(
    gaussian_picture: Tensor, level: float
) -> None:
    noisy = noisy_picture(gaussian_picture, level, seed=0, image="g")
    result = denoise(GaussianPrior(0.1, VARIANCE), noisy, level)
    sigma2 = (2 * level / 255) ** 2
    expected = VARIANCE * sigma2 / (VARIANCE + sigma2) / 4  # on the [0, 1] scale
    error = float((result - gaussian_picture).square().mean())
    deviation = math.sqrt(2 / gaussian_picture.numel())
    assert error == pytest.approx(expected, rel=5 * deviation)


def test_nearest_time_of_the_linear_schedule() -> None:
    prior = GaussianPrior(0.0, 1.0)
    for level in NOISE_LEVELS:
        abar = prior.schedule.abar(nearest_time(prior, 2 * level / 255))
        assert math.sqrt((1 - abar) / abar) == pytest.approx(2 * level / 255, rel=0.01)
    assert nearest_time(prior, 1e-6) == 0
    assert nearest_time(prior, 1e6) == 999


def test_noise_belongs_to_picture_and_seed() -> None:
    picture = torch.full((3, 100, 100), 0.9)
    noisy = noisy_picture(picture, 50, seed=0, image="a")
    assert torch.equal(noisy, noisy_picture(picture, 50, seed=0, image="a"))
    assert not torch.equal(noisy, noisy_picture(picture, 50, seed=1, image="a"))
    assert not torch.equal(noisy, noisy_picture(picture, 50, seed=0, image="b"))
    assert float((noisy - picture).std()) * 255 == pytest.approx(50, rel=0.03)
    assert float(noisy.max()) > 1  # not clipped
    half = noisy_picture(picture, 25, seed=0, image="a")
    torch.testing.assert_close(2 * (half - picture), noisy - picture, atol=1e-6, rtol=0)


def test_scores_do_not_depend_on_company(photographs: dict[str, Tensor]) -> None:
    prior = GaussianPrior(0.0, 0.25)
    rows = score_prior(prior, photographs, levels=[25], name="g")
    alone = score_prior(prior, {"coffee": photographs["coffee"]}, levels=[25], name="g")
    assert [row for row in rows if row.image == "coffee"] == alone
    assert [row.image for row in rows] == list(photographs)
    reseeded = score_prior(prior, {"coffee": photographs["coffee"]}, levels=[25], seed=1, name="g")
    assert reseeded[0].psnr != alone[0].psnr


def test_non_local_means_takes_the_best_strength(photographs: dict[str, Tensor]) -> None:
    pictures = {"coffee": photographs["coffee"][:, 100:164, 100:164]}
    each = [
        score_non_local_means(pictures, levels=[25], strengths=[h])[0].psnr for h in (0.1, 0.6, 3)
    ]
    best = score_non_local_means(pictures, levels=[25], strengths=[0.1, 0.6, 3])
    assert best[0].psnr == max(each) == each[1]


def test_noise_level_must_be_positive(photographs: dict[str, Tensor]) -> None:
    for level in (0, -1, math.nan):
        with pytest.raises(ValueError, match="noise levels must be positive"):
            score_prior(GaussianPrior(0.0, 1.0), photographs, levels=[level])


def test_table_shows_means_differences_and_the_least_of_them() -> None:
    rows = [
        Score("ours", level, image, 30 + level + k)
        for level in (1, 2)
        for k, image in enumerate("ab")
    ]
    recorded = {"a": {1: 30, 2: 33}, "b": {1: 32, 2: 33.5}, "c": {1: 90, 2: 90}}
    card = {"seed": 0, "bm3d": {"pictures": recorded, "provenance": "x"}}
    rows += recorded_scores(card, "ab")
    lines = format_scores(rows).splitlines()
    assert [line.split()[-3:] for line in lines] == [
        ["1/255", "2/255", "mean"],
        ["31.50", "32.50", "32.00"],
        ["31.00", "33.25", "32.12"],
        ["+0.50", "-0.75", "-0.12"],
        ["+0.00", "-0.50", "-0.25"],
    ]
    names = [line.split("   ")[0] for line in lines[1:]]
    assert names == ["ours", "bm3d", "ours - bm3d", "  least: b"]


def test_what_is_recorded_of_other_pictures_is_not_compared() -> None:
    card = {"size": 256, "bm3d": {"pictures": {"a": {25: 30}}}, "measured": {"a": {25: 31}}}
    assert recorded_scores(card, ["a"]) == [Score("bm3d", 25.0, "a", 30.0)]
    assert recorded_scores(card, ["a", "b"]) == []


def test_rows_as_csv(tmp_path: Path) -> None:
    write_scores([Score("ours", 25.0, "a", 31.23456)], tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row == {"denoiser": "ours", "level": "25", "image": "a", "psnr": "31.2346"}


@pytest.mark.slow
def test_the_shipped_prior_is_as_good_as_its_card_says(photographs: dict[str, Tensor]) -> None:
    """At least 0.3 dB above BM3D on average, and nowhere below it."""
    scores = read_card("dead-leaves").scores
    rows = score_prior(load_prior("dead-leaves"), photographs, seed=scores["seed"], name="ours")
    bm3d = {(row.level, row.image): row.psnr for row in recorded_scores(scores, photographs)}
    gains = [row.psnr - bm3d[row.level, row.image] for row in rows]
    assert sum(gains) / len(gains) > 0.3
    assert min(gains) > 0
    strengths = [BEST_STRENGTH]
    plain = score_non_local_means(photographs, levels=[25], seed=0, strengths=strengths)
    for name, found in (("dead-leaves", rows), ("non-local means", plain)):
        (averages,) = means(found).values()
        expected = {level: scores["measured"][name][level] for level in averages}
        assert averages == pytest.approx(expected, abs=0.02)
