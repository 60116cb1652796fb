"""A prior on tiles: of any size, as the prior itself where that sees no further than a tile."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ddpg.priors import GaussianPrior, load_prior
from ddpg.priors.base import Prior
from ddpg.priors.tiling import TiledPrior


class Recording(GaussianPrior):
    """Takes multiples of 8 alone, and notes the sizes that it was asked for."""

    def __init__(self) -> None:
        super().__init__(0.1, 0.16)
        self.sizes: list[tuple[int, ...]] = []

    @property
    def size_multiple(self) -> int:
        return 8

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        assert x_t.shape[-2] % 8 == x_t.shape[-1] % 8 == 0
        self.sizes.append(tuple(x_t.shape[-2:]))
        return super().eps(x_t, t)


@pytest.fixture(scope="module")
def network() -> Prior:
    return load_prior("dead-leaves")


def picture(height: int, width: int, batch: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (31, 33), (32, 32), (33, 95), (90, 70)])
@pytest.mark.parametrize("overlap", [0, 1, 5, 15])
def test_pointwise_estimates_are_the_same_on_tiles(size, overlap):
    prior, x = Recording(), picture(*size)
    tiled = TiledPrior(prior, tile=32, overlap=overlap)
    assert tiled.size_multiple == 1
    expected = GaussianPrior(0.1, 0.16).eps(x, 400)
    torch.testing.assert_close(tiled.eps(x, 400), expected, atol=1e-6, rtol=0)
    assert max(map(max, prior.sizes)) <= 32


def test_a_fixed_network_sees_its_size_alone():
    prior = Recording()
    TiledPrior(prior, tile=32, overlap=4, fixed=True).eps(picture(20, 70), 400)
    assert set(prior.sizes) == {(32, 32)}


def test_what_is_continued_is_the_mirror_image():
    class Seen(Recording):
        def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
            self.x = x_t
            return super().eps(x_t, t)

    prior = Seen()
    TiledPrior(prior).eps(torch.arange(5.0).expand(1, 3, 5, 5), 0)
    assert prior.x[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    TiledPrior(prior).eps(torch.arange(2.0).expand(1, 3, 2, 2), 0)
    assert prior.x[0, 0, 7].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.slow
def test_a_network_on_tiles_is_nearly_the_network(network):
    x = picture(200, 168)
    whole = network.eps(x, 300)
    tiled = TiledPrior(network, tile=128, overlap=32).eps(x, 300)
    assert float((whole - tiled).square().mean().sqrt()) < 0.015
    assert float((whole - tiled).abs().max()) < 0.3


@pytest.mark.slow
def test_neighbours_in_the_batch_change_nothing(network):
    x = picture(70, 90, batch=2)
    tiled = TiledPrior(network, tile=64, overlap=16)
    torch.testing.assert_close(tiled.eps(x, 300)[1:], tiled.eps(x[1:], 300), atol=2e-6, rtol=0)


def test_gradients_flow_through_all_tiles():
    x = picture(40, 40).requires_grad_()
    prior = TiledPrior(GaussianPrior(0.1, 0.16), tile=16, overlap=4)
    (gradient,) = torch.autograd.grad(prior.eps(x, 400).sum(), x)
    torch.testing.assert_close(gradient, gradient[0, 0, 0, 0].expand_as(gradient))


def test_the_watch_is_told_of_every_tile():
    shares: list[float] = []
    TiledPrior(Recording(), tile=32, overlap=8, watch=shares.append).eps(picture(80, 30), 5)
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("tile", "overlap"), [(0, 0), (32, 16), (32, -1), (True, 0), (32.0, 4), (32, 20)]
)
def test_impossible_tiles_are_refused(tile, overlap):
    with pytest.raises(ValueError, match=r"tile|overlap"):
        TiledPrior(Recording(), tile=tile, overlap=overlap)
