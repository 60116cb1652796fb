"""The methods without a network: pseudo-inverse and bicubic enlargement."""

from __future__ import annotations

import math

import pytest
import torch

from ddpg.operators import build_operator
from ddpg.samplers import build_sampler


def restore(name, y, operator, sigma_y=0.0, **settings):
    sampler = build_sampler(name, **settings)
    return sampler.restore(y, operator, None, sigma_y=sigma_y, noise=None)


@pytest.mark.parametrize(("sigma_y", "eta"), [(0.0, 1e-4), (0.001, 1e-4), (0.1, 0.7 * 0.2**2)])
def test_pinv_regularises_by_the_noise(sigma_y, eta):
    operator = build_operator("deblur_uni", (13, 10))
    y = torch.randn(2, 3, 13, 10, generator=torch.Generator().manual_seed(0))
    expected = operator.pinv(y, eta)
    torch.testing.assert_close(restore("pinv", y, operator, sigma_y), expected)


def test_pinv_takes_its_own_regularisation():
    operator = build_operator("deblur_uni", (13, 10))
    y = torch.randn(1, 3, 13, 10, generator=torch.Generator().manual_seed(0))
    restored = restore("pinv", y, operator, 0.1, eta_tilde=1.0)
    torch.testing.assert_close(restored, operator.pinv(y, 0.2**2))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("backend", ["fft", "svd"])
def test_bicubic_returns_a_slow_wave_to_its_place(backend, scale):
    """A shift of half a pixel would show as an error of pi / 96, three times what is allowed."""
    side = 96
    operator = build_operator("sr_bicubic", side, backend=backend, scale=scale, dtype=torch.float64)
    angle = 2 * math.pi * torch.arange(side, dtype=torch.float64) / side
    wave = (angle.sin()[:, None] + angle.cos()[None, :]).expand(1, 3, side, side) / 2
    restored = restore("bicubic", operator.forward(wave), operator)
    # A wave sampled by reflection has a kink at the border: only the inside is smooth there.
    inside = slice(2 * scale + 8, side - 2 * scale - 8)
    error = float((restored - wave)[..., inside, inside].abs().max())
    amplitude_loss = {2: 0.002, 3: 0.002, 4: 0.003, 8: 0.02}[scale]
    assert error < amplitude_loss


@pytest.mark.parametrize("scale", [2, 4])
def test_bicubic_is_exact_on_a_ramp_inside(scale):
    operator = build_operator("sr_bicubic", 64, backend="svd", scale=scale, dtype=torch.float64)
    down = torch.linspace(-1, 1, 64, dtype=torch.float64)
    ramp = (0.5 * down[:, None] + 0.25 * down[None, :]).expand(1, 3, 64, 64)
    inside = slice(4 * scale, 64 - 4 * scale)
    restored = restore("bicubic", operator.forward(ramp), operator)
    torch.testing.assert_close(
        restored[..., inside, inside], ramp[..., inside, inside], atol=1e-10, rtol=0
    )


def test_bicubic_has_no_other_task():
    operator = build_operator("deblur_gauss", 8)
    with pytest.raises(ValueError, match="bicubic enlarges observations of sr_bicubic"):
        restore("bicubic", torch.zeros(1, 3, 8, 8), operator)
