"""What a network was trained for: other numbers of steps, rescaled times, other predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from ddpg.errors import UserError
from ddpg.priors import load_prior
from ddpg.priors.cards.card import Card, read_card
from ddpg.priors.cards.identity import card_identity
from ddpg.priors.checkpoints.conversion import random_checkpoint
from ddpg.priors.conditional import ConditionalPrior
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.schedule import Schedule

SMALL = {
    "image_size": 16,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [],
    "head_channels": 32,
}
X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a card of a small network with random weights, and give its path."""

    def write(schedule: dict[str, Any], **changes: Any) -> Path:
        fields = {
            "name": "small",
            "architecture": {"kind": "adm_unet", **SMALL},
            "weights": {"path": str(tmp_path / "weights.pt")},
            "schedule": schedule,
            **changes,
        }
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(fields))
        card = read_card(path)
        for part in card.parts():
            random_checkpoint(card, part, tmp_path / f"{part}.pt", seed=0)
        return path

    return write


@pytest.mark.slow
def test_the_network_is_asked_with_rescaled_times(write: Write) -> None:
    prior = load_prior(write({"kind": "cosine", "steps": 4000, "rescale_timesteps": True}))
    times = torch.tensor([2000, 3999])
    expected = prior.network(X, times * 1000 / 4000)[:, :3]
    torch.testing.assert_close(prior.eps(X, times), expected)
    torch.testing.assert_close(
        prior.eps(X, 2001), prior.network(X, torch.tensor([500.25] * 2))[:, :3]
    )
    plain = load_prior(write({"kind": "cosine", "steps": 4000, "rescale_timesteps": False}))
    torch.testing.assert_close(plain.eps(X, times), plain.network(X, times)[:, :3])


@pytest.mark.parametrize("steps", [4000, 500, 999])
def test_adm_networks_of_other_steps_must_say_whether_they_rescale(
    write: Write, steps: int
) -> None:
    card = write({"kind": "cosine", "steps": steps})
    for reader in (load_prior, card_identity):
        with pytest.raises(UserError, match=rf"with {steps} steps, adm_unet needs rescale_timest"):
            reader(card)


@pytest.mark.slow
def test_what_was_trained_for_is_part_of_the_identity(write: Write) -> None:
    steps = {"kind": "cosine", "steps": 4000}
    entries = [
        {**steps, "rescale_timesteps": True},
        {**steps, "rescale_timesteps": False},
        {**steps, "rescale_timesteps": False, "prediction": "x_start"},
    ]
    assert len({card_identity(write(entry)) for entry in entries}) == 3
    thousand = [{"kind": "linear", "rescale_timesteps": flag} for flag in (True, False)]
    assert len({card_identity(write(entry)) for entry in [{"kind": "linear"}, *thousand]}) == 1


class Classifier(torch.nn.Module):
    """Logits that grow with time and picture, so that the gradient shows which time was asked."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        total = x.sum(dim=(1, 2, 3)) * t
        return torch.stack([total, -total], dim=1) / 1e4


class Zero(torch.nn.Module):
    def forward(self, x: Tensor, _t: Tensor) -> Tensor:
        return torch.zeros_like(x)


def test_the_classifier_is_asked_with_the_same_times() -> None:
    def guided(steps: int, t: int, *, rescale: bool) -> Tensor:
        prior = ConditionalPrior(
            Zero(),
            Schedule(torch.full((steps,), 0.5, dtype=torch.float64) - torch.arange(steps) * 1e-9),
            classes=2,
            class_conditional=False,
            label=0,
            classifier=Classifier(),
            rescale_timesteps=rescale,
        )
        return prior.eps(X, t)

    torch.testing.assert_close(guided(4000, 2000, rescale=True), guided(1000, 500, rescale=False))
    assert not torch.allclose(guided(4000, 2000, rescale=False), guided(1000, 500, rescale=False))


class Fixed(torch.nn.Module):
    """The exact answer for one clean picture and its noise, whatever is predicted."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.register_buffer("answer", answer)

    def forward(self, _x: Tensor, _t: Tensor) -> Tensor:
        return self.answer


@pytest.mark.parametrize("t", [3, 500, 999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_predictions_become_the_noise(t: int, dtype: torch.dtype) -> None:
    schedule = Schedule.linear()
    clean, noise = torch.randn(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    abar = schedule.alphas_cumprod[t]
    x_t = (abar.sqrt() * clean.double() + (1 - abar).sqrt() * noise).to(dtype)
    velocity = abar.sqrt() * noise - (1 - abar).sqrt() * clean
    answers = {"epsilon": noise, "x_start": clean, "v": velocity.float()}
    for prediction, answer in answers.items():
        prior = NetworkPrior(Fixed(answer), schedule, prediction=prediction)
        found = prior.eps(x_t, t)
        assert found.dtype == dtype
        torch.testing.assert_close(found, noise.to(dtype), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_a_card_says_what_its_network_predicts(write: Write) -> None:
    times = torch.tensor([10, 900])
    plain, other = (
        load_prior(write({"kind": "linear", **more})) for more in ({}, {"prediction": "x_start"})
    )
    abar = plain.schedule.alphas_cumprod[times][:, None, None, None].float()
    expected = (X - abar.sqrt() * plain.eps(X, times)) / (1 - abar).sqrt()
    torch.testing.assert_close(other.eps(X, times), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("steps", [250, 1000, 4000])
def test_linear_betas_follow_the_published_rule(write: Write, steps: int) -> None:
    entry = read_card(write({"kind": "linear", "steps": steps, "rescale_timesteps": True})).schedule
    expected = Schedule.linear(0.1 / steps, 20 / steps, steps)
    torch.testing.assert_close(entry.build().alphas_cumprod, expected.alphas_cumprod)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"steps": 4000, "beta_end": 0.02}, "give beta_start and beta_end, or neither: with 4000"),
        ({"steps": 4000, "beta_start": 1e-4}, "give beta_start and beta_end, or neither"),
        ({"steps": 20}, "give beta_start and beta_end: with 20 steps"),
        ({"rescale_timesteps": 1}, "rescale_timesteps: input should be a valid boolean"),
        ({"prediction": "flow"}, "prediction: input should be 'epsilon', 'x_start' or 'v'"),
        ({"predict_xstart": True}, "unknown key 'schedule.predict_xstart'"),
    ],
)
def test_what_a_schedule_may_not_say(write: Write, schedule: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write({"kind": "linear", **schedule})


def test_small_networks_know_one_diffusion(tmp_path: Path) -> None:
    text = Path("ddpg/priors/embedded/dead-leaves.yaml").read_text(encoding="utf-8")
    changed = text.replace("kind: linear", "kind: linear, prediction: v")
    assert changed != text
    with pytest.raises(UserError, match=r"residual_unet needs \{kind: linear\} and nothing else"):
        Card.parse(tmp_path / "card.yaml", changed)


def test_the_example_of_the_documentation_has_the_published_heads() -> None:
    from ddpg.priors.networks.configurations import ADMUNetConfig

    example = Path("docs/priors.md").read_text(encoding="utf-8").split("\n\n    name: my-faces")[1]
    lines = ("    name: my-faces" + example.split("\n\n")[0]).splitlines()
    fields = yaml.safe_load("\n".join(line[4:] for line in lines))
    config = ADMUNetConfig(**fields["architecture"])
    assert [config.heads(width) for width in (256, 512)] == [4, 8]


@pytest.mark.parametrize("kind", ["adm_unet", "adm_classifier"])
def test_both_flags_of_heads_are_refused_with_the_published_rule(tmp_path: Path, kind: str) -> None:
    classifier = {"architecture": {"kind": kind, **SMALL, "num_heads": 4}, "weights": "c.pt"}
    unet = {"kind": "adm_unet", **SMALL, **({"num_heads": 4} if kind == "adm_unet" else {})}
    fields = {"name": "a", "architecture": unet, "weights": "a.pt", "schedule": {"kind": "linear"}}
    if kind == "adm_classifier":
        fields |= {"classifier": classifier, "label": 3}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(fields))
    rule = r"num_head_channels counts \(here 32\) and num_heads is ignored"
    with pytest.raises(UserError, match=rule):
        read_card(tmp_path / "a.yaml")
