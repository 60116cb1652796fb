"""Time grids, and how often each method calls the network."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

SCHEDULE = Schedule.linear()


class Counting(GaussianPrior):
    def __init__(self):
        super().__init__(0.1, 0.16)
        self.images = []

    def eps(self, x_t, t):
        self.images.append(len(x_t))
        return super().eps(x_t, t)

    def consistency(self, x, sigma):
        self.images.append(len(x))
        return super().consistency(x, sigma)


@pytest.mark.parametrize(
    ("name", "settings", "evaluations"),
    [
        ("ddrm", {"steps": 7}, 7),
        ("ddrm", {"steps": 600}, 600),
        ("ddnm", {"steps": 7}, 7),
        ("ddnm", {"steps": 10, "travel_length": 2, "travel_repeat": 2}, 18),
        ("ddnm", {"steps": 10, "travel_length": 2, "travel_repeat": 3}, 26),
        ("ddnm", {"steps": 4, "travel_length": 4, "travel_repeat": 9}, 4),
        ("ddnm", {"times": [900, 500, 700, 500, 10]}, 4),
        ("diffpir", {"steps": 10}, 9),
        ("diffpir", {"steps": 10, "grid": "uniform"}, 10),
        ("dps", {"steps": 1}, 1),
        ("dps", {"steps": 20, "gradient_batch": 3}, 20),
        ("pigdm", {"steps": 7}, 7),
        ("pigdm", {"steps": 7, "form": "reddiff"}, 7),
        ("daps", {"steps": 4, "mcmc_steps": 2}, 20),
        ("daps", {"steps": 3, "ode_steps": 7, "mcmc_steps": 1, "form": "inversebench"}, 21),
        ("daps", {"steps": 2, "ode_steps": 1, "mcmc_steps": 1, "form": "inversebench"}, 2),
        ("pnpdm", {"steps": 7, "iterations": 10, "rho_decay": 0.7}, 31),
        ("reddiff", {"steps": 7}, 7),
        ("dpir", {}, 8),
        ("mpgd", {"steps": 7}, 7),
        ("dmps", {"steps": 7}, 7),
        ("mmps", {"steps": 7, "iterations": 3}, 7),
        ("mmps", {"steps": 7, "form": "tmpd"}, 7),
        ("mmps", {"steps": 7, "form": "jfps"}, 7),
        ("sitcom", {"steps": 4, "inner_steps": 3, "form": "noiseless"}, 12),
        ("flower", {"steps": 7}, 7),
        ("flower", {"steps": 8, "grid": "uniform"}, 8),
        ("cm4ir", {"steps": 3}, 3),
        ("cm4ir", {"times": [500, 20]}, 2),
    ],
)
def test_evaluations_are_counted_exactly(name, settings, evaluations):
    operator = build_operator("denoising", (4, 6))
    sampler = build_sampler(name, **settings)
    prior = Counting()
    noise = SeededNoise(0, ["a", "b", "c"])
    sampler.restore(torch.zeros(3, 3, 4, 6), operator, prior, sigma_y=0.1, noise=noise)
    assert sampler.network_evaluations == evaluations
    assert sum(prior.images) == 3 * evaluations


def test_sitcom_stops_image_by_image():
    """An image that fits y costs no more evaluations; what is counted is what is called."""
    operator = build_operator("denoising", (4, 6))
    generator = torch.Generator().manual_seed(0)
    y = 0.4 * torch.randn((3, 3, 4, 6), generator=generator)
    y[1] *= 0.01
    prior, seen = Counting(), []
    sampler = build_sampler("sitcom", steps=8, inner_steps=9, lr=0.3, gradient_batch=2)
    noise = SeededNoise(0, ["a", "b", "c"])
    sampler.restore(y, operator, prior, sigma_y=0.15, noise=noise, callback=seen.append)
    counted = torch.tensor([state.evaluations for state in seen])
    assert int(counted.sum()) == sum(prior.images) < 3 * sampler.network_evaluations
    assert len(set(counted.sum(0).tolist())) > 1
    assert sampler.network_evaluations == 72
    alone = []
    sampler.restore(
        y[2:],
        operator,
        prior,
        sigma_y=0.15,
        noise=SeededNoise(0, ["c"]),
        callback=alone.append,
    )
    assert [state.evaluations for state in alone] == [(calls[2],) for calls in counted.tolist()]


def test_dpir_merges_levels_of_one_time():
    operator = build_operator("denoising", (4, 6))
    prior = Counting()
    sampler = build_sampler("dpir", steps=20)
    sampler.restore(torch.zeros(1, 3, 4, 6), operator, prior, sigma_y=0, noise=None)
    assert len(prior.images) < sampler.network_evaluations == 20


def test_grids():
    assert build_sampler("ddrm", steps=8).times(SCHEDULE) == list(range(875, -1, -125))
    assert build_sampler("dps", steps=4).times(SCHEDULE) == [999, 666, 333, 0]
    assert build_sampler("dps").times(SCHEDULE) == list(range(999, -1, -1))
    assert build_sampler("daps", steps=6).times(SCHEDULE) == [953, 869, 764, 624, 420, 161]
    assert build_sampler("pnpdm", steps=7).times(SCHEDULE) == [930, 829, 695, 501, 217, 34, 0]
    assert build_sampler("flower", steps=8).times(SCHEDULE) == [
        999,
        620,
        475,
        359,
        258,
        170,
        97,
        40,
    ]
    assert build_sampler("mpgd", steps=4).times(SCHEDULE) == [750, 500, 250, 0]
    assert build_sampler("dmps", steps=4).times(SCHEDULE) == [999, 666, 333, 0]
    assert build_sampler("diffpir", steps=3).times(SCHEDULE) == [999, 292, 0]
    assert build_sampler("diffpir", steps=4, grid="uniform").times(SCHEDULE) == [
        999,
        749,
        499,
        249,
        0,
    ]


@pytest.mark.parametrize("steps", [400, 999, 1000])
@pytest.mark.parametrize("grid", ["quad", "uniform"])
def test_fine_grids_of_diffpir_fall(grid, steps):
    times = build_sampler("diffpir", steps=steps, grid=grid).times(SCHEDULE)
    assert times[0] == 999
    assert times[-1] == 0
    assert all(t > s for t, s in pairwise(times))


@pytest.mark.parametrize(
    "name",
    [
        *("ddrm", "ddnm", "ddnm_plus", "dps", "pigdm", "ddpg", "diffpir"),
        *("daps", "pnpdm", "mpgd", "dmps", "mmps", "flower", "reddiff", "sitcom"),
    ],
)
def test_more_steps_than_the_prior_was_trained_for(name):
    short = GaussianPrior(0, 1, schedule=Schedule.linear(steps=50))
    with pytest.raises(ValueError, match=r"steps must .* \[1, 50\]"):
        build_sampler(name, steps=60).times(short.schedule)


def test_time_travel_needs_an_estimate_first():
    for times in ([500, 600], [500, 500]):
        with pytest.raises(ValueError, match="strictly falling but for time travel"):
            build_sampler("ddnm", times=times)
    with pytest.raises(ValueError, match="strictly falling, got"):
        build_sampler("ddrm", times=[500, 300, 400])
    with pytest.raises(ValueError, match="at least 2 of them"):
        build_sampler("diffpir", times=[500])


def test_time_travel_restarts_from_the_last_estimate():
    """Of a stretch upwards only the last noise counts: z of the move that ends it."""
    operator = build_operator("denoising", (4, 6), dtype=torch.float64)
    y = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    seen = []
    noise = SeededNoise(3, ["a"])
    build_sampler("ddnm", times=[900, 500, 600, 700, 10]).restore(
        y, operator, GaussianPrior(0.1, 0.16), sigma_y=0, noise=noise, callback=seen.append
    )
    assert [(state.step.t, state.step.s) for state in seen] == [(900, 700), (700, 10), (10, -1)]
    abar = SCHEDULE.abar(700)
    z = noise.step(2, (1, 3, 4, 6)).double()
    torch.testing.assert_close(seen[0].x, abar**0.5 * seen[0].x0 + (1 - abar) ** 0.5 * z)


WALKERS = {
    "ddpg": {},
    "idpg": {},
    "idbp": {},
    "ddrm": {},
    "ddnm": {},
    "ddnm_plus": {},
    "dps": {},
    "pigdm": {},
    "pigdm-reddiff": {"form": "reddiff"},
    "mpgd": {},
    "dmps": {},
    "mmps": {},
    "reddiff": {},
    "sitcom": {},
    "flower-uniform": {"grid": "uniform"},
    "diffpir-quad": {},
    "diffpir-uniform": {"grid": "uniform"},
}


def own_times(walker, steps, schedule=SCHEDULE):
    return build_sampler(walker.split("-")[0], steps=steps, **WALKERS[walker]).times(schedule)


@pytest.mark.parametrize("steps", [3, 7, 15, 64, 333, 501, 502, 600, 750, 999])
@pytest.mark.parametrize("walker", WALKERS)
def test_any_number_of_steps_spreads_over_the_whole_diffusion(walker, steps):
    times = own_times(walker, steps)
    assert len(times) == steps + (walker == "diffpir-uniform")
    assert (times[0], times[-1]) == (999, 0)
    falls = [t - s for t, s in pairwise(times)]
    assert min(falls) >= 1
    if walker != "diffpir-quad":
        assert max(falls) - min(falls) <= 1


@pytest.mark.parametrize(
    "steps", [1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000]
)
def test_published_numbers_of_steps_keep_the_published_times(steps):
    skip = 1000 // steps
    for walker in ("ddpg", "idpg", "idbp", "ddrm", "ddnm", "ddnm_plus", "pigdm", "pigdm-reddiff"):
        assert own_times(walker, steps) == list(range(0, 1000, skip))[::-1]
    if steps > 1:
        uniform = dict.fromkeys([*(999 - i * skip for i in range(steps)), 0])
        assert own_times("diffpir-uniform", steps) == list(uniform)


@pytest.mark.parametrize("length", [20, 50, 97])
@pytest.mark.parametrize("walker", WALKERS)
def test_grids_of_other_schedules(walker, length):
    schedule = Schedule.linear(steps=length)
    for steps in range(2, length + 1):
        times = own_times(walker, steps, schedule)
        whole = walker == "diffpir-uniform" and steps == length
        assert len(times) == steps + (walker == "diffpir-uniform") - whole
        assert times[0] < length
        assert times[-1] == 0
        assert all(t > s for t, s in pairwise(times))
    with pytest.raises(ValueError, match=rf"steps must .* \[1, {length}\], got {length + 1}"):
        own_times(walker, length + 1, schedule)
