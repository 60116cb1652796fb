"""The posterior in closed form: against dense algebra, against draws, and against other methods.

Pictures and observations are drawn from the prior itself, so every expectation has a Monte Carlo
counterpart; tolerances are five standard errors.
"""

from __future__ import annotations

import math

import pytest
import torch

from ddpg.errors import UserError
from ddpg.metrics.ensembles import coverage, crps
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.priors.exact.mixture import MixturePrior
from ddpg.priors.exact.spectra import COLOURS, Spectrum, circulant
from ddpg.samplers import build_sampler
from ddpg.samplers.algorithms.exact import posterior as closed

SIZE = (8, 6)
SMOOTH = Spectrum(mean=0.1, deviation=0.3, exponent=3.0, corner=1.0, colour=0.2)
ROUGH = Spectrum(mean=-0.2, deviation=0.2, exponent=1.0, corner=2.0, colour=0.6)
GAUSSIAN = MixturePrior([1.0], [SMOOTH])
MIXTURE = MixturePrior([0.7, 0.3], [SMOOTH, ROUGH])
SIGMA = 0.3
COUNT = 2500


def seeded(count: int, purpose: str) -> SeededNoise:
    return SeededNoise(3, [str(number) for number in range(count)], purpose=purpose)


def operator_of(kind: str):
    kernel = torch.tensor([[0.1, 0.3, 0.1], [0.0, 0.3, 0.1], [0.0, 0.1, 0.0]], dtype=torch.float64)
    made = {
        "circular": lambda: build_operator("blur", SIZE, backend="circular", kernel=kernel),
        "cropped": lambda: build_operator("blur", SIZE, backend="cropped", kernel=kernel),
        "scaled": lambda: build_operator("sr_average", SIZE, scale=2),
        "colours": lambda: build_operator("colorization", SIZE),
        "mask": lambda: build_operator(
            "inpainting", SIZE, mask=(torch.arange(48).reshape(SIZE) % 3 > 0).double()
        ),
    }
    return made[kind]().to(torch.float64)


KINDS = ("circular", "cropped", "scaled", "colours", "mask")


def covariance(spectrum: Spectrum):
    """Of all pixels of all channels, (3 HW, 3 HW), by its definition."""
    blocks = [circulant(power) for power in spectrum.power(SIZE)]
    side = 3 * SIZE[0] * SIZE[1]
    return torch.einsum("kc,kd,kij->cidj", COLOURS, COLOURS, torch.stack(blocks)).reshape(
        side, side
    )


def dense(prior, operator, y, component=0):
    """Mean and covariance of a Gaussian given y by the textbook, all pixels in one vector."""
    part = prior.components(SIZE)[component]
    spectrum = (SMOOTH, ROUGH)[component]
    prior_covariance = covariance(spectrum)
    side = len(prior_covariance)
    matrix = operator.forward(torch.eye(side).double().reshape(side, 3, *SIZE)).flatten(1).T
    spread = matrix @ prior_covariance @ matrix.T + SIGMA**2 * torch.eye(len(matrix)).double()
    gain = prior_covariance @ matrix.T @ torch.linalg.inv(spread)
    expected = matrix @ torch.full((side,), part.mean).double()
    off = y.flatten(1) - expected
    density = torch.distributions.MultivariateNormal(expected, spread).log_prob(y.flatten(1))
    return part.mean + off @ gain.T, prior_covariance - gain @ matrix @ prior_covariance, density


def observed(prior, operator, count):
    x = prior.sample(seeded(count, "pictures"), SIZE)
    clean = operator.forward(x)
    return x, clean + SIGMA * seeded(count, "noise").initial(clean.shape).double()


def test_pictures_of_a_prior_have_its_moments():
    x = GAUSSIAN.sample(seeded(COUNT, "pictures"), SIZE).flatten(1)
    wanted = covariance(SMOOTH)
    assert float((x.mean(0) - SMOOTH.mean).abs().max()) < 5 * 0.3 / math.sqrt(COUNT)
    off = (torch.cov(x.T) - wanted).abs().max()
    assert float(off) < 6 * math.sqrt(2) * 0.3**2 / math.sqrt(COUNT)
    assert float(wanted.diagonal().min()) == pytest.approx(SMOOTH.deviation**2)
    assert float(wanted.diagonal().max()) == pytest.approx(SMOOTH.deviation**2)


def test_a_picture_is_the_same_whatever_others_are_drawn():
    together = MIXTURE.sample(seeded(5, "pictures"), SIZE)
    alone = MIXTURE.sample(SeededNoise(3, ["3"], purpose="pictures"), SIZE)
    assert torch.equal(together[3:4], alone)


def test_components_come_as_often_as_they_weigh():
    chosen = MIXTURE.chosen(seeded(COUNT, "pictures").step(0, (COUNT, 1)).flatten())
    assert float((chosen == 1).double().mean()) == pytest.approx(0.3, abs=5 * 0.46 / COUNT**0.5)


@pytest.mark.parametrize("t", [5, 200, 800])
def test_the_denoiser_of_a_white_spectrum_is_that_of_independent_pixels(t):
    white = MixturePrior([1.0], [Spectrum(0.1, 0.4, exponent=0.0, colour=1.0)])
    x = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    expected = GaussianPrior(0.1, 0.16).eps(x, t)
    torch.testing.assert_close(white.eps(x, t), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("prior", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize("t", [100, 500])
def test_the_denoiser_is_the_gradient_of_the_density(prior, t):
    """Tweedie: eps = -sqrt(1 - abar) grad log p(x_t), with p from dense covariances."""
    abar = prior.schedule.abar(t)
    x0 = prior.sample(seeded(3, "pictures"), SIZE)
    x = abar**0.5 * x0 + (1 - abar) ** 0.5 * torch.randn(
        x0.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    x.requires_grad_()
    parts = []
    for part, spectrum in zip(prior.components(SIZE), (SMOOTH, ROUGH), strict=False):
        side = 3 * SIZE[0] * SIZE[1]
        spread = abar * covariance(spectrum) + (1 - abar) * torch.eye(side).double()
        mean = torch.full((side,), abar**0.5 * part.mean).double()
        density = torch.distributions.MultivariateNormal(mean, spread).log_prob(x.flatten(1))
        parts.append(math.log(part.weight) + density)
    (gradient,) = torch.autograd.grad(torch.stack(parts).logsumexp(0).sum(), x)
    expected = -((1 - abar) ** 0.5) * gradient
    torch.testing.assert_close(prior.eps(x.detach(), t), expected, atol=1e-7, rtol=0)


def test_times_may_differ_from_picture_to_picture():
    x = MIXTURE.sample(seeded(3, "pictures"), SIZE)
    together = MIXTURE.eps(x, torch.tensor([10, 300, 900]))
    for number, t in enumerate((10, 300, 900)):
        alone = MIXTURE.eps(x[number : number + 1], t)
        torch.testing.assert_close(together[number : number + 1], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_the_posterior_is_that_of_the_textbook(kind):
    operator = operator_of(kind)
    _, y = observed(GAUSSIAN, operator, 3)
    mean, spread, _ = dense(GAUSSIAN, operator, y)
    (found,) = closed.conditioned(GAUSSIAN, operator, SIGMA, y)
    torch.testing.assert_close(found.mean.flatten(1), mean, atol=1e-8, rtol=0)
    torch.testing.assert_close(found.variance[0].flatten(), spread.diagonal(), atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_components_are_weighted_by_how_probable_they_make_y(kind):
    operator = operator_of(kind)
    _, y = observed(MIXTURE, operator, 6)
    parts = [dense(MIXTURE, operator, y, component) for component in (0, 1)]
    logs = torch.stack([math.log(0.7) + parts[0][2], math.log(0.3) + parts[1][2]])
    shares = logs.softmax(0)
    (found,) = closed.conditioned(MIXTURE, operator, SIGMA, y)
    torch.testing.assert_close(found.shares, shares, atol=1e-8, rtol=0)
    mean = (shares[..., None] * torch.stack([part[0] for part in parts])).sum(0)
    torch.testing.assert_close(found.mean.flatten(1), mean, atol=1e-8, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("prior", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize("kind", ["circular", "scaled", "colours"])
def test_the_best_scores_are_what_draws_and_truths_show(prior, kind):
    """Error of the mean, error of a draw, CRPS and coverage, over pictures of the prior."""
    operator = operator_of(kind)
    x, y = observed(prior, operator, COUNT)
    (found,) = closed.conditioned(prior, operator, SIGMA, y)
    draws = torch.stack([drawn(found, y, purpose) for purpose in ("first", "second")])

    def close(measured, expected):
        """Means over pictures, which are independent."""
        off = (measured - expected).flatten(1).mean(1)
        assert abs(float(off.mean())) < 5 * float(off.std()) / math.sqrt(COUNT)

    close((found.mean - x).square(), found.variance)
    close((draws[0] - x).square(), 2 * found.variance)
    close((draws[0] - draws[1]).square(), 2 * found.variance)
    close((draws[0] - draws[1]).abs() / 2, found.crps)
    assert crps(draws, x) == pytest.approx(float(found.crps.mean()), rel=0.03)
    if prior is GAUSSIAN:
        assert coverage(draws, x, 0.9) == pytest.approx(0.9, abs=0.01)


def drawn(found, y, purpose):
    noise = seeded(len(y), purpose)
    white = noise.initial((len(y), 3, *SIZE)).double()
    normal = noise.step(1, (len(y), 1)).double().flatten()
    return found.draw(white, noise.step(0, y.shape).double(), normal)


def test_the_crps_of_one_gaussian_is_its_deviation_over_the_root_of_pi():
    operator = operator_of("scaled")
    _, y = observed(GAUSSIAN, operator, 1)
    (found,) = closed.conditioned(GAUSSIAN, operator, SIGMA, y)
    torch.testing.assert_close(found.crps, found.variance.sqrt() / math.sqrt(math.pi))


def test_frequencies_and_matrices_agree(monkeypatch):
    operator = operator_of("circular")
    _, y = observed(MIXTURE, operator, 2)
    (quick,) = closed.conditioned(MIXTURE, operator, SIGMA, y)
    monkeypatch.setattr(closed, "_transfer", lambda _: None)
    (by_channel,) = closed.conditioned(MIXTURE, operator, SIGMA, y)
    matrix = closed._matrix(operator)
    coupled = torch.block_diag(matrix, matrix, matrix)
    monkeypatch.setattr(closed, "_matrix", lambda _: coupled)
    (in_all,) = closed.conditioned(MIXTURE, operator, SIGMA, y)
    for other in (by_channel, in_all):
        torch.testing.assert_close(other.mean, quick.mean)
        torch.testing.assert_close(other.variance, quick.variance)
        torch.testing.assert_close(other.shares, quick.shares)


def test_pictures_with_kernels_of_their_own_are_restored_one_by_one():
    kernels = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    kernels /= kernels.sum((1, 2), keepdim=True)
    operator = build_operator("motion_deblur", SIZE, kernel=kernels).to(torch.float64)
    _, y = observed(MIXTURE, operator, 2)
    noise = SeededNoise(0, ["a", "b"])
    exact = build_sampler("exact", estimate="mean")
    together = exact.restore(y, operator, MIXTURE, sigma_y=SIGMA / 2, noise=noise)
    single = build_operator("motion_deblur", SIZE, kernel=kernels[1:]).to(torch.float64)
    alone = exact.restore(y[1:], single, MIXTURE, sigma_y=SIGMA / 2, noise=None)
    torch.testing.assert_close(together[1:], alone)


def test_no_method_beats_the_mean():
    operator = operator_of("scaled")
    x, y = observed(MIXTURE, operator, 40)
    noise = seeded(40, "restoration")
    errors = {}
    for name, settings in {
        "mean": ("exact", {"estimate": "mean"}),
        "draw": ("exact", {}),
        "ddrm": ("ddrm", {"steps": 10}),
        "ddpg": ("ddpg", {"steps": 10}),
    }.items():
        sampler = build_sampler(settings[0], **settings[1])
        restored = sampler.restore(y, operator, MIXTURE, sigma_y=SIGMA / 2, noise=noise)
        errors[name] = float((restored - x).square().mean())
    assert min(errors, key=errors.__getitem__) == "mean"
    assert errors["draw"] == pytest.approx(2 * errors["mean"], rel=0.15)


def test_what_is_too_large_is_refused():
    operator = build_operator("colorization", (64, 48))
    with pytest.raises(UserError, match="at most 4096 unknowns; pictures of 64 x 48 have 9216"):
        closed.conditioned(GAUSSIAN, operator, SIGMA, torch.zeros(1, 1, 64, 48))


def test_a_prior_of_unequal_pixels_has_no_closed_form_here():
    prior = GaussianPrior(torch.zeros(1, 3, *SIZE), 1.0)
    with pytest.raises(UserError, match="one mean and one variance for all pixels"):
        closed.conditioned(prior, operator_of("scaled"), SIGMA, torch.zeros(1, 3, 4, 3))
