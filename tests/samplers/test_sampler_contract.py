"""What every method of the registry must do; a new one is enrolled by itself."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import ConsistencyPrior, GaussianPrior, Prior
from ddpg.samplers import SAMPLERS, build_sampler
from ddpg.samplers.base import DiffusionSampler
from ddpg.samplers.catalogue import METHODS

STEPS = 5
DIFFUSION = [name for name, sampler in SAMPLERS.items() if issubclass(sampler, DiffusionSampler)]
IDS = ("a", "b", "c")


class CountingPrior(GaussianPrior):
    """Counts its calls, and answers NaN at one time index."""

    def __init__(self, broken_at=None, size_multiple=1):
        super().__init__(0.1, 0.16)
        self.times, self.broken_at, self._multiple = [], broken_at, size_multiple

    @property
    def size_multiple(self):
        return self._multiple

    def eps(self, x_t, t):
        self.times.append(t)
        answer = super().eps(x_t, t)
        return answer * torch.nan if t == self.broken_at else answer

    def consistency(self, x, sigma):
        t = self.schedule.time_of_level(sigma / (1 - sigma**2) ** 0.5)
        self.times.append(t)
        answer = super().consistency(x, sigma)
        return answer * torch.nan if t == self.broken_at else answer


@pytest.fixture
def operator():
    return build_operator("sr_bicubic", (8, 12), scale=2)


@pytest.fixture
def y(operator):
    generator = torch.Generator().manual_seed(1)
    return operator.forward(torch.randn((3, *operator.image_shape), generator=generator))


SHORT = {"daps": {"mcmc_steps": 5}, "pnpdm": {"iterations": 8}, "sitcom": {"inner_steps": 4}}
"""Less work inside each step than by default."""

NESTED = tuple(SHORT)
"""Methods that call the network several times in a step."""


def make(name, **settings):
    steps = {"steps": STEPS} if name in DIFFUSION else {}
    return build_sampler(name, **steps, **SHORT.get(name, {}), **settings)


def restore(name, y, operator, *, ids=IDS, seed=0, sigma_y=0.05, prior=None, callback=None):
    return make(name).restore(
        y,
        operator,
        prior or GaussianPrior(0.1, 0.16),
        sigma_y=sigma_y,
        noise=SeededNoise(seed, ids, dataset="faces"),
        callback=callback,
    )


def steps_of(name, y, operator):
    """The steps that :func:`restore` takes."""
    seen = []
    restore(name, y, operator, callback=lambda state: seen.append(state.step))
    return seen


def test_registries_agree():
    assert list(SAMPLERS) == list(METHODS)
    for name, method in METHODS.items():
        assert SAMPLERS[name].name == method.name == name
        assert build_sampler(name).network_evaluations == method.evaluations
        assert method.title
        assert method.description
        assert method.reference


def test_an_alias_is_the_method():
    assert type(build_sampler("ddnm+", steps=3)) is SAMPLERS["ddnm_plus"]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("sigma_y", [0, 0.05])
def test_a_picture_does_not_depend_on_its_batch(name, sigma_y, operator, y):
    together = restore(name, y, operator, sigma_y=sigma_y)
    order = [2, 0, 1]
    shuffled = restore(name, y[order], operator, ids=[IDS[i] for i in order], sigma_y=sigma_y)
    torch.testing.assert_close(shuffled, together[order], atol=1e-5, rtol=0)
    alone = restore(name, y[1:2], operator, ids=IDS[1:2], sigma_y=sigma_y)
    torch.testing.assert_close(alone, together[1:2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", DIFFUSION)
def test_seeds_decide(name, operator, y):
    # Late times: over a long walk IDPG forgets where it started.
    sampler = build_sampler(name, times=[150, 60])

    def restored(seed):
        noise = SeededNoise(seed, IDS)
        return sampler.restore(y, operator, GaussianPrior(0.1, 0.16), sigma_y=0.05, noise=noise)

    assert torch.equal(restored(0), restored(0))
    for seed in (1, -1, 2**40):
        moved = float((restored(seed) - restored(0)).abs().max())
        assert moved > 0.01 if SAMPLERS[name].draws else moved == 0


class ReadCounter(TorchDispatchMode):
    """Counts values that are read back from a tensor, which makes a device wait."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.overloadpacket.__name__ in ("_local_scalar_dense", "is_nonzero")
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", DIFFUSION)
def test_no_value_is_read_inside_a_step(name, operator, y):
    """Counting begins with the network's answer and ends with the callback of that step."""
    counter = ReadCounter()
    counting, steps = [], []

    def stop():
        if counting:
            counter.__exit__(None, None, None)
            counting.clear()

    def start(answer):
        counter.__enter__()
        counting.append(True)
        return answer

    class Watched(GaussianPrior):
        def eps(self, x_t, t):
            stop()
            return start(super().eps(x_t, t))

        def consistency(self, x, sigma):
            stop()
            return start(super().consistency(x, sigma))

    def leave(state):
        stop()
        steps.append(state)

    restore(name, y, operator, prior=Watched(0.1, 0.16), callback=leave)
    assert sum(state.evaluations[0] for state in steps) == make(name).network_evaluations
    assert counter.count == 0
    with counter:
        float(y.max())
    assert counter.count == 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_precision_is_that_of_y(name, operator, y):
    double = restore(name, y.double(), operator.to(torch.float64))
    assert double.dtype == torch.float64
    single = restore(name, y, operator)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_callback_sees_every_step_and_evaluations_are_counted(name, operator, y):
    prior, seen = CountingPrior(), []
    restored = restore(name, y, operator, prior=prior, callback=seen.append, sigma_y=0)
    assert [state.step.index for state in seen] == list(range(len(seen)))
    made = [state.evaluations for state in seen]
    assert len(prior.times) == sum(one for one, _, _ in made) == make(name).network_evaluations
    assert all(len(set(calls)) == 1 for calls in made)
    calls = iter(prior.times)
    for state in seen:
        assert list(islice(calls, state.evaluations[0]))[:1] == [state.step.t]
    if seen:
        # DiffPIR ends at the last time of its grid, the others at the clean image.
        assert seen[-1].step.s == (0 if name == "diffpir" else -1)
        assert torch.equal(seen[-1].x, restored)


@pytest.mark.parametrize("name", DIFFUSION)
def test_nan_from_the_network_names_method_and_step(name, operator, y):
    steps = steps_of(name, y, operator)
    t = steps[2].t
    # The first chains of PnP-DM begin at one time.
    number = next(step.index for step in steps if step.t == t)
    expected = rf"{name}: .* step {number} .* time index {t}"
    with pytest.raises(FloatingPointError, match=expected):
        restore(name, y, operator, prior=CountingPrior(broken_at=t))


@pytest.mark.parametrize("name", DIFFUSION)
def test_explicit_times(name, operator, y):
    prior, seen = CountingPrior(), []
    sampler = build_sampler(name, times=[900, 400, 30], **SHORT.get(name, {}))
    noise = SeededNoise(0, IDS)
    sampler.restore(y, operator, prior, sigma_y=0.05, noise=noise, callback=seen.append)
    assert sampler.times(prior.schedule) == [900, 400, 30]
    # The last time of DiffPIR's grid is the end, where the network is not asked any more.
    visited = [900, 400, 30][: 2 if name == "diffpir" else 3]
    if name in NESTED:
        assert set(prior.times) >= set(visited[1:])
    else:
        assert prior.times == visited
    assert sampler.network_evaluations == len(prior.times)
    assert len(prior.times) == sum(state.evaluations[0] for state in seen)
    for times in ([], [3, 3], [1, 2], [5, -1], [5.0, 1.0], [True, False]):
        with pytest.raises(ValueError, match="strictly falling"):
            build_sampler(name, times=times)
    with pytest.raises(ValueError, match=r"times must lie in \[0, 999\]"):
        build_sampler(name, times=[1000, 0]).restore(
            y, operator, prior, sigma_y=0, noise=SeededNoise(0, IDS)
        )


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("sigma_y", [-0.1, float("nan"), float("inf"), None, True])
def test_impossible_noise_levels(name, sigma_y, operator, y):
    with pytest.raises(ValueError, match="sigma_y must be"):
        restore(name, y, operator, sigma_y=sigma_y)


@pytest.mark.parametrize("name", SAMPLERS)
def test_observations_that_do_not_fit(name, operator, y):
    with pytest.raises(ValueError, match=r"\(3, 4, 6\) .* got shape \(3, 3, 4, 4\)"):
        restore(name, y[..., :4], operator)
    with pytest.raises(ValueError, match=r"got shape \(3, 4, 6\)"):
        restore(name, y[0], operator)
    with pytest.raises(ValueError, match=r"float64, but the operator takes torch.float32"):
        restore(name, y.double(), operator)
    with pytest.raises(ValueError, match="y must be finite"):
        restore(name, y * torch.nan, operator)
    kernels = torch.full((2, 3, 3), 1 / 9)
    blur = build_operator("motion_deblur", (4, 6), kernel=kernels)
    with pytest.raises(ValueError, match="masks for 2 images, but y holds 3"):
        restore(name, y, blur)


@pytest.mark.parametrize("name", DIFFUSION)
def test_priors_that_do_not_fit(name, operator, y):
    with pytest.raises(ValueError, match="multiples of 8, the operator's are 8 x 12"):
        restore(name, y, operator, prior=CountingPrior(size_multiple=8))
    with pytest.raises(ValueError, match=f"{name} needs a prior"):
        make(name).restore(y, operator, None, sigma_y=0, noise=SeededNoise(0, IDS))
    if not SAMPLERS[name].draws:
        unseeded = make(name).restore(y, operator, GaussianPrior(0, 1), sigma_y=0, noise=None)
        assert bool(torch.isfinite(unseeded).all())
        return
    with pytest.raises(ValueError, match="noise must not be None"):
        make(name).restore(y, operator, GaussianPrior(0, 1), sigma_y=0, noise=None)
    with pytest.raises(ValueError, match="noise for 2 images"):
        restore(name, y, operator, ids=IDS[:2])


def test_building_refuses_what_is_unknown():
    with pytest.raises(ValueError, match="unknown method 'dpgd'; known methods: ddpg"):
        build_sampler("dpgd")
    with pytest.raises(ValueError, match="ddpg has no hyper-parameter 'zetta'"):
        build_sampler("ddpg", zetta=1)
    with pytest.raises(ValueError, match=r"zeta must lie in \[0, 1\], got 2"):
        build_sampler("ddpg", zeta=2)
    with pytest.raises(ValueError, match=r"steps must lie in \[1, 1000\], got 0"):
        build_sampler("ddpg", steps=0)
    with pytest.raises(ValueError, match="neither steps nor times"):
        build_sampler("pinv", steps=7)
    assert build_sampler("pinv", steps=100).network_evaluations == 0


def test_zeta_has_no_effect_on_idpg(operator, y):
    results = [
        build_sampler("idpg", steps=STEPS, zeta=zeta).restore(
            y, operator, GaussianPrior(0, 1), sigma_y=0.1, noise=SeededNoise(0, IDS)
        )
        for zeta in (0, 1)
    ]
    assert torch.equal(*results)


def test_priors_are_priors():
    assert issubclass(GaussianPrior, Prior)


def test_methods_refuse_a_prior_that_predicts_something_else(operator, y):
    class Noise(Prior):
        schedule, device, dtype = GaussianPrior(0, 1).schedule, "cpu", torch.float32

        def eps(self, x_t, t):
            return x_t * t

    class Jump(ConsistencyPrior):
        device, dtype = "cpu", torch.float32

        def consistency(self, x, sigma):
            return x / (1 + sigma)

    with pytest.raises(ValueError, match="cm4ir needs a prior that is a consistency model, got No"):
        restore("cm4ir", y, operator, prior=Noise())
    with pytest.raises(ValueError, match="ddrm needs a prior that predicts noise, got Jump"):
        restore("ddrm", y, operator, prior=Jump())
    assert bool(torch.isfinite(restore("cm4ir", y, operator, prior=Jump())).all())
