"""Noise models of observations: what each does to known values; the default is untouched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ddpg.files.tensors import read_tensors
from ddpg.noise import SeededNoise
from ddpg.stages.observing.noise_models import after_noise, before_noise
from ddpg.study.noise_models import parsed

NAMES = ("a", "b", "c", "d")


def noise(names=NAMES, seed=0):
    return SeededNoise(seed, names, purpose="observation/counts")


def test_clipping_and_rounding_of_known_values():
    y = torch.tensor([-1.5, -1.0, 0.0, 0.3, 1.0, 1.2]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6)
    clipped = after_noise("clipped", y)[0, 0, 0]
    torch.testing.assert_close(clipped, torch.tensor([-1.0, -1.0, 0.0, 0.3, 1.0, 1.0]))
    levels = 255 * (after_noise("8-bit", y)[0, 0, 0].double() / 2 + 0.5)
    np.testing.assert_allclose(levels, [0, 0, 128, 166, 255, 255], atol=1e-4)
    assert after_noise("8-bit", y).dtype == y.dtype


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        ("8-bit-before", [0, 77, 77, 128, 255, 255]),
        ("8-bit-cut-before", [0, 76, 77, 128, 255, 255]),
    ],
)
def test_eight_bits_before_the_noise(model, levels):
    """Rounded, or cut off; a whole level that single precision misses is that level."""
    given = torch.tensor([-9.0, 76.6, 77.0 - 5e-5, 128.2, 255.0, 300.0])
    clean = (2 * given / 255 - 1).reshape(1, 1, 1, 6)
    seen = before_noise(model, clean, noise(["a"]))
    np.testing.assert_allclose(255 * (seen.flatten().double() / 2 + 0.5), levels, atol=1e-4)
    assert torch.equal(after_noise(model, clean), clean)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_worse_the_lower_its_quality(channels):
    grid = torch.linspace(0, 6, 32)
    y = (torch.sin(grid)[:, None] * torch.cos(2 * grid)[None]).expand(2, channels, 32, 32)
    off = {q: float((after_noise(f"jpeg:{q}", y) - y).abs().mean()) for q in (5, 50, 100)}
    assert 0 < off[100] < off[50] < off[5]
    assert off[100] < 0.01
    assert off[5] > 0.03


def test_an_image_does_not_depend_on_its_batch():
    y = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for model in ("jpeg:20", "8-bit", "clipped"):
        assert torch.equal(after_noise(model, y)[2:3], after_noise(model, y[2:3]))
    alone = before_noise("poisson:30", y[2:3], noise(["c"]))
    assert torch.equal(before_noise("poisson:30", y, noise())[2:3], alone)


def test_counts_have_the_mean_and_the_variance_of_photons():
    unit, peak = 0.3, 50
    clean = torch.full((4, 3, 64, 64), 2 * unit - 1)
    counted = before_noise(f"poisson:{peak}", clean, noise()).double() / 2 + 0.5
    count = counted.numel()
    assert float(counted.mean()) == pytest.approx(unit, abs=5 * (unit / peak / count) ** 0.5)
    assert float(counted.var()) == pytest.approx(unit / peak, rel=5 * (2 / count) ** 0.5)
    whole = counted * peak
    assert float((whole - whole.round()).abs().max()) < 1e-4
    assert not torch.equal(counted[0], counted[1])
    first, again, other = (
        before_noise(f"poisson:{peak}", clean, noise(seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_counting_draws_none_of_the_normal_numbers():
    shape = (4, 3, 8, 8)
    source = noise()
    source.poisson(torch.ones(shape, dtype=torch.float64))
    assert torch.equal(source.initial(shape), noise().initial(shape))


def test_what_is_below_black_counts_nothing():
    dark = torch.full((1, 3, 4, 4), -1.2)
    assert float(before_noise("poisson:9", dark, noise(["a"])).max()) == -1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "jpeg",
            "must be one of 8-bit, clipped, jpeg:QUALITY, poisson:PEAK, 8-bit-before, .*got 'jpeg'",
        ),
        ("jpeg:0", "whole number from 1 to 100, got '0'"),
        ("jpeg:50.5", "whole number from 1 to 100, got '50.5'"),
        ("poisson:0", "above 0, got '0'"),
        ("poisson:much", "must be a number, got 'much'"),
        ("8-bits", "must be one of"),
    ],
)
def test_models_that_are_none_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        parsed(model)


def test_observations_have_the_noise_that_they_had_and_then_the_model(observing, tmp_path):
    def observed(name, **changes):
        path = observing(tmp_path / f"{name}.safetensors", card="mine", **changes)
        return torch.stack(list(read_tensors(path, NAMES).values()))

    plain = observed("plain")
    assert torch.equal(observed("none", noise_model=""), plain)
    assert torch.equal(observed("clipped", noise_model="clipped"), plain.clamp(-1, 1))
    rounded = observed("rounded", noise_model="8-bit")
    assert float((rounded - plain.clamp(-1, 1)).abs().max()) <= 1 / 255 + 1e-6
    quiet = observed("quiet", noise_model="poisson:1e9")
    assert float((quiet - plain).abs().max()) < 1e-3
