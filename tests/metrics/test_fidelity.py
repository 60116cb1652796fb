"""Consistency and relative residual: closed forms, masks, and neighbours."""

from __future__ import annotations

import math

import pytest
import torch

from ddpg.errors import MetricUndefined
from ddpg.metrics.fidelity import Observed, consistency, residual
from ddpg.operators import build_operator

SIDE, SIGMA = 16, 0.05
GENERATOR = torch.Generator().manual_seed(0)
TRUTH = torch.rand(3, 3, SIDE, SIDE, generator=GENERATOR, dtype=torch.float64)
KERNELS = torch.rand(3, 3, 3, generator=GENERATOR)


def observed(operator, sigma_y=SIGMA, known=None):
    operator = operator.to(torch.float64)
    clean = operator.forward(2 * TRUTH - 1)
    noise = torch.randn(clean.shape, generator=GENERATOR, dtype=torch.float64)
    return Observed(clean + 2 * sigma_y * noise, operator, sigma_y, known)


@pytest.fixture
def blurred():
    kernels = KERNELS / KERNELS.sum((1, 2), keepdim=True)
    return observed(build_operator("blur", SIDE, kernel=kernels, backend="circular"))


def test_the_truth_explains_all_but_the_noise(blurred):
    values = consistency(TRUTH, blurred, data_range=1.0)
    n = blurred.y[0].numel()
    assert values.tolist() == pytest.approx([1, 1, 1], abs=4 / math.sqrt(2 * n))


def test_what_is_known_of_the_formula(blurred):
    x = TRUTH.flip(-1)
    misfit = blurred.operator.forward(2 * x - 1) - blurred.y
    expected = misfit.flatten(1).norm(dim=1) / (2 * SIGMA * math.sqrt(misfit[0].numel()))
    torch.testing.assert_close(consistency(x, blurred, data_range=1.0), expected)
    ratio = misfit.flatten(1).norm(dim=1) / blurred.y.flatten(1).norm(dim=1)
    torch.testing.assert_close(residual(x, blurred, data_range=1.0), ratio)


def test_on_another_scale_it_is_the_same(blurred):
    unit = consistency(TRUTH, blurred, data_range=1.0)
    torch.testing.assert_close(consistency(255 * TRUTH, blurred, data_range=255.0), unit)


def test_without_noise_there_is_only_the_residual():
    exact = observed(build_operator("sr_average", SIDE, scale=2), sigma_y=0.0)
    with pytest.raises(MetricUndefined, match="relative residual"):
        consistency(TRUTH, exact, data_range=1.0)
    assert residual(TRUTH, exact, data_range=1.0).tolist() == [0, 0, 0]
    assert residual(TRUTH + 0.1, exact, data_range=1.0).min() > 0


def test_unknown_pixels_do_not_count():
    known = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    known[:, :, 4:] = 1
    seen = observed(build_operator("inpainting", SIDE, mask=known), known=known)
    y = seen.y.clone()
    y[..., :4] = 1e6  # whatever is there was not observed
    spoiled = Observed(y, seen.operator, SIGMA, known)
    for metric in (consistency, residual):
        values = metric(TRUTH, seen, data_range=1.0)
        assert torch.equal(metric(TRUTH, spoiled, data_range=1.0), values)
    n = 3 * SIDE * (SIDE - 4)
    values = consistency(TRUTH, seen, data_range=1.0)
    assert values.tolist() == pytest.approx([1, 1, 1], abs=4 / math.sqrt(2 * n))


def test_a_neighbour_changes_nothing(blurred):
    together = consistency(TRUTH, blurred, data_range=1.0)
    for number in range(3):
        part = slice(number, number + 1)
        alone = consistency(TRUTH[part], blurred[part], data_range=1.0)
        torch.testing.assert_close(alone, together[part])
    spoiled = TRUTH.clone()
    spoiled[1, 0, 0, 0] = math.nan
    values = consistency(spoiled, blurred, data_range=1.0)
    assert values.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(values[[0, 2]], together[[0, 2]])


def test_black_observations_have_defined_values():
    operator = build_operator("denoising", SIDE).to(torch.float64)
    black = Observed(-torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64), operator, 0.0)
    assert residual(torch.zeros(1, 3, SIDE, SIDE), black, data_range=1.0).tolist() == [0]
    grey = Observed(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64), operator, 0.0)
    half = torch.full((1, 3, SIDE, SIDE), 0.5)
    assert residual(half, grey, data_range=1.0).tolist() == [0]
    assert residual(half + 0.1, grey, data_range=1.0).tolist() == [math.inf]
