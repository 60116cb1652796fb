"""Consistency models: in closed form, and driven by networks of EDM's form that cards describe."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import ConsistencyPrior, GaussianPrior, Prior, load_prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.identity import card_identity
from ddpg.priors.checkpoints.building import build_network
from ddpg.priors.checkpoints.conversion import random_weights
from ddpg.samplers import build_sampler

ARCHITECTURE = {
    "kind": "adm_unet", "image_size": 16, "channels": 32, "multipliers": [1, 2], "blocks": 1,
    "attention_resolutions": [8], "head_channels": 32, "qkv_order": "new", "scale_shift": False,
    "learned_variance": False,
}  # fmt: skip


def write(folder: Path, **changes: Any) -> Path:
    """A card of a tiny consistency model."""
    fields = {
        "name": "tiny",
        "architecture": ARCHITECTURE,
        "weights": {"file": "tiny.pt", "random_seed": 0},
        "schedule": {"kind": "consistency"},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields | changes))
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Random weights, with attention written as convolutions of pictures, as published."""
    weights = random_weights(build_network(read_card(write(tmp_path)), "weights"), 3)
    for name in list(weights):
        if "qkv.weight" in name or "proj_out.weight" in name:
            weights[name] = weights[name].unsqueeze(-1)
    path = tmp_path / "tiny.pt"
    torch.save(weights, path)
    return path


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.002, 0.3, 5.0])
@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_the_scalings_of_edm(
    tmp_path: Path, checkpoint: Path, sigma: float, sigma_data: float
) -> None:
    schedule = {"kind": "consistency", "sigma_data": sigma_data}
    prior = load_prior(write(tmp_path, schedule=schedule), weights=checkpoint)
    assert isinstance(prior, ConsistencyPrior)
    assert not isinstance(prior, Prior)
    x = images()
    d, c_in = sigma_data, 1 / math.sqrt(sigma**2 + sigma_data**2)
    answer = prior.network(c_in * x, torch.full((2,), 250 * math.log(sigma)))
    c_skip = d**2 / ((sigma - 0.002) ** 2 + d**2)
    expected = c_skip * x + (sigma - 0.002) * d * c_in * answer
    torch.testing.assert_close(prior.consistency(x, sigma), expected, atol=1e-5, rtol=0)
    if sigma == 0.002:
        assert torch.equal(prior.consistency(x, sigma), x)
    double = prior.consistency(x.double(), sigma)
    assert double.dtype == torch.float64


def test_what_it_is_asked_must_fit(tmp_path: Path, checkpoint: Path) -> None:
    prior = load_prior(write(tmp_path), weights=checkpoint)
    with pytest.raises(ValueError, match="sigma must be finite and above 0, got 0"):
        prior.consistency(images(), 0)
    with pytest.raises(ValueError, match="multiples of 2 for this prior, got 15 x 16"):
        prior.consistency(images()[:, :, 1:], 1.0)


def test_cards_say_what_a_prior_gives(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert read_card(path).gives == "consistency"
    assert read_card("dead-leaves").gives == "noise"
    before = card_identity(path)
    write(tmp_path, schedule={"kind": "consistency", "sigma_min": 0.01})
    assert card_identity(path) != before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": {"kind": "consistency", "steps": 10}}, "a consistency schedule has no steps"),
        ({"schedule": {"kind": "linear", "sigma_data": 1}}, "a linear schedule has no sigma_data"),
        ({"schedule": {"kind": "consistency", "sigma_data": 0}}, "sigma_data"),
        ({"label": 3}, "takes neither label nor classifier"),
        (
            {"architecture": {"kind": "residual_unet", "widths": [8], "blocks": [1]}},
            "kind consistency does not go with residual_unet",
        ),
    ],
)
def test_wrong_cards(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_card(write(tmp_path, **changes))


def test_the_gaussian_prior_jumps_to_where_its_flow_ends() -> None:
    """Euler steps of the flow of its own noise estimate, from sigma down."""
    prior = GaussianPrior(0.1, 0.16)
    levels = prior.schedule.levels
    x = v = images().double()
    for t in range(400, 0, -1):
        abar = prior.schedule.abar(t)
        v = v + (levels[t - 1] - levels[t]) * prior.eps(math.sqrt(abar) * v, t)
    torch.testing.assert_close(prior.consistency(x, levels[400]), v, atol=0.01, rtol=0)


@pytest.mark.slow
def test_cm4ir_restores_with_a_network(tmp_path: Path, checkpoint: Path) -> None:
    prior = load_prior(write(tmp_path), weights=checkpoint)
    operator = build_operator("sr_bicubic", 16, scale=4)
    y = operator.forward(images().clamp(-1, 1))
    restored = build_sampler("cm4ir").restore(
        y, operator, prior, sigma_y=0, noise=SeededNoise(0, ["a", "b"])
    )
    assert float((operator.forward(restored) - y).abs().max()) < 1e-4


def test_deltas_are_one_for_each_level() -> None:
    with pytest.raises(ValueError, match="deltas must be 4 numbers, one for each level, got"):
        build_sampler("cm4ir", deltas=[0.1])
    assert build_sampler("cm4ir", steps=2, deltas=[0.1, 0]).hyper_parameters["deltas"] == (0.1, 0.0)
