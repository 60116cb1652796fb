"""What the theory of each method promises, checked against independent forms of it.

- A Gaussian prior of independent pixels: without noise, the posterior is ``A^+ y`` in the range of
  ``A^T`` and the prior in the null space. Methods that leave the null space to the deterministic
  diffusion (eta = 0) sample it exactly in the limit of many steps: DDRM, DDNM, DDNM+, and PiGDM's
  noiseless form. With eta > 0, DDRM's and DDNM's chains lose variance; DPS and PiGDM's noisy form
  weigh their guidance by step, not by the posterior, so that none of these has a posterior to test.
- PiGDM's direction is the Bayesian correction of the estimate for a prior of variance 1.
- DDRM and DDNM+ written out with a dense singular value decomposition.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ddpg.noise import RecordedNoise, SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler
from ddpg.samplers.problem import Problem, Step

MEAN, VARIANCE = 0.1, 0.16
SIZE = (6, 8)
PIXELS = SIZE[0] * SIZE[1]
SCHEDULE = Schedule.linear()
PRIOR = GaussianPrior(MEAN, VARIANCE)

EXACT = {
    "ddrm": {"eta": 0},
    "ddnm": {"eta": 0},
    "ddnm_plus": {"eta": 0},
    "pigdm": {"eta": 0, "form": "reddiff", "gradient_batch": 400},
}


def operators():
    kernel = torch.rand((3, 3), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    mask = torch.rand(SIZE, generator=torch.Generator().manual_seed(5)) < 0.6
    options = {"image_size": SIZE, "dtype": torch.float64}
    return {
        "sr-fft": build_operator("sr_bicubic", backend="fft", scale=2, **options),
        "sr-svd": build_operator("sr_bicubic", backend="svd", scale=2, **options),
        "motion": build_operator("motion_deblur", kernel=kernel / kernel.sum(), **options),
        "inpainting": build_operator("inpainting", mask=mask, **options),
        "denoising": build_operator("denoising", **options),
    }


@pytest.fixture(params=operators(), ids=str)
def operator(request):
    return operators()[request.param]


def dense_matrix(operator):
    basis = torch.eye(PIXELS, dtype=torch.float64).reshape(PIXELS, 1, *SIZE)
    return operator.forward(basis).flatten(1).T.numpy()


def random(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def observation(operator, sigma_y):
    y = operator.forward(MEAN + math.sqrt(VARIANCE) * random(1, *operator.image_shape, seed=1))
    return y + 2 * sigma_y * random(*y.shape, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sr-fft", "inpainting"])
@pytest.mark.parametrize("name", EXACT)
def test_noiseless_posterior(name, task):
    operator, draws, steps = operators()[task], 400, 125
    y = observation(operator, 0)
    noise = RecordedNoise(random(draws, 3, *SIZE, seed=3), FreshNoise(draws))
    restored = build_sampler(name, steps=steps, **EXACT[name]).restore(
        y.expand(draws, -1, -1, -1), operator, PRIOR, sigma_y=0, noise=noise
    )
    # DDRM and PiGDM end with a call of the network, at a noise level of 0.01.
    misfit = operator.image_coordinates(restored - operator.pinv(y, 0)).abs().max()
    assert float(misfit) < {"ddrm": 6 * 0.01, "pigdm": 2e-3}.get(name, 1e-9)
    matrix = dense_matrix(operator)
    null = np.eye(PIXELS) - np.linalg.pinv(matrix, rcond=1e-9) @ matrix
    values, vectors = np.linalg.eigh(null)
    basis = vectors[:, values > 0.5]
    found = restored.flatten(2).reshape(-1, PIXELS).numpy() @ basis
    expected = np.full(PIXELS, MEAN) @ basis
    count = len(found)
    # Five standard errors, and 3 % for the steps of the diffusion.
    allowed = 5 * math.sqrt(VARIANCE / count) + 0.01
    assert abs(found.mean(0) - expected).max() < allowed
    spread = np.cov(found.T)
    error = 5 * math.sqrt(2 / count) * VARIANCE + 0.03 * VARIANCE
    assert abs(spread - VARIANCE * np.eye(len(spread))).max() < error


class FreshNoise:
    """A tensor of noise for every step, made when it is asked for."""

    def __init__(self, draws):
        self.draws = draws

    def __len__(self):
        return 1000

    def __getitem__(self, k):
        return random(self.draws, 3, *SIZE, seed=100 + k)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ddnm", {}),
        ("ddnm_plus", {}),
        ("idbp", {"step_size_mode": 0}),
        ("pigdm", {}),
        ("pigdm", {"form": "reddiff"}),
    ],
)
def test_data_consistency_without_noise(name, settings, operator):
    """DDRM, DiffPIR and DPS promise none: they end with a network call, noise, a gradient step."""
    y = observation(operator, 0)
    restored = build_sampler(name, steps=5, **settings).restore(
        y, operator, PRIOR, sigma_y=0, noise=SeededNoise(0, ["a"])
    )
    # |A x - y| is lambda-regularised by c: at most sqrt(c)/2 of what was wrong before.
    exact = name in ("ddnm", "ddnm_plus")
    assert float((operator.forward(restored) - y).abs().max()) < (1e-9 if exact else 0.02)


@pytest.mark.parametrize("sigma_y", [0, 0.05])
@pytest.mark.parametrize("t", [30, 300, 700])
def test_pigdm_corrects_as_bayes_does(operator, t, sigma_y):
    """For x ~ N(m, I), ``x0 + r`` is ``E[x | x_t, y]``, and the Jacobian is ``sqrt(abar_t)``."""
    y = observation(operator, sigma_y)
    x_T = random(1, 3, *SIZE, seed=7)
    prior = GaussianPrior(MEAN, 1.0)
    seen = []
    restored = build_sampler("pigdm", times=[t]).restore(
        y,
        operator,
        prior,
        sigma_y=sigma_y,
        noise=RecordedNoise(x_T, []),
        callback=seen.append,
    )
    abar, s = SCHEDULE.abar(t), max(2 * sigma_y, 1e-4)
    matrix = dense_matrix(operator)
    x_t = math.sqrt(1 - abar) * x_T
    for channel in range(3):
        seen_x, seen_y = x_t[0, channel].flatten().numpy(), y[0, channel].flatten().numpy()
        # Bayes, in information form: prior, x_t and y are three Gaussian messages on x.
        precision = np.eye(PIXELS) * (1 + abar / (1 - abar)) + matrix.T @ matrix / s**2
        shift = MEAN + math.sqrt(abar) / (1 - abar) * seen_x + matrix.T @ seen_y / s**2
        posterior = np.linalg.solve(precision, shift)
        x0 = seen[0].x0[0, channel].flatten().numpy()
        moved = restored[0, channel].flatten().numpy() - x0
        np.testing.assert_allclose(moved, abar * (posterior - x0), atol=1e-7)


def dense_ddrm(U, S, V, y, s, x_T, noises, times, eta, etaB):
    """The formulas on vectors of one channel; S is padded with NaN where nothing is observed."""

    def estimate(x, t):
        abar = SCHEDULE.abar(t)
        e = math.sqrt(1 - abar) * (x - math.sqrt(abar) * MEAN) / (abar * VARIANCE + 1 - abar)
        return (x - math.sqrt(1 - abar) * e) / math.sqrt(abar), e

    def level(t):
        return math.sqrt((1 - SCHEDULE.abar(t)) / SCHEDULE.abar(t)) if t >= 0 else 0.0

    Y = np.full(len(S), np.nan)
    Y[: U.shape[1]] = U.T @ y
    sig, xh = level(times[0]), V.T @ x_T
    h = sig * xh
    for i, gain in enumerate(S):
        if gain * sig > s:
            h[i] = Y[i] / gain + math.sqrt(max(sig**2 - (s / gain) ** 2, 0)) * xh[i]
    x = V @ h / sig
    for k, (t, to) in enumerate(zip(times, [*times[1:], -1], strict=True)):
        x0, e = (V.T @ part for part in estimate(x, t))
        sig, w, new = level(to), V.T @ noises[k], np.zeros(len(S))
        for i, gain in enumerate(S):
            if gain * sig > s:
                new[i] = etaB * Y[i] / gain + (1 - etaB) * x0[i]
                new[i] += math.sqrt(sig**2 - (etaB * s / gain) ** 2) * w[i]
            elif gain * sig < s:
                new[i] = x0[i] + math.sqrt(1 - eta**2) * sig * (Y[i] - gain * x0[i]) / s
                new[i] += eta * sig * w[i]
            else:
                new[i] = x0[i] + math.sqrt(1 - eta**2) * sig * e[i] + eta * sig * w[i]
        x = math.sqrt(SCHEDULE.abar(to)) * (V @ new)
    return x


def dense_ddnm_plus(U, S, V, y, s, x_T, noises, times, eta):
    Y, keep = np.zeros(len(S)), math.sqrt(1 - eta**2)
    Y[: U.shape[1]] = U.T @ y
    x = x_T
    for k, (t, to) in enumerate(zip(times, [*times[1:], -1], strict=True)):
        abar = SCHEDULE.abar(t)
        e = math.sqrt(1 - abar) * (x - math.sqrt(abar) * MEAN) / (abar * VARIANCE + 1 - abar)
        x0 = V.T @ (x - math.sqrt(1 - abar) * e) / math.sqrt(abar)
        a, sg = math.sqrt(SCHEDULE.abar(to)), math.sqrt(1 - SCHEDULE.abar(to))
        e, z, new = V.T @ e, V.T @ noises[k], np.zeros(len(S))
        for i, Q in enumerate(np.nan_to_num(S)):
            if Q == 0:
                new[i] = a * x0[i] + eta * sg * z[i] + keep * sg * e[i]
                continue
            tau = a * s / Q
            lam, d1 = (1, math.sqrt(sg**2 - tau**2)) if sg >= tau else (sg * keep / tau, eta * sg)
            new[i] = a * (x0[i] - lam * (x0[i] - Y[i] / Q)) + d1 * z[i]
        x = V @ new
    return x


@pytest.mark.parametrize("sigma_y", [0, 0.02, 0.2])
@pytest.mark.parametrize("name", ["ddrm", "ddnm_plus"])
def test_dense_singular_value_decomposition(name, sigma_y, operator):
    y, x_T = observation(operator, sigma_y), random(1, 3, *SIZE, seed=8)
    times, noises = [980, 700, 400, 200, 60, 5], random(6, 1, 3, *SIZE, seed=9)
    settings = {"eta": 0.7, "etaB": 0.9} if name == "ddrm" else {"eta": 0.7}
    restored = build_sampler(name, times=times, **settings).restore(
        y, operator, PRIOR, sigma_y=sigma_y, noise=RecordedNoise(x_T, noises)
    )
    U, S, Vt = np.linalg.svd(dense_matrix(operator))
    # Directions without a singular value are not observed, however many rows y has.
    kept = S > 1e-10
    gains = np.full(PIXELS, np.nan)
    gains[: len(S)][kept] = S[kept]
    dense = {"ddrm": dense_ddrm, "ddnm_plus": dense_ddnm_plus}[name]
    for channel in range(3):
        expected = dense(
            U[:, : len(S)],
            gains,
            Vt.T,
            y[0, channel].flatten().numpy(),
            2 * sigma_y,
            x_T[0, channel].flatten().numpy(),
            noises[:, 0, channel].flatten(1).numpy(),
            times,
            **settings,
        )
        np.testing.assert_allclose(restored[0, channel].flatten().numpy(), expected, atol=1e-8)


def test_idbp_is_idpg_without_least_squares():
    """With a huge gamma delta = abar_s ** gamma vanishes but in the last step, where abar_s = 1."""
    operator = operators()["sr-fft"]
    y = observation(operator, 0.05)
    seen = {"idbp": [], "idpg": []}
    for name, settings in (("idbp", {}), ("idpg", {"gamma": 1e9, "scale_ls": 0.5})):
        build_sampler(name, steps=6, step_size_mode=0, **settings).restore(
            y,
            operator,
            PRIOR,
            sigma_y=0.05,
            noise=SeededNoise(0, ["a"]),
            callback=seen[name].append,
        )
    for one, other in zip(seen["idbp"][:-1], seen["idpg"][:-1], strict=True):
        assert torch.equal(one.x, other.x)
    assert not torch.equal(seen["idbp"][-1].x, seen["idpg"][-1].x)


@pytest.mark.parametrize("eta", [0.0, 0.85])
@pytest.mark.parametrize(("task", "backend"), [("sr_bicubic", "svd"), ("deblur_aniso", "fft")])
@pytest.mark.parametrize("times", [(900, 850), (300, 250), (20, 10)])
def test_ddrm_and_ddnm_plus_take_the_same_step(task, backend, times, eta):
    """As docs/methods.md derives for etaB = 1; start, grid and truncated directions differ."""
    operator = build_operator(task, 16, backend=backend, scale=4)
    sigma = 2 * 0.05
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 16, 16, generator=generator)
    y = operator.forward(0.3 * torch.randn(2, 3, 16, 16, generator=generator))
    y = y + sigma * torch.randn(y.shape, generator=generator)
    noise = SeededNoise(0, ["a", "b"])
    problem = Problem(y, operator.analyse(y), operator, PRIOR, sigma, noise)
    t, s = times
    abar_t, abar_s = (SCHEDULE.abar(time) for time in times)
    step = Step(3, 20, t, s, abar_t, abar_s)
    with torch.no_grad():
        ddrm, _ = build_sampler("ddrm", eta=eta, etaB=1).step(problem, x, step)
        ddnm_plus, _ = build_sampler("ddnm_plus", eta=eta).step(problem, x, step)
    torch.testing.assert_close(ddrm, ddnm_plus, rtol=0, atol=2e-5)
