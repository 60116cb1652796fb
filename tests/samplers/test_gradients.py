"""DPS and PiGDM differentiate through the prior: right gradients, bounded memory, any precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ddpg.noise import RecordedNoise, SeededNoise
from ddpg.operators import build_operator
from ddpg.operators.masking import MaskingOperator
from ddpg.priors import GaussianPrior, Prior
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler, catalogue
from ddpg.samplers.krylov import SOLVERS, minimal_residual

METHODS = [
    *[("dps", {}), ("dps", {"clip_x0": True}), ("pigdm", {}), ("pigdm", {"form": "reddiff"})],
    *[("mmps", {}), ("mmps", {"iterations": 3}), ("mmps", {"iterations": 2, "solver": "cg"})],
    *[("sitcom", {"inner_steps": 3}), ("sitcom", {"inner_steps": 3, "form": "noiseless"})],
]
SIZE = (8, 12)
IDS = ("a", "b", "c")


class TinyNetwork(nn.Module):
    """A convolution and a curve: its Jacobian is neither symmetric nor constant."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        for parameter in self.convolution.parameters():
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)

    def forward(self, x, t):
        return torch.tanh(self.convolution(x)) + 0.5 * x * (t / 1000).reshape(-1, 1, 1, 1)


class WatchedPrior(NetworkPrior):
    """Remembers the sizes of the batches it was asked about."""

    def __init__(self, dtype=None):
        super().__init__(TinyNetwork(), Schedule.linear(), dtype=dtype)
        self.sizes = []

    def eps(self, x_t, t):
        self.sizes.append(len(x_t))
        return super().eps(x_t, t)


@pytest.fixture
def operator():
    kernels = torch.rand((3, 3, 3), generator=torch.Generator().manual_seed(1))
    return build_operator("motion_deblur", SIZE, kernel=kernels / kernels.sum((1, 2), keepdim=True))


@pytest.fixture
def y(operator):
    generator = torch.Generator().manual_seed(2)
    return operator.forward(torch.randn((3, 3, *SIZE), generator=generator).clamp(-1, 1))


def restore(name, y, operator, prior, *, ids=IDS, callback=None, **settings):
    return build_sampler(name, times=[700, 300, 20], **settings).restore(
        y, operator, prior, sigma_y=0.05, noise=SeededNoise(0, ids), callback=callback
    )


@pytest.mark.parametrize(("name", "settings"), METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_splitting_the_batch_changes_nothing(name, settings, dtype, operator, y):
    results = []
    for size in (1, 2, 3, 16):
        prior = WatchedPrior(dtype)
        results.append(restore(name, y, operator, prior, gradient_batch=size, **settings))
        assert max(prior.sizes) <= size
        assert sum(prior.sizes) == 3 * 3 * settings.get("inner_steps", 1)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], atol=1e-4, rtol=0)
    alone = restore(name, y[1:2], operator.select([1]), WatchedPrior(dtype), ids=("b",), **settings)
    torch.testing.assert_close(alone, results[0][1:2], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "settings"), METHODS)
def test_half_precision_is_close_to_single(name, settings, operator, y):
    single, half = (
        restore(name, y, operator, WatchedPrior(dtype), **settings)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == torch.float32
    wrong = (half - single).abs()
    # Adam's first moves are signs: single pixels go the other way.
    moved = float(wrong.mean() if name == "sitcom" else wrong.max())
    assert 0 < moved < 0.1 * float(single.abs().max())


@pytest.mark.parametrize("settings", [{"form": "tmpd"}, {"form": "jfps", "solver": "cg"}])
@pytest.mark.parametrize("iterations", [1, 4])
def test_the_forms_of_mmps_couple_no_images(settings, iterations, operator, y):
    settings = settings | {"iterations": iterations, "eta": 0.5}
    prior = GaussianPrior(0.1, 0.16)
    together = restore("mmps", y, operator, prior, **settings)
    for size in (1, 2):
        split = restore("mmps", y, operator, prior, gradient_batch=size, **settings)
        torch.testing.assert_close(split, together, atol=1e-5, rtol=0)
    alone = restore("mmps", y[1:2], operator.select([1]), prior, ids=("b",), **settings)
    torch.testing.assert_close(alone, together[1:2], atol=1e-5, rtol=0)


def test_solvers_solve():
    """As many steps as unknowns solve any system; gmres also where M is not symmetric."""
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(2, 6, 6, generator=generator, dtype=torch.float64)
    turn = torch.randn(2, 6, 6, generator=generator, dtype=torch.float64)
    b = torch.randn(2, 6, 1, 1, generator=generator, dtype=torch.float64)
    positive = root @ root.mT + torch.eye(6)
    for name, matrix in (("cg", positive), ("gmres", positive), ("gmres", positive + turn)):

        def product(u, matrix=matrix):
            return (matrix @ u[..., 0]).unsqueeze(-1), u

        solution = SOLVERS[name](product, b, 6)
        torch.testing.assert_close(solution[..., 0], torch.linalg.solve(matrix, b[..., 0]))
        # Beyond the end, and where b is 0, nothing more happens.
        assert bool(torch.isfinite(SOLVERS[name](product, b, 9)).all())
        assert not bool(SOLVERS[name](product, 0 * b, 2).any())
    # Each step leaves the least residual of the Krylov space.
    residuals = [
        (b - product(minimal_residual(product, b, k))[0]).square().sum() for k in range(1, 7)
    ]
    assert residuals == sorted(residuals, reverse=True)


@pytest.mark.parametrize("clip", [False, True])
def test_dps_goes_down_the_gradient_of_the_norm(clip, operator, y):
    """Differentiated as a whole, image by image, through prior and operator."""
    x_T = torch.randn((3, 3, *SIZE), generator=torch.Generator().manual_seed(3))
    prior, t = NetworkPrior(TinyNetwork(), Schedule.linear()), 60
    abar = prior.schedule.abar(t)

    def ends(scale):
        return build_sampler("dps", times=[t], scale=scale, clip_x0=clip).restore(
            y, operator, prior, sigma_y=0.05, noise=RecordedNoise(x_T, [])
        )

    variable = x_T.clone().requires_grad_()
    x0 = (variable - math.sqrt(1 - abar) * prior.eps(variable, t)) / math.sqrt(abar)
    x0 = x0.clamp(-1, 1) if clip else x0
    norms = torch.linalg.vector_norm(y - operator.forward(x0), dim=(1, 2, 3))
    (gradient,) = torch.autograd.grad(norms.sum(), variable)
    torch.testing.assert_close(ends(0) - ends(0.7), 0.7 * gradient, atol=1e-5, rtol=0)


def test_dps_stays_where_the_residual_vanishes():
    operator = MaskingOperator(torch.zeros(SIZE))
    restored = restore("dps", torch.zeros(3, 3, *SIZE), operator, GaussianPrior(0.1, 0.16))
    assert bool(torch.isfinite(restored).all())


@pytest.mark.parametrize(("name", "settings"), METHODS)
def test_no_graph_is_kept(name, settings, operator, y):
    states = []
    prior = WatchedPrior()
    restored = restore(name, y, operator, prior, callback=states.append, **settings)
    for tensor in (restored, *(t for state in states for t in (state.x, state.x0))):
        assert not tensor.requires_grad
        assert tensor.grad_fn is None
    assert all(parameter.grad is None for parameter in prior.network.parameters())


@pytest.mark.parametrize(("name", "settings"), METHODS)
def test_gradients_in_inference_mode(name, settings, operator, y):
    prior = WatchedPrior()
    expected = restore(name, y, operator, prior, **settings)
    with torch.inference_mode():
        assert torch.equal(restore(name, y, operator, prior, **settings), expected)


@pytest.mark.parametrize("name", ["dps", "pigdm", "mmps", "sitcom"])
def test_a_prior_without_gradient_is_refused(name, operator, y):
    class Opaque(GaussianPrior):
        @torch.no_grad()
        def eps(self, x_t, t):
            return super().eps(x_t, t)

    with pytest.raises(ValueError, match=f"{name} differentiates .* eps of Opaque carries no"):
        restore(name, y, operator, Opaque(0.1, 0.16))


def test_priors_with_a_class_for_each_image_follow_the_split(operator, y):
    class Labelled(GaussianPrior):
        def __init__(self, means):
            super().__init__(means.reshape(-1, 1, 1, 1), 0.16)
            self.means = means

        def select(self, indices):
            return Labelled(self.means[list(indices)])

    means = torch.tensor([-0.5, 0.1, 0.6])
    results = [
        restore("dps", y, operator, Labelled(means), gradient_batch=size) for size in (1, 2, 3)
    ]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], atol=1e-6, rtol=0)
    assert isinstance(Labelled(means), Prior)


def test_solutions_do_not_depend_on_the_batch_with_several_threads():
    """A sum over a whole image is split among threads where there is one, and rounded otherwise."""
    b = torch.randn(4, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for solve in SOLVERS.values():
            together = solve(lambda u: (u * 2 + u**3 / 9, u), b, 3)
            for image in range(len(b)):
                alone = solve(lambda u: (u * 2 + u**3 / 9, u), b[image : image + 1], 3)
                assert torch.equal(alone, together[image : image + 1])
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("method", "extra"),
    [*METHODS, *[("mmps", {"form": form, "iterations": 3}) for form in ("tmpd", "jfps")]],
)
def test_backward_passes_are_as_many_as_the_catalogue_says(operator, monkeypatch, method, extra):
    passes, real = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or real(*a, **k))
    prior, noise = WatchedPrior(), SeededNoise(3, ["a"])
    sampler = build_sampler(method, steps=3, **extra)
    y = operator.select([0]).forward(SeededNoise(4, ["a"]).initial((1, 3, *SIZE)))
    sampler.restore(y, operator.select([0]), prior, sigma_y=0.05, noise=noise)
    expected = catalogue.METHODS[method].passes_back(sampler.hyper_parameters)
    assert len(passes) == pytest.approx(expected * len(prior.sizes))
