"""The embedded network: its size, the sizes it takes, and its preconditioning."""

import pytest
import torch
import yaml

from ddpg.priors.cards.card import EMBEDDED
from ddpg.priors.networks.residual_unet import SIGMA_DATA, ResidualUNet
from ddpg.priors.schedule import Schedule


@pytest.fixture
def small():
    """A network whose every weight is drawn, so that nothing is hidden by zeros."""
    network = ResidualUNet([4, 6, 8], [1, 2, 1], 8).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_shipped_network_has_at_most_four_million_parameters():
    fields = yaml.safe_load((EMBEDDED / "dead-leaves.yaml").read_text())["architecture"]
    network = ResidualUNet(**{key: value for key, value in fields.items() if key != "kind"})
    assert sum(parameter.numel() for parameter in network.parameters()) <= 4_000_000


def test_the_names_of_the_weights_are_those_of_shipped_checkpoints():
    names = set(ResidualUNet([4, 6], [1, 2], 8).state_dict())
    blocks = ["encoder.0.0", "middle.0", "middle.1", "decoder.0.0"]
    layers = [f"{block}.{layer}" for block in blocks for layer in ("first", "modulation", "second")]
    layers += ["embedding.layers.0", "embedding.layers.2", "stem.1", "down.0", "up.0", "head.0"]
    assert names == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}


@pytest.mark.parametrize("size", [(8, 8), (24, 40), (8, 64)])
def test_any_size_that_the_strides_divide(small, size):
    x, t = noise(2, 3, *size), torch.tensor([10, 700])
    predicted = small(x, t)
    assert predicted.shape == x.shape
    assert bool(predicted.isfinite().all())
    # Every image is treated on its own.
    torch.testing.assert_close(small(x[1:], t[1:]), predicted[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 12), (20, 16), (7, 8)])
def test_other_sizes_are_refused(small, size):
    with pytest.raises(ValueError, match=rf"multiples of 8 .*got \({size[0]}, {size[1]}\)"):
        small(noise(1, 3, *size), torch.tensor([0]))


def test_widths_and_blocks_must_pair_up():
    with pytest.raises(ValueError, match="widths and blocks must pair up"):
        ResidualUNet([4, 6], [1])


@pytest.mark.parametrize("t", [0, 50, 500, 999])
def test_without_a_head_the_noise_is_the_best_linear_estimate(small, t):
    # Of x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps with x_0 of standard deviation SIGMA_DATA:
    # E[eps x_t] / E[x_t^2] x_t.
    small.head[0].weight.zero_()
    small.head[0].bias.zero_()
    x = noise(1, 3, 16, 16)
    abar = Schedule.linear().abar(t)
    gain = (1 - abar) ** 0.5 / (abar * SIGMA_DATA**2 + 1 - abar)
    torch.testing.assert_close(small(x, torch.tensor([t])), gain * x, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("t", [0, 50, 500, 999])
def test_the_preconditioning_is_that_of_edm(small, t):
    # D(z) = c_skip z + c_out F(c_in z, log sigma) of the variance-exploding image z.
    sigma = small.sigmas[t].double()
    z = (sigma.square() + SIGMA_DATA**2).sqrt() * noise(1, 3, 16, 16).double()
    spread = (sigma.square() + SIGMA_DATA**2).sqrt()
    raw = small.features((z / spread).float(), sigma.log().float()[None]).double()
    denoised = SIGMA_DATA**2 / spread**2 * z + sigma * SIGMA_DATA / spread * raw
    x_t = (z / (1 + sigma.square()).sqrt()).float()
    predicted = small(x_t, torch.tensor([t])).double()
    torch.testing.assert_close(predicted, (z - denoised) / sigma, rtol=1e-4, atol=2e-5)


def test_a_new_network_is_the_linear_estimate():
    x, t = noise(1, 3, 8, 8), torch.tensor([300])
    network = ResidualUNet([4, 6, 8], [1, 1, 1], 8).requires_grad_(False)
    before = network(x, t)
    for name, parameter in network.named_parameters():
        if not name.startswith("head"):
            parameter.normal_(generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(x, t), before)


def test_the_noise_level_matters_to_the_network(small):
    scaled = noise(1, 3, 8, 8)
    low, high = (small.features(scaled, torch.tensor([value])) for value in (-4.0, 4.0))
    assert float((low - high).abs().max()) > 1e-3


def test_the_noise_levels_are_those_of_the_linear_schedule():
    abar = Schedule.linear().alphas_cumprod
    expected = ((1 - abar) / abar).sqrt().float()
    assert torch.equal(ResidualUNet([4], [1], 8).sigmas, expected)
