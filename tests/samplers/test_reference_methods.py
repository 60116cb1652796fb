"""The methods of today against the code of their authors, on whole runs in double precision.

A choice of cases, with the first image of each batch, comes with the code; all of them run where
the folder of references is named by an environment variable.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ddpg.noise import RecordedNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler
from ddpg.samplers.catalogue import METHODS

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "reference_methods.json").read_text(encoding="utf-8"))
NAMES = {"daps", "reddiff", "pnpdm", "dpir", "mpgd", "dmps", "sitcom", "mmps", "flower", "cm4ir"}
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
ROUNDED = 1e-5
"""PnP-DM's code rounds denoised images to float32."""


class Calls(GaussianPrior):
    """Notes the times at which it is asked, and how many images at a time."""

    def __init__(self):
        super().__init__(0.1, 0.16)
        self.times, self.images = [], []

    def eps(self, x_t, t):
        self.times.append(t)
        self.images.append(len(x_t))
        return super().eps(x_t, t)


@pytest.fixture(scope="module")
def arrays():
    return dict(np.load(DATA / "reference_methods.npz"))


def settings(case):
    """The hyper-parameters among what describes a case; the rest is derived, or a constant."""
    names = {parameter.name for parameter in METHODS[case["method"]].parameters}
    return {name: value for name, value in case["hyper"].items() if name in names}


def own_grid(case):
    """The settings with which a method finds the case's times by itself."""
    hyper = case["hyper"]
    return {"steps": hyper.get("N") or hyper.get("levels") or hyper.get("steps") or count(case)}


def count(case):
    return len(case["times"])


def restored(case, y, x_T, noise, kernel, dtype, **grid):
    """The restoration, what the network was asked, and the steps."""
    # The arrays were made with taps in double precision, whose sum is 1.
    kernel = kernel.double() / kernel.double().sum()
    operator = build_operator(
        case["task"],
        64,
        backend=case["operator"],
        scale=case["scale"] or 4,
        kernel=kernel if case["task"] == "motion_deblur" else None,
        dtype=dtype,
    )
    prior, steps = Calls(), []
    x = build_sampler(case["method"], **(settings(case) | grid)).restore(
        y.to(dtype),
        operator,
        prior,
        sigma_y=case["sigma_y"],
        noise=RecordedNoise(x_T.to(dtype), noise.to(dtype)),
        callback=lambda state: steps.append(state.step.t),
    )
    return x.double(), prior, steps


def expected_calls(case):
    """The times at which the network is called, one after the other."""
    if "calls" in case:
        return case["calls"]
    return [t for times in case.get("inner_times", [case["times"]]) for t in times]


def check(case, expected, given, dtype, **grid):
    x, prior, steps = restored(case, *given, dtype, **grid)
    wrong = (x - expected).abs()
    loose = dtype == torch.float32 and case["method"] in ("reddiff", "sitcom")
    if loose:
        # Adam's first moves are signs of gradients, some of which are rounding.
        assert float(wrong.mean()) < 1e-4
        assert float((wrong > 1e-3).double().mean()) < 0.01
        return
    bound = ROUNDED if case["method"] == "pnpdm" and dtype == torch.float64 else TOLERANCE[dtype]
    assert float(wrong.max()) < bound
    if case["method"] == "cm4ir":
        return
    if case["method"] != "sitcom":
        assert prior.times == expected_calls(case)
        return
    assert list(dict.fromkeys(prior.times)) == steps == case["times"]
    calls = zip(prior.times, prior.images, strict=True)
    of_time = dict.fromkeys(case["times"], 0)
    for t, images in calls:
        of_time[t] += images
    assert list(of_time.values()) == np.sum(case["evaluations"], axis=0).tolist()


def check_grids(case, expected, given, dtype):
    """With the case's times, and with those that the method finds by itself."""
    check(case, expected, given, dtype, **({"times": case["times"]} if case["times"] else {}))
    # What does not divide the training steps is spread evenly, unlike there.
    if dtype == torch.float64 and case["times"] and 1000 % count(case) == 0:
        check(case, expected, given, dtype, **own_grid(case))


def tensors(case, source, prefix=""):
    """What a case is given; noise is stored in quarters."""

    def read(name):
        array = torch.tensor(source[name])
        return array / 4 if array.dtype == torch.int8 else array

    names = (prefix + case["y"], prefix + "x_T", prefix + "noise", "motion_kernel")
    return [read(name) for name in names]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['method']}-{case['case']}")
def test_reference_run(case, dtype, arrays):
    prefix = f"{case['method']}."
    given, expected = tensors(case, arrays, prefix), torch.tensor(arrays[prefix + case["case"]])
    check_grids(case, expected, given, dtype)


@pytest.mark.parametrize("case", [c for c in CASES if c["method"] == "pnpdm"])
def test_the_mean_of_the_last_draws(case, arrays):
    case = case | {"hyper": case["hyper"] | {"estimate": "mean"}}
    expected = torch.tensor(arrays[f"pnpdm.{case['case']}_mean"])
    check(case, expected, tensors(case, arrays, "pnpdm."), torch.float64, times=case["times"])


def test_every_method_with_arrays_is_here():
    assert {case["method"] for case in CASES} == NAMES
    forms = {case["hyper"].get("form") for case in CASES}
    assert forms > {"official", "inversebench", "noisy", "noiseless", "mmps", "tmpd", "jfps"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES))
def test_all_reference_runs(name, reference_folder):
    folder = reference_folder / "reference" / "baselines2"
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    assert len(cases) == 56
    arrays = np.load(folder / f"{name}.npz")
    for case in cases:
        if case["method"] == name:
            given, expected = tensors(case, arrays), torch.tensor(arrays[case["case"]])
            for dtype in (torch.float64, torch.float32):
                check_grids(case, expected, given, dtype)
