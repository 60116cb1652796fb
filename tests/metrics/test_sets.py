"""KID and FID beside piq's own; a stand-in for the network, which lies on the web."""

from __future__ import annotations

import piq
import pytest
import torch
from piq.feature_extractors import fid_inception

from ddpg.errors import MetricUnavailable
from ddpg.metrics import backbones, sets


def drawn(count, width=12, *, mean=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64) + mean


def test_kid_is_piqs():
    first, second = drawn(40), drawn(40, mean=0.3, seed=1)
    theirs = piq.KID()(first, second)
    assert sets.kid(first, second) == pytest.approx(1000 * float(theirs), rel=1e-9)


def test_fid_is_piqs():
    first, second = drawn(200), drawn(200, mean=0.3, seed=1)
    assert sets.fid(first, second) == pytest.approx(float(piq.FID()(first, second)), rel=1e-5)


def test_fid_of_two_gaussians_is_known():
    """Of equal covariances the distance is that of the means."""
    first = drawn(50)
    assert sets.fid(first, first + 2) == pytest.approx(4 * 12, rel=1e-9)
    assert sets.fid(first, first) == pytest.approx(0, abs=1e-9)
    assert sets.fid(2 * first, first) == pytest.approx(float(first.T.cov().trace()), rel=0.2)


@pytest.mark.parametrize("count", [2, 5])
def test_degenerate_sets_have_values(count):
    flat, other = torch.zeros(count, 12).double(), torch.ones(count, 12).double()
    assert sets.kid(flat, flat) == 0
    assert sets.fid(flat, flat) == 0
    assert sets.fid(flat, other) == pytest.approx(12)
    assert sets.kid(flat, other) == pytest.approx(1000 * (1 + 8 - 2))
    fewer = drawn(count, width=30)  # of fewer pictures than features
    assert sets.fid(fewer, fewer) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="two pictures are needed"):
        sets.kid(flat[:1], other)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The weights of a network of another size, with the names of the published one: a few layers
    stand for all, so that nothing of 90 MB is made for a test."""
    return tmp_path_factory.mktemp("weights") / "pt_inception-2015-12-05-6726825d.pth"


def test_features_are_those_of_the_network_in_the_file(network, monkeypatch):
    """The patched network of piq is asked for, with the weights that are in the file."""
    monkeypatch.setattr(backbones, "_verify", lambda *_: None)
    stand_in = torch.nn.Conv2d(3, 8, 16, stride=16)
    torch.save(stand_in.state_dict(), network)

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 8, 16, stride=16)
            self.layer.load_state_dict(fid_inception.load_state_dict_from_url("anywhere"))

        def forward(self, x):
            assert x.dtype == torch.float32
            return [self.layer(2 * x - 1).mean((2, 3))]

    monkeypatch.setattr("piq.feature_extractors.InceptionV3", Small)
    sets.inception.cache_clear()
    fetching = fid_inception.load_state_dict_from_url
    images = torch.rand(3, 3, 32, 32, dtype=torch.float64)
    seen = sets.features(images, network)
    expected = stand_in(2 * images.float() - 1).mean((2, 3)).double()
    torch.testing.assert_close(seen, expected)
    assert fid_inception.load_state_dict_from_url is fetching
    sets.inception.cache_clear()


def test_another_file_is_refused_without_its_folder(network, monkeypatch):
    network.write_bytes(b"no network")
    with pytest.raises(MetricUnavailable, match="is not pt_inception-2015"):
        sets.features(torch.zeros(1, 3, 32, 32), network)
    monkeypatch.setattr(backbones, "_verify", lambda *_: None)
    monkeypatch.setattr(
        "piq.feature_extractors.InceptionV3",
        lambda: fid_inception.load_state_dict_from_url("anywhere"),
    )
    sets.inception.cache_clear()
    with pytest.raises(MetricUnavailable, match="not the weights of FID's Inception") as raised:
        sets.features(torch.zeros(1, 3, 32, 32), network)
    assert str(network.parent) not in str(raised.value)
