"""The other methods against the implementations of their authors, on whole runs.

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
CASES = json.loads((DATA / "reference_baselines.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-4
NOISELESS_SVD_DEBLURRING = 2e-4


@pytest.fixture(scope="module")
def arrays():
    return {
        name: torch.tensor(array)
        for name, array in np.load(DATA / "reference_baselines.npz").items()
    }


def name_of(case):
    return f"{case['method']}-{case['case']}"


def settings(case):
    """The hyper-parameters among what describes a case; the rest is derived, or is the default."""
    names = {parameter.name for parameter in METHODS[case["method"]].parameters}
    if case["method"] == "diffpir":
        assert case["hyper"]["eta"] == 0
    return {name: value for name, value in case["hyper"].items() if name in names}


def own_grid(case):
    """The settings with which a method finds the case's times by itself."""
    grid = {"steps": case["hyper"].get("N", 10)}
    if case["method"] == "diffpir" and len(case["times"]) > grid["steps"]:
        grid["grid"] = "uniform"
    return grid


def check(case, y, expected, x_T, noise, motion_kernel):
    kernel = motion_kernel if case["task"] == "motion_deblur" else None
    operator = build_operator(
        case["task"], 64, backend=case["operator"], scale=case["scale"] or 4, kernel=kernel
    )
    prior = GaussianPrior(0.1, 0.16)
    tolerance = TOLERANCE
    if (case["task"], case["operator"], case["sigma_y"]) == ("deblur_gauss", "svd", 0):
        tolerance = NOISELESS_SVD_DEBLURRING
    for grid in ({"times": case["times"]}, own_grid(case)):
        sampler = build_sampler(case["method"], **grid, **settings(case))
        assert sampler.times(prior.schedule) == case["times"]
        restored = sampler.restore(
            y, operator, prior, sigma_y=case["sigma_y"], noise=RecordedNoise(x_T, noise)
        )
        torch.testing.assert_close(restored, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_reference_run(case, arrays):
    expected = arrays[f"{case['method']}.{case['case']}"]
    check(
        case, arrays[case["y"]], expected, *(arrays[k] for k in ("x_T", "noise", "motion_kernel"))
    )


def test_every_method_with_arrays_is_here():
    methods = {case["method"] for case in CASES}
    assert methods == {"ddrm", "ddnm", "ddnm_plus", "diffpir", "dps", "pigdm"}
    assert {case["hyper"].get("form") for case in CASES} > {"inversebench_noisy", "reddiff"}


@pytest.mark.slow
def test_all_reference_runs(reference_folder):
    folder = reference_folder / "reference" / "baselines"
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    assert len(cases) == 38
    for case in cases:
        arrays = np.load(folder / f"{case['method']}.npz")
        names = (case["y"], case["case"], "x_T", "noise", "motion_kernel")
        check(case, *(torch.tensor(arrays[name]) for name in names))
