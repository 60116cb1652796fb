"""Conjugate gradients on batches: images stop by themselves, and none depends on another."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from ddpg.noise import SeededNoise
from ddpg.operators import Masked, build_operator
from ddpg.operators.conjugate_gradients import solve
from ddpg.operators.kernels import motion_kernel
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler

SIZES = (7, 12)


def systems(count):
    """Positive definite matrices, each worse than the one before, and right-hand sides."""
    random = np.random.default_rng(0)
    dimension = int(np.prod(SIZES))
    bases = [np.linalg.qr(random.standard_normal((dimension, dimension)))[0] for _ in range(count)]
    spectra = [np.linspace(1, 10.0 ** (i + 1), dimension) for i in range(count)]
    matrices = [(q * s) @ q.T for q, s in zip(bases, spectra, strict=True)]
    r = torch.tensor(random.standard_normal((count, 1, *SIZES)))
    return torch.tensor(np.stack(matrices)), r


def applied(matrices):
    return lambda u: (matrices @ u.flatten(1)[..., None]).reshape(u.shape)


def test_solutions_are_those_of_the_dense_matrices():
    matrices, r = systems(3)
    found = solve(applied(matrices), lambda v: v, r, tolerance=1e-10, limit=1000)
    expected = torch.linalg.solve(matrices, r.flatten(1)[..., None]).reshape(r.shape)
    torch.testing.assert_close(found.u, expected, atol=1e-8, rtol=0)
    assert bool(found.converged.all())
    taken = found.iterations.tolist()
    assert 0 < taken[0] < taken[1] < taken[2]


def test_an_image_stops_by_itself_and_its_neighbours_do_not_matter():
    matrices, r = systems(3)
    together = solve(applied(matrices), lambda v: v, r, tolerance=1e-6, limit=1000)
    for i in range(3):
        alone = solve(
            applied(matrices[i : i + 1]), lambda v: v, r[i : i + 1], tolerance=1e-6, limit=1000
        )
        assert int(alone.iterations) == int(together.iterations[i])
        torch.testing.assert_close(alone.u[0], together.u[i], atol=1e-12, rtol=0)


def test_what_has_converged_does_not_change_in_a_bit():
    matrices, r = systems(2)
    few = solve(applied(matrices), lambda v: v, r, tolerance=1e-3, limit=1000)
    first = int(few.iterations[0])
    stopped = solve(applied(matrices), lambda v: v, r, tolerance=1e-3, limit=first)
    assert torch.equal(stopped.u[0], few.u[0])
    assert stopped.converged.tolist() == [True, False]


def test_zeros_take_no_iteration_and_nan_stays_with_its_image():
    matrices, r = systems(3)
    r[0] = 0
    r[1] = torch.nan
    found = solve(applied(matrices), lambda v: v, r, tolerance=1e-6, limit=1000)
    assert found.u[0].abs().max() == 0
    assert found.iterations.tolist()[0] == 0
    alone = solve(applied(matrices[2:]), lambda v: v, r[2:], tolerance=1e-6, limit=1000)
    torch.testing.assert_close(found.u[2:], alone.u, atol=1e-12, rtol=0)


def test_a_start_saves_iterations_and_a_bad_one_costs_none():
    matrices, r = systems(2)
    cold = solve(applied(matrices), lambda v: v, r, tolerance=1e-6, limit=1000)
    warm = solve(
        applied(matrices), lambda v: v, 1.001 * r, start=cold.u, tolerance=1e-6, limit=1000
    )
    bad = solve(applied(matrices), lambda v: v, r, start=1e6 * r, tolerance=1e-6, limit=1000)
    assert bool((warm.iterations < cold.iterations).all())
    assert torch.equal(bad.u, cold.u)


def test_limits_belong_to_images():
    matrices, r = systems(3)
    limits = torch.tensor([2, 5, 3])
    found = solve(applied(matrices), lambda v: v, r, tolerance=1e-9, limit=5, limits=limits)
    assert found.iterations.tolist() == [2, 5, 3]
    assert not bool(found.converged.any())


@pytest.mark.slow
@pytest.mark.parametrize("border", ["cropped", "reflect"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_restoration_is_the_same_to_the_last_bit_alone_and_in_a_batch(border, masked):
    """Odd sides, a kernel of its own for each picture, on a CPU."""
    kernels = torch.stack([motion_kernel(9, 0.5, seed=seed) for seed in range(3)])
    operator = build_operator("blur", (31, 37), kernel=kernels, border=border)
    generator = torch.Generator().manual_seed(0)
    if masked:
        size = (3, *operator.observation_shape[1:])
        operator = Masked(operator, (torch.rand(size, generator=generator) > 0.2).float())
    y = operator.forward(torch.rand(3, 3, 31, 37, generator=generator))
    y = y + 0.05 * torch.randn(y.shape, generator=generator)

    def restored(images):
        part = operator.select(images)
        sampler = build_sampler("ddpg", steps=5)
        noise = SeededNoise(0, [f"picture {i}" for i in images])
        return sampler.restore(
            y[images], part, GaussianPrior(0.1, 0.16), sigma_y=0.025, noise=noise
        )

    together = restored([0, 1, 2])
    for order in ([1], [2, 0]):
        assert torch.equal(restored(order), together[order])


def test_what_reaches_the_limit_is_named_once_after_the_restoration(monkeypatch, caplog):
    monkeypatch.setattr("ddpg.operators.base.MOST_ITERATIONS", 2)
    kernel = motion_kernel(9, 0.5, seed=1)
    operator = build_operator("blur", (24, 24), kernel=kernel, border="reflect")
    y = operator.forward(torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0)))
    y[0] = 0
    noise = SeededNoise(0, ["black", "room 4"])
    for method in ("idpg", "pigdm"):
        caplog.clear()
        sampler = build_sampler(method, steps=3)
        sampler.restore(y, operator, GaussianPrior(0.1, 0.16), sigma_y=0.01, noise=noise)
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "conjugate gradients reached their limit" in record.message
        assert "room 4" in record.message
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        operator.pinv(y, 1e-3)
    assert "images 1 of the batch" in caplog.text


def test_tolerances_are_checked_and_kept():
    operator = build_operator("blur", (12, 12), kernel=torch.ones(3, 3) / 9)
    assert operator.with_tolerance(1e-3).to(torch.float64).select([0]).tolerance == 1e-3
    assert operator.tolerance == 1e-5
    for wrong in (0, 1, -1, float("nan")):
        with pytest.raises(ValueError, match="tolerance must lie between 0 and 1"):
            operator.with_tolerance(wrong)
