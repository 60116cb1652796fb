"""No-reference metrics: beside the libraries they come from, and on pictures that say nothing."""

from __future__ import annotations

import math

import piq
import pytest
import torch
from skimage.measure import blur_effect as of_scikit_image

from ddpg.errors import MetricUnavailable, MetricUndefined
from ddpg.metrics import backbones
from ddpg.metrics.no_reference import blur_effect, brisque

GENERATOR = torch.Generator().manual_seed(0)
PICTURES = torch.rand(2, 3, 40, 44, generator=GENERATOR, dtype=torch.float64)
PICTURES[1] = torch.nn.functional.avg_pool2d(PICTURES[1], 5, stride=1, padding=2)


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory):
    """Support vectors of our own where piq looks for its own, in torch's cache."""
    folder = tmp_path_factory.mktemp("hub")
    before = torch.hub.get_dir()
    torch.hub.set_dir(folder)
    (folder / "checkpoints").mkdir()
    vectors = torch.rand(50, 36, generator=GENERATOR)
    coefficients = torch.randn(50, 1, generator=GENERATOR)
    torch.save((coefficients, vectors), folder / "checkpoints" / backbones.BACKBONES["brisque"])
    yield folder / "checkpoints"
    torch.hub.set_dir(before)


METRICS = {"blur_effect": blur_effect, "brisque": brisque}


def test_the_blur_effect_is_that_of_scikit_image():
    expected = [of_scikit_image(x.numpy(), channel_axis=0) for x in PICTURES]
    assert blur_effect(PICTURES, data_range=1.0).tolist() == expected
    assert expected[0] < expected[1]


def test_brisque_is_that_of_piq():
    """piq fetches its support vectors by itself, and here finds them in torch's cache."""
    expected = piq.brisque(PICTURES, data_range=1.0, reduction="none").flatten()
    for _ in range(2):  # piq turns what it has loaded
        torch.testing.assert_close(brisque(PICTURES, data_range=1.0), expected)
    again = piq.brisque(PICTURES, data_range=1.0, reduction="none").flatten()
    torch.testing.assert_close(again, expected)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_a_picture_of_one_shade_touches_no_neighbour(name, shade):
    metric = METRICS[name]
    constant = torch.full((1, 3, 40, 44), shade, dtype=torch.float64)
    values = metric(torch.cat([PICTURES[:1], constant, PICTURES[1:]]), data_range=1.0)
    assert torch.equal(values[[0, 2]], metric(PICTURES, data_range=1.0))
    if name == "blur_effect":
        assert values[1] == 1
    else:
        assert math.isnan(values[1])
        with pytest.raises(MetricUndefined, match="without texture"):
            metric(constant, data_range=1.0)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_no_image_is_refused(name):
    with pytest.raises(ValueError, match="clamp it first"):
        METRICS[name](PICTURES + 1, data_range=1.0)
    with pytest.raises(MetricUndefined, match="NaN"):
        METRICS[name](PICTURES * math.nan, data_range=1.0)
    with pytest.raises(MetricUndefined, match="needs images of at least"):
        METRICS[name](PICTURES[..., :7], data_range=1.0)
    torch.testing.assert_close(
        METRICS[name](255 * PICTURES, data_range=255.0), METRICS[name](PICTURES, data_range=1.0)
    )


def test_without_its_file_brisque_says_where_to_get_it(tmp_path):
    with pytest.raises(MetricUnavailable, match=r"BRISQUE needs brisque_svm_weights\.pt.*github"):
        brisque(PICTURES, data_range=1.0, backbone=tmp_path)
    (tmp_path / "brisque_svm_weights.pt").write_bytes(b"nothing")
    with pytest.raises(MetricUnavailable, match=r"^brisque_svm_weights\.pt: not the support"):
        brisque(PICTURES, data_range=1.0, backbone=tmp_path)


def test_a_file_without_digits_in_its_name_is_pinned(hub, tmp_path, monkeypatch):
    monkeypatch.setenv(backbones.FOLDER_VARIABLE, str(hub))
    pins = tmp_path / "checksums.yaml"
    backbones.record_backbone("brisque", tmp_path / "brisque.json", pins=pins)
    assert "metrics/brisque_svm_weights.pt" in pins.read_text()
    kept = (hub / "brisque_svm_weights.pt").read_bytes()
    (hub / "brisque_svm_weights.pt").write_bytes(kept + b"other")
    with pytest.raises(MetricUnavailable, match="cannot download"):
        backbones.fetch_backbone("brisque", pins=pins, address="http://127.0.0.1:9/", retries=0)
    (hub / "brisque_svm_weights.pt").write_bytes(kept)
