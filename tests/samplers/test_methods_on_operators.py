"""Every method on every operator, with and without noise."""

from __future__ import annotations

import pytest
import torch

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.operators import LinearOperator, SpectralOperator, build_operator
from ddpg.operators.tasks import TASKS, offers
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler
from ddpg.samplers.catalogue import METHODS
from ddpg.samplers.problem import Problem, Step

SIZE = (16, 24)
MEAN, VARIANCE = 0.1, 0.16
IDS = ("a", "b")

FITS_NOISE = ("ddnm", "diffpir", "daps", "reddiff", "cm4ir")
"""DDNM is made for noiseless y; DiffPIR's rho trusts the prior less than white noise deserves; DAPS
and RED-diff do not know the noise; CM4IR keeps what the start has of it."""

SETTINGS = {
    "dps": {"steps": 50},
    "daps": {"steps": 10, "mcmc_steps": 30},
    "pnpdm": {"steps": 60, "iterations": 16, "rho_decay": 0.7, "samples": 8, "estimate": "mean"},
    "sitcom": {"steps": 10, "inner_steps": 10},
    "cm4ir": {},
    "exact": {"estimate": "mean"},
}
"""Instead of ten steps."""


def settings():
    """Every task, backend and scale of the registry."""
    for task, description in TASKS.items():
        for backend in description.backends:
            for scale in description.scales or (None,):
                yield task, backend, scale


def with_and_without_noise():
    """The settings at noise 0.05, and without noise those of which another would tell no more."""
    for task, backend, scale in settings():
        yield task, backend, scale, 0.05
        # Scales share the code of x4; the borders that take the most iterations that of "cropped".
        if scale in (None, 4) and backend not in ("zero", "reflect", "replicate"):
            yield task, backend, scale, 0


NEAR_SINGULAR = (
    *(("deblur_gauss", "fft", None), ("deblur_gauss", "svd", None), ("deblur_aniso", "svd", None)),
    *(("sr_bicubic", "svd", 4), ("sr_bicubic", "fft", 4), ("motion_deblur", "fft", None)),
    *(("blur", "cropped", None), ("blur", "circular", None)),
)
"""One of each kind of spectrum that falls to nothing, and an operator without one."""


def random(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_operator(task, backend, scale, dtype=torch.float32):
    extras = {}
    if task == "motion_deblur":
        kernels = random(2, 5, 5, seed=1).abs()
        extras["kernel"] = kernels / kernels.sum((1, 2), keepdim=True)
    if task == "inpainting":
        extras["mask"] = (random(2, *SIZE, seed=2) > -0.3).float()
    if task == "blur":
        kernels = random(2, 5, 3, seed=1).abs()
        extras["kernel"] = kernels / kernels.sum((1, 2), keepdim=True)
    size = (16, 32) if task == "compressed_sensing" or scale == 16 else SIZE
    return build_operator(task, size, backend=backend, scale=scale, dtype=dtype, **extras)


def usable(operator):
    """Which coordinates of observations float32 is able to invert."""
    spectral = isinstance(operator, SpectralOperator)
    return operator.invertible if spectral else torch.ones((), dtype=torch.bool)


def consistency(operator):
    """How near to y a restoration of noiseless y must come; eta is 1e-4 without a spectrum."""
    return 1e-4 if operator.grade == "spectrum" else 0.02


def restore(name, y, operator, sigma_y, **more):
    settings = SETTINGS.get(name, {"steps": 10}) if METHODS[name].uses_prior else {}
    prior = GaussianPrior(MEAN, VARIANCE)
    noise = SeededNoise(0, IDS)
    return build_sampler(name, **settings, **more).restore(
        y, operator, prior, sigma_y=sigma_y, noise=noise
    )


@pytest.mark.slow
@pytest.mark.parametrize(("task", "backend", "scale", "sigma_y"), list(with_and_without_noise()))
@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_every_operator(name, task, backend, scale, sigma_y):
    if METHODS[name].enlarges and scale is None:
        pytest.skip("enlarges only")
    operator = make_operator(task, backend, scale)
    if not offers(operator.grade, METHODS[name].needs):
        needed = f"{name} needs an operator of the grade '{METHODS[name].needs}'"
        with pytest.raises(UserError, match=needed):
            restore(name, operator.forward(torch.zeros(2, *operator.image_shape)), operator, 0)
        return
    x = MEAN + VARIANCE**0.5 * random(2, *operator.image_shape, seed=3)
    y = operator.forward(x)
    y = y + 2 * sigma_y * random(*y.shape, seed=4)
    restored = restore(name, y, operator, sigma_y)
    assert bool(torch.isfinite(restored).all())
    if sigma_y > 0 and name in FITS_NOISE:
        # What is observed is fitted at least to the noise, if not better.
        misfit = operator.analyse(operator.forward(restored) - y).abs()
        misfit = torch.where(usable(operator), misfit, 0)
        assert float(misfit.square().mean().sqrt()) < 2 * 2 * sigma_y
        return
    # Another picture of the same prior would be off by twice its variance.
    assert float((restored - x).square().mean()) < 2 * VARIANCE
    if name in ("ddnm", "ddnm_plus") and sigma_y == 0:
        wrong = operator.analyse(operator.forward(restored) - y).abs()
        # Rounding of A x0 and y, and observed directions that cannot be inverted in float32.
        assert float(torch.where(usable(operator), wrong, 0).max()) < consistency(operator)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_an_operator_of_two_functions(name):
    """Methods that need no more than A and A^T work on one that offers no more."""
    blur = make_operator("deblur_gauss", "fft", None)
    operator = LinearOperator.from_functions(
        blur.forward,
        blur.adjoint,
        blur.image_shape,
        blur.observation_shape,
        grade="adjoint",
    )
    y = blur.forward(MEAN + VARIANCE**0.5 * random(2, *operator.image_shape, seed=3))
    if METHODS[name].needs != "adjoint":
        with pytest.raises(UserError, match=f"{name} needs an operator of the grade"):
            restore(name, y, operator, 0.05)
    elif not METHODS[name].enlarges:
        start = {"init": "zero"} if name == "reddiff" else {}
        found, expected = (restore(name, y, one, 0.05, **start) for one in (operator, blur))
        # Adam's first moves are signs: rounding sends single pixels the other way.
        assert float((found - expected).abs().mean()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("sigma_y", [0, 0.001, 0.05])
@pytest.mark.parametrize(("task", "backend", "scale"), NEAR_SINGULAR)
@pytest.mark.parametrize(
    "name", ["ddrm", "ddnm_plus", "pigdm", "diffpir", "dpir", "pnpdm", "dmps", "flower", "cm4ir"]
)
def test_single_precision_near_singular(name, task, backend, scale, sigma_y):
    """Small singular values do not blow up rounding: float32 gives what float64 gives."""
    double = make_operator(task, backend, scale, torch.float64)
    if not offers(double.grade, METHODS[name].needs):
        pytest.skip("is refused, as the test above shows")
    if name == "dmps" and sigma_y == 0 and "blur" in task:
        pytest.skip("without noise DMPS asks that every eigenvalue of A A^T be above 0")
    x = MEAN + VARIANCE**0.5 * random(2, *double.image_shape, seed=3).double()
    y = double.forward(x)
    y = y + 2 * sigma_y * random(*y.shape, seed=4)
    exact = restore(name, y, double, sigma_y)
    single = restore(name, y.float(), double.to(torch.float32), sigma_y)
    wrong = single.double() - exact
    if sigma_y == 0:
        # What float32 cannot invert, float64 can: there they differ.
        if not isinstance(double, SpectralOperator):
            assert float(wrong.abs().max()) < 5e-3
            return
        invertible = double.to(torch.float32).invertible
        wrong = torch.where(invertible, double.image_coordinates(wrong).abs(), 0)
    assert float(wrong.abs().max()) < 5e-3


@pytest.mark.parametrize("value", [-1.0, 0.6])
def test_dpir_continues_a_cropped_observation_as_it_ends(value):
    """A flat picture stays flat to its edge; begun in grey, its rim would stay grey."""
    kernel = torch.ones(5, 5, dtype=torch.float64) / 25
    operator = build_operator("blur", 24, kernel=kernel, border="cropped")
    x = torch.full((1, *operator.image_shape), value)
    y, prior = operator.forward(x), GaussianPrior(value, 0.01)
    problem = Problem(y, operator.analyse(y), operator, prior, 0.01, SeededNoise(0, ["a"]))
    first = Step(0, 1, 112, -1, 0.9, 1.0)
    start = build_sampler("dpir", steps=8).start(problem, first)
    torch.testing.assert_close(start, x, atol=1e-4, rtol=0)
