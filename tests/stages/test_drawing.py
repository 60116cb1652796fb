"""Pictures that are drawn from a prior, and the best scores of what is observed of them."""

from __future__ import annotations

import math

import pytest
import torch
import yaml

from ddpg.cli.jobs import VERBS
from ddpg.errors import UserError
from ddpg.files.long_table import read_long_table
from ddpg.files.tensors import read_tensors
from ddpg.images import unit_pixels
from ddpg.jobs.evaluation import BestScores
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import Preparation
from ddpg.stages.exact.drawing import draw_pictures
from ddpg.stages.exact.scores import best_scores
from ddpg.stages.observations import observe

SIZE = 16
IMAGES = [f"drawn-{number:04d}" for number in range(6)]
DEVIATION, SIGMA_Y = 0.2, 0.1


@pytest.fixture
def prior(tmp_path):
    """White pictures: their posteriors are known by heart."""
    component = {"deviation": DEVIATION, "exponent": 0.0, "colour": 1.0}
    card = {"name": "white", "schedule": {"kind": "linear"}}
    card["architecture"] = {"kind": "gaussian_mixture", "components": [component]}
    (tmp_path / "white.yaml").write_text(yaml.safe_dump(card))
    return str(tmp_path / "white.yaml")


def draw(prior, output, images=IMAGES, **changes):
    options = {"dataset": "drawn", "sides": (SIZE, SIZE), "seed": 0} | changes
    draw_pictures(prior, output, images=images, **options)
    return read_tensors(output, images)


def test_a_picture_depends_on_its_id_and_the_seed_alone(prior, tmp_path):
    together = draw(prior, tmp_path / "all.safetensors")
    alone = draw(prior, tmp_path / "one.safetensors", IMAGES[4:5])
    assert torch.equal(together[IMAGES[4]], alone[IMAGES[4]])
    for changes in ({"seed": 1}, {"dataset": "other"}):
        other = draw(prior, tmp_path / "other.safetensors", **changes)
        assert not torch.equal(together[IMAGES[0]], other[IMAGES[0]])
    assert not torch.equal(together[IMAGES[0]], together[IMAGES[1]])


def test_pictures_are_on_the_scale_of_the_prior_and_not_rounded(prior, tmp_path):
    pictures = torch.stack(list(draw(prior, tmp_path / "x.safetensors").values()))
    assert pictures.dtype == torch.float32
    assert float(pictures.std()) == pytest.approx(DEVIATION, rel=0.05)
    assert torch.equal(unit_pixels(pictures), pictures / 2 + 0.5)
    assert len(pictures.unique()) > 0.99 * pictures.numel()


def test_the_best_scores_of_white_pictures_are_known(prior, tmp_path):
    draw(prior, tmp_path / "x.safetensors")
    common = {"dataset": "drawn", "task": "denoising", "operator": "fft", "sigma_y": SIGMA_Y}
    common |= {"images": tuple(IMAGES), "seed": 0}
    files = {"truth": tmp_path / "x.safetensors", "output": tmp_path / "y.safetensors"}
    observe(Observation(**common, **files))
    y = read_tensors(tmp_path / "y.safetensors", IMAGES)
    x = read_tensors(tmp_path / "x.safetensors", IMAGES)
    noise = torch.stack([y[name] - x[name] for name in IMAGES])
    assert float(noise.std()) == pytest.approx(2 * SIGMA_Y, rel=0.05)
    columns = {"dataset": "drawn", "task": "denoising", "method": "exact", "label": "best"}
    files = {"observations": tmp_path / "y.safetensors", "output": tmp_path / "best.csv"}
    best_scores(BestScores(**common, **files, prior=prior, columns=columns, image_size=SIZE))
    rows = read_long_table(tmp_path / "best.csv")
    values = {row["metric"]: float(row["value"]) for row in rows if row["image"] == IMAGES[2]}
    # Two equal variances: half of one is left, on [0, 1] a quarter of that of [-1, 1].
    variance = DEVIATION**2 / 2 / 4
    assert values["best_psnr"] == pytest.approx(-10 * math.log10(variance), abs=1e-5)
    assert values["best_psnr_sample"] == pytest.approx(values["best_psnr"] - 3.0103, abs=1e-4)
    assert values["best_crps"] == pytest.approx(math.sqrt(variance / math.pi), rel=1e-5)
    assert values["best_spread"] == pytest.approx(math.sqrt(variance), rel=1e-5)
    assert len(rows) == 4 * len(IMAGES)


def test_the_job_draws_where_the_card_names_a_prior(prior, tmp_path):
    card = {"name": "mine", "source": {"prior": prior, "seed": 3}, "images": {"count": 6}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(card))
    job = Preparation(
        card=str(tmp_path / "mine.yaml"), positions=("2-3",), crop="center", image_size=SIZE,
        output=tmp_path / "shard.safetensors",
    )  # fmt: skip
    VERBS["prepare-images"][1](job)
    made = read_tensors(tmp_path / "shard.safetensors")
    expected = draw(prior, tmp_path / "all.safetensors", dataset="mine", seed=3)
    assert list(made) == IMAGES[2:4]
    assert all(torch.equal(made[name], expected[name]) for name in made)


def test_a_network_cannot_be_drawn_from(tmp_path):
    with pytest.raises(UserError, match="priors of the kind gaussian_mixture alone"):
        draw("dead-leaves", tmp_path / "x.safetensors")


def test_prepared_bytes_are_read_as_before():
    pixels = torch.tensor([0, 128, 255], dtype=torch.uint8)
    assert torch.equal(unit_pixels(pixels), pixels.float() / 255)
