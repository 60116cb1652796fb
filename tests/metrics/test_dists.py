"""DISTS beside piq's own, with weights made at random: the published ones lie on the web."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.models.vgg import cfgs, make_layers

from ddpg.errors import MetricUnavailable
from ddpg.metrics import backbones
from ddpg.metrics.dists import dists

SIDE = 32


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights that sum to one, and a VGG-16."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = {f"features.{n}": v for n, v in make_layers(cfgs["D"]).state_dict().items()}
        parts = torch.rand(2, 1, 1475, 1, 1, dtype=torch.float64)
    parts /= parts.sum()
    torch.save({"alpha": parts[0], "beta": parts[1]}, folder / "dists_weights.pt")
    torch.save(network, folder / "vgg.pth")
    return folder


@pytest.fixture(autouse=True)
def _unpublished(monkeypatch):
    monkeypatch.setattr(backbones, "_verify", lambda *_: None)


def measure(files, restored, truth):
    files = {"backbone": files / "dists_weights.pt", "network": files / "vgg.pth"}
    return dists(restored, truth, data_range=1.0, **files)


def pictures(count=3, side=SIDE, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.slow
def test_the_value_is_that_of_piq(files, monkeypatch):
    import piq.perceptual

    def vgg16(**_):
        network = torch.nn.Module()
        network.features = make_layers(cfgs["D"])
        network.load_state_dict(torch.load(files / "vgg.pth"))
        return network

    def load(_url, **_):
        return torch.load(files / "dists_weights.pt")

    monkeypatch.setattr(piq.perceptual, "vgg16", vgg16)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", load)
    theirs = piq.DISTS(reduction="none").double()
    restored, truth = pictures(2), pictures(2, seed=1)
    torch.testing.assert_close(measure(files, restored, truth), theirs(restored, truth))


@pytest.mark.slow
def test_equal_black_and_constant_pictures_have_values(files):
    truth = pictures()
    torch.testing.assert_close(
        measure(files, truth, truth), torch.zeros(3).double(), atol=1e-9, rtol=0
    )
    flat = torch.stack([torch.full((3, SIDE, SIDE), shade) for shade in (0.0, 0.5, 1.0)]).double()
    assert measure(files, flat, truth).isfinite().all()
    torch.testing.assert_close(
        measure(files, flat, flat), torch.zeros(3).double(), atol=1e-9, rtol=0
    )


@pytest.mark.slow
def test_no_picture_changes_its_neighbours(files):
    restored, truth = pictures(), pictures(seed=1)
    restored[1] = math.nan
    values = measure(files, restored, truth)
    assert math.isnan(values[1])
    for i in (0, 2):
        alone = measure(files, restored[i : i + 1], truth[i : i + 1])
        torch.testing.assert_close(values[i : i + 1], alone, atol=1e-12, rtol=0)


@pytest.mark.slow
def test_other_files_are_refused_without_their_folder(files, tmp_path):
    other = tmp_path / "dists_weights.pt"
    torch.save({"alpha": torch.zeros(3)}, other)
    with pytest.raises(MetricUnavailable, match="not the weights of DISTS") as raised:
        dists(pictures(1), pictures(1), data_range=1.0, backbone=other, network=files / "vgg.pth")
    assert str(tmp_path) not in str(raised.value)
    small = tmp_path / "vgg16-397923af.pth"
    torch.save({"features.0.weight": torch.zeros(3)}, small)
    weights = files / "dists_weights.pt"
    with pytest.raises(MetricUnavailable, match="missing or unexpected parameters") as raised:
        dists(pictures(1), pictures(1), data_range=1.0, backbone=weights, network=small)
    assert str(tmp_path) not in str(raised.value)
