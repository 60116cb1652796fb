"""Cards and checkpoints: what loads predicts, and what is wrong is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from ddpg.errors import UserError
from ddpg.files.tensors import CorruptFileError, write_tensors
from ddpg.priors.loading import load_prior
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks.residual_unet import ResidualUNet
from ddpg.priors.schedule import Schedule

ARCHITECTURE = {
    "kind": "residual_unet",
    "widths": [8, 12],
    "blocks": [1, 1],
    "embedding_width": 16,
}

WriteCard = Callable[..., Path]


def _network() -> ResidualUNet:
    """A small network whose weights are all at work (a fresh one predicts nothing)."""
    network = ResidualUNet([8, 12], [1, 1], 16)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


@pytest.fixture
def weights() -> dict[str, Tensor]:
    return {name: value.half() for name, value in _network().state_dict().items()}


@pytest.fixture
def card(tmp_path: Path, weights: dict[str, Tensor]) -> WriteCard:
    """Write a card, fields changed (or left out, where None), and its checkpoint beside it."""

    def write(tensors: dict[str, Tensor] | None = None, **changes: Any) -> Path:
        write_tensors(weights if tensors is None else tensors, tmp_path / "small.safetensors")
        fields = {
            "name": "small",
            "architecture": ARCHITECTURE,
            "weights": {
                "file": "small.safetensors",
                "sha256": hashlib.sha256((tmp_path / "small.safetensors").read_bytes()).hexdigest(),
            },
            "schedule": {"kind": "linear"},
            **changes,
        }
        kept = {name: value for name, value in fields.items() if value is not None}
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(kept))
        return tmp_path / "small.yaml"

    return write


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 16, 20, generator=torch.Generator().manual_seed(1))


def test_card_gives_the_stored_network(
    card: WriteCard, weights: dict[str, Tensor], images: Tensor
) -> None:
    prior = load_prior(card())
    network = _network()
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    times = torch.tensor([3, 900])
    with torch.no_grad():
        expected = network(images, times)
    torch.testing.assert_close(prior.eps(images, times), expected, atol=1e-5, rtol=0)
    assert (prior.dtype, prior.size_multiple) == (torch.float32, 4)
    assert torch.equal(prior.schedule.alphas_cumprod, Schedule.linear().alphas_cumprod)


def test_one_time_for_all_images(card: WriteCard, images: Tensor) -> None:
    prior = load_prior(card())
    expected = prior.eps(images, torch.tensor([40, 40]))
    assert torch.equal(prior.eps(images, 40), expected)
    assert torch.equal(prior.eps(images, torch.tensor(40)), expected)
    assert not torch.equal(prior.eps(images, 41), expected)


def test_images_do_not_see_their_neighbours(card: WriteCard, images: Tensor) -> None:
    prior = load_prior(card())
    both = prior.eps(images, torch.tensor([5, 500]))
    torch.testing.assert_close(both[1:], prior.eps(images[1:], 500), atol=1e-5, rtol=0)


def test_result_has_the_callers_precision(card: WriteCard, images: Tensor) -> None:
    prior = load_prior(card())
    double = prior.eps(images.double(), 100)
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), prior.eps(images, 100))


@pytest.mark.parametrize("t", [0, 200, 999])
def test_bfloat16_is_close_at_every_noise_level(card: WriteCard, images: Tensor, t: int) -> None:
    half, full = load_prior(card(), dtype="bfloat16"), load_prior(card())
    assert half.dtype == torch.bfloat16
    predicted, expected = half.eps(images, t), full.eps(images, t)
    assert predicted.dtype == torch.float32
    assert not torch.equal(predicted, expected)
    error = (predicted - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert error < 0.01


def test_float16_on_a_cpu_says_what_to_choose(card: WriteCard) -> None:
    with pytest.raises(ValueError, match="on a CPU choose bfloat16 or float32"):
        load_prior(card(), dtype=torch.float16)
    with pytest.raises(ValueError, match="float32, bfloat16, float16, got 'half'"):
        load_prior(card(), dtype="half")


def test_gradients_flow_only_if_asked_for(card: WriteCard, images: Tensor) -> None:
    prior = load_prior(card())
    assert not prior.eps(images, 10).requires_grad
    x = images.clone().requires_grad_()
    prior.eps(x, 10)[0].sum().backward()
    assert float(x.grad[0].abs().sum()) > 0
    assert float(x.grad[1].abs().sum()) == 0


def test_variance_channels_are_dropped(images: Tensor) -> None:
    class Doubled(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return torch.cat([x * t[:, None, None, None], -x], dim=1)

    prior = NetworkPrior(Doubled(), Schedule.linear())
    assert torch.equal(prior.eps(images, torch.tensor([2, 3]))[1], 3 * images[1])


def test_wrong_inputs_are_refused(card: WriteCard, images: Tensor) -> None:
    prior = load_prior(card())
    with pytest.raises(ValueError, match="multiples of 4 for this prior, got 16 x 18"):
        prior.eps(images[..., :18], 0)
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\), got \(3, 16, 20\)"):
        prior.eps(images[0], 0)
    for t in (-1, 1000):
        with pytest.raises(ValueError, match=rf"t must lie in \[0, 999\], got {t}"):
            prior.eps(images, t)
    for t in (0.5, torch.tensor([1, 2, 3])):
        with pytest.raises(ValueError, match="t must be an integer or 2 integers"):
            prior.eps(images, t)


def test_unknown_prior_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"unknown prior 'dead-leafs'.*dead-leaves"):
        load_prior("dead-leafs")


def test_missing_checkpoint_is_named(card: WriteCard) -> None:
    with pytest.raises(CorruptFileError, match=r"absent\.safetensors: no such file"):
        load_prior(card(weights="absent.safetensors"))


def test_a_path_of_the_card_that_is_not_there_is_named(card: WriteCard) -> None:
    path = card(weights={"path": "absent.pt"})
    with pytest.raises(UserError) as caught:
        load_prior(path)
    assert str(caught.value) == f"{path}: weights: there is no file {path.parent / 'absent.pt'}"


def test_nothing_is_fetched_where_the_card_has_no_origin(card: WriteCard) -> None:
    path = card(weights="absent.pt")
    with pytest.raises(UserError, match=r"put it beside its card: .*absent\.pt$") as caught:
        load_prior(path)
    assert "fetch-checkpoint" not in str(caught.value)


def test_checksum_mismatch_gives_both(card: WriteCard) -> None:
    path = card(weights={"file": "small.safetensors", "sha256": "0" * 64})
    digest = hashlib.sha256((path.parent / "small.safetensors").read_bytes()).hexdigest()
    with pytest.raises(CorruptFileError, match=rf"small\.safetensors: .*{digest}.*{'0' * 64}"):
        load_prior(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["small.safetensors", "small.pt"])
def test_weights_that_are_no_numbers_are_named(
    card: WriteCard, weights: dict[str, Tensor], name: str, value: float
) -> None:
    first = next(iter(weights))
    weights[first] = weights[first].clone()
    weights[first].view(-1)[0] = value
    path = card(weights, weights={"path": name})
    if name.endswith(".pt"):
        torch.save(weights, path.parent / name)
    with pytest.raises(CorruptFileError, match=rf"{name}: {first} has values beyond all bounds"):
        load_prior(path)


def test_truncated_checkpoint_is_named(card: WriteCard) -> None:
    path = card()
    checkpoint = path.parent / "small.safetensors"
    cut = checkpoint.read_bytes()[:-5]
    checkpoint.write_bytes(cut)
    with pytest.raises(CorruptFileError, match=r"small\.safetensors: its sha256"):
        load_prior(path)
    fields = yaml.safe_load(path.read_text())
    fields["weights"]["sha256"] = hashlib.sha256(cut).hexdigest()
    path.write_text(yaml.safe_dump(fields))
    with pytest.raises(CorruptFileError, match=r"small\.safetensors: truncated"):
        load_prior(path)


def test_everything_wrong_with_the_weights_is_in_one_message(
    card: WriteCard, weights: dict[str, Tensor]
) -> None:
    weights["surplus"] = torch.zeros(1)
    del weights["head.0.bias"]
    weights["stem.1.bias"] = torch.zeros(9)
    with pytest.raises(CorruptFileError) as caught:
        load_prior(card(weights))
    assert str(caught.value).endswith(
        "small.safetensors: not this network's weights; missing: head.0.bias; "
        "unexpected: surplus; of another shape: stem.1.bias (9,) instead of (8,)"
    )


def test_wrong_cards_are_refused(card: WriteCard) -> None:
    path = card(colour="red")
    with pytest.raises(UserError, match=r"small\.yaml: unknown key 'colour'"):
        load_prior(path)


def test_embedded_prior_predicts_noise() -> None:
    """On a flat picture, whose noise is easy to see, at least 9 parts in 10 are found."""
    prior = load_prior("dead-leaves")
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for t in (100, 500):
        abar = prior.schedule.abar(t)
        predicted = prior.eps(abar**0.5 * 0.2 + (1 - abar) ** 0.5 * noise, t)
        assert float((predicted - noise).square().mean()) < 0.1
