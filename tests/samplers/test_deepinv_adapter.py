"""Reconstructors of deepinv as methods, with a tiny one and with one of the library's own."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.samplers.catalogue import METHODS, Method
from ddpg.samplers.deepinv_adapter import DeepinvSampler

SIZE = (8, 12)


class Landweber(nn.Module):
    """Gradient steps from nothing, then a little noise of torch's global generator."""

    def __init__(self, jitter=0.0):
        super().__init__()
        self.jitter = jitter

    def forward(self, y, physics):
        x = torch.zeros_like(physics.A_adjoint(y))
        for _ in range(300):
            x = x - physics.A_adjoint(physics.A(x) - y)
        return x + self.jitter * torch.randn_like(x)


class Sampler(DeepinvSampler):
    name = "landweber"
    model = Landweber()

    def reconstructor(self, device):  # noqa: ARG002
        return self.model


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    method = Method("landweber", "Landweber", "here:Sampler", "", "", evaluations=7)
    monkeypatch.setitem(METHODS._all, "landweber", method)


@pytest.fixture
def operator():
    kernels = torch.zeros(2, 3, 3)
    kernels[:, 1, 1], kernels[0, 1, 2], kernels[1, 0, 1] = 0.8, 0.2, 0.2
    return build_operator("motion_deblur", SIZE, kernel=kernels)


@pytest.fixture
def x():
    return torch.rand((2, 3, *SIZE), generator=torch.Generator().manual_seed(0)) * 2 - 1


def restore(sampler, y, operator, seed=0, ids=("a", "b")):
    return sampler.restore(y, operator, None, sigma_y=0.05, noise=SeededNoise(seed, ids))


def test_without_the_library_the_error_says_what_to_install(monkeypatch, operator, x):
    monkeypatch.setitem(sys.modules, "deepinv.physics", None)
    with pytest.raises(
        UserError, match=r"landweber: needs the library deepinv: pip install"
    ) as raised:
        restore(Sampler(), operator.forward(x), operator)
    assert str(raised.value).endswith("(import of deepinv.physics halted; None in sys.modules)")


class TestWithTheLibrary:
    @pytest.fixture(autouse=True)
    def library(self):
        pytest.importorskip("deepinv", reason="the library deepinv is not installed")

    @pytest.mark.slow
    def test_a_reconstructor_sees_images_between_0_and_1(self, operator, x):
        restored = restore(Sampler(), operator.forward(x), operator)
        torch.testing.assert_close(restored, x, atol=1e-3, rtol=0)
        assert Sampler().network_evaluations == 7

    @pytest.mark.slow
    def test_randomness_belongs_to_the_image(self, operator, x):
        class Jittered(Sampler):
            model = Landweber(jitter=0.1)

        y = operator.forward(x)
        before = torch.random.get_rng_state()
        both = restore(Jittered(), y, operator)
        assert torch.equal(torch.random.get_rng_state(), before)
        alone = restore(Jittered(), y[1:], operator.select([1]), ids=("b",))
        torch.testing.assert_close(alone, both[1:], atol=1e-5, rtol=0)
        assert float((restore(Jittered(), y, operator, seed=1) - both).abs().max()) > 0.01

    def test_physics_is_the_operator(self, operator, x):
        from ddpg.samplers.deepinv_adapter import _physics_class

        part, z = operator.select([0]), x[:1]
        physics = _physics_class("landweber")(part, 0.05)
        y = part.forward(z.flip(-1))
        assert float(physics.adjointness_test(z).abs()) < 1e-3
        torch.testing.assert_close(part.forward(physics.A_dagger(y)), y, atol=1e-5, rtol=0)
        # The proximal point is where the gradient of its objective vanishes.
        found = physics.prox_l2(z, y, 3.0)
        gradient = 3.0 * part.adjoint(part.forward(found) - y) + found - z
        assert float(gradient.abs().max()) < 1e-5
        assert float(physics.noise_model.sigma) == pytest.approx(0.05)

    @pytest.mark.slow
    def test_one_of_the_library_s_own(self, operator, x):
        from deepinv.optim import PGD
        from deepinv.optim.data_fidelity import L2
        from deepinv.optim.prior import Tikhonov

        class Ridge(Sampler):
            def reconstructor(self, device):  # noqa: ARG002
                return PGD(
                    data_fidelity=L2(), prior=Tikhonov(), lambda_reg=0.1, max_iter=200, stepsize=0.9
                )

        y = operator.forward(x)
        restored = restore(Ridge(), y, operator)
        ones = torch.ones_like(x)
        expected = 2 * operator.pinv((y + operator.forward(ones)) / 2, 0.1) - 1
        torch.testing.assert_close(restored, expected, atol=1e-3, rtol=0)

    def test_another_shape_is_refused(self, operator, x):
        class Cropping(Sampler):
            model = nn.Module()

            def reconstructor(self, device):  # noqa: ARG002
                self.model.forward = lambda y, _: y[..., 1:]
                return self.model

        with pytest.raises(
            UserError, match=r"must return shape \(1, 3, 8, 12\), got \(1, 3, 8, 11"
        ):
            restore(Cropping(), operator.forward(x), operator)
