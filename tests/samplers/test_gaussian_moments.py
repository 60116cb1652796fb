"""DDPG and IDPG under a Gaussian prior, where every step is affine in what is random.

Mean and covariance are propagated with dense matrices, from the formulas of the paper and not
through the package's guidance, and compared with the samplers' own output.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ddpg.noise import RecordedNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

MEAN, VARIANCE = 0.1, 0.16
SIZE = (4, 6)
STEPS = 8
ABAR = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
PIXELS = SIZE[0] * SIZE[1]


@pytest.fixture
def operator():
    return build_operator("sr_bicubic", SIZE, scale=2, dtype=torch.float64)


def dense_matrix(operator):
    basis = torch.eye(PIXELS, dtype=torch.float64).reshape(PIXELS, 1, *SIZE)
    return operator.forward(basis).flatten(1).T.numpy()


def observation(operator):
    generator = torch.Generator().manual_seed(5)
    return torch.randn((1, *operator.observation_shape), generator=generator, dtype=torch.float64)


def guidance_matrix(matrix, sigma, abar_t, abar_s, settings):
    delta = abar_s ** settings["gamma"] if sigma > 0 else 0.0
    eta = max(1e-4, sigma**2 * settings["eta_tilde"])
    mu = (1 - abar_s) / (1 - abar_t)
    gram = matrix @ matrix.T
    back_projection = (1 - delta) * matrix.T @ np.linalg.inv(gram + eta * np.eye(len(gram)))
    least_squares = delta * settings["scale_ls"] * matrix.T
    total = {
        0: back_projection + least_squares,
        1: mu * (back_projection + least_squares),
        2: back_projection + mu * least_squares,
    }[settings["step_size_mode"]]
    return total, delta


def propagate(method, matrix, y, sigma_y, settings):
    """Mean and covariance of the result for one channel's observation ``y``."""
    sigma = 2 * sigma_y
    times = [index * (1000 // STEPS) for index in reversed(range(STEPS))]
    mean, covariance = np.zeros(PIXELS), np.eye(PIXELS)
    for t, s in zip(times, [*times[1:], -1], strict=True):
        abar_t, abar_s = ABAR[t], 1.0 if s < 0 else ABAR[s]
        # Posterior mean of a Gaussian pixel seen through x_t.
        total = abar_t * VARIANCE + 1 - abar_t
        gain, offset = math.sqrt(abar_t) * VARIANCE / total, (1 - abar_t) * MEAN / total
        estimate = gain * mean + offset, gain**2 * covariance
        guide, delta = guidance_matrix(matrix, sigma, abar_t, abar_s, settings)
        # xt = K x_t + k
        contraction = np.eye(PIXELS) - guide @ matrix
        slope, constant = gain * contraction, contraction @ np.full(PIXELS, offset) + guide @ y
        keep, fresh = 0.0, 0.0
        if method == "ddpg":
            w = delta if sigma > 0 else 1.0
            keep = math.sqrt((1 - abar_s) * (1 - settings["zeta"]) / (1 - abar_t)) * w
            fresh = (1 - abar_s) * settings["zeta"]
        share = math.sqrt(abar_s) - keep * math.sqrt(abar_t)
        step = share * slope + keep * np.eye(PIXELS)
        mean = step @ mean + share * constant
        covariance = step @ covariance @ step.T + fresh * np.eye(PIXELS)
    return estimate if sigma > 0 else (mean, covariance)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("sigma_y", [0.0, 0.05])
@pytest.mark.parametrize("method", ["ddpg", "idpg"])
def test_moments_within_the_monte_carlo_error(operator, method, sigma_y, mode):
    settings = {
        "gamma": 3.0,
        "zeta": 0.4,
        "eta_tilde": 0.7,
        "scale_ls": 0.8,
        "step_size_mode": mode,
    }
    draws = 4000
    y = observation(operator)
    generator = torch.Generator().manual_seed(0)
    random = torch.randn((STEPS + 1, draws, 3, *SIZE), generator=generator, dtype=torch.float64)
    restored = build_sampler(method, steps=STEPS, **settings).restore(
        y.expand(draws, -1, -1, -1),
        operator,
        GaussianPrior(MEAN, VARIANCE),
        sigma_y=sigma_y,
        noise=RecordedNoise(random[0], random[1:]),
    )
    for channel in range(3):
        mean, covariance = propagate(
            method, dense_matrix(operator), y[0, channel].flatten().numpy(), sigma_y, settings
        )
        found = restored[:, channel].flatten(1).numpy()
        variance = np.diag(covariance)
        # Five standard errors of a mean, and of a Gaussian's variance, for 24 pixels.
        assert (abs(found.mean(0) - mean) <= 5 * np.sqrt(variance / draws) + 1e-12).all()
        assert (abs(found.var(0) - variance) <= 5 * math.sqrt(2 / draws) * variance + 1e-15).all()


def test_idpg_without_noise_ends_where_the_formulas_say(operator):
    """From x_T = 0 the run has no random part: its end is the propagated mean, and fits y."""
    settings = {
        "gamma": 8.0,
        "zeta": 0.5,
        "eta_tilde": 0.7,
        "scale_ls": 1.0,
        "step_size_mode": 0,
    }
    matrix, y = dense_matrix(operator), observation(operator)
    start = torch.zeros(1, 3, *SIZE, dtype=torch.float64)
    restored = build_sampler("idpg", steps=STEPS, **settings).restore(
        y,
        operator,
        GaussianPrior(MEAN, VARIANCE),
        sigma_y=0,
        noise=RecordedNoise(start, []),
    )
    for channel in range(3):
        target = y[0, channel].flatten().numpy()
        mean, _ = propagate("idpg", matrix, target, 0, settings)
        np.testing.assert_allclose(restored[0, channel].flatten().numpy(), mean, atol=1e-11)
        smallest = np.linalg.eigvalsh(matrix @ matrix.T).min()
        misfit = abs(matrix @ mean - target).max()
        assert misfit < 10 * 1e-4 / smallest


def test_the_independent_schedule_is_the_package_s():
    np.testing.assert_allclose(Schedule.linear().alphas_cumprod.numpy(), ABAR, rtol=1e-13)
