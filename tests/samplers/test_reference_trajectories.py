"""Whole runs against the published implementation.

A choice of them, with the first image of the batch, comes with the code; all of them run where the
folder of references is named.
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

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "reference_trajectories.json").read_text(encoding="utf-8"))
HYPER_PARAMETERS = ("steps", "gamma", "zeta", "eta_tilde", "xi", "step_size_mode", "scale_ls")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def arrays():
    return {
        name: torch.tensor(array)
        for name, array in np.load(DATA / "reference_trajectories.npz").items()
    }


def check(case, arrays):
    kernel = arrays["motion_kernel"] if case["task"] == "motion_deblur" else None
    operator = build_operator(
        case["task"], 64, backend=case["operator"], scale=case["scale"] or 4, kernel=kernel
    )
    height, width = operator.observation_shape[1:]
    y = operator.forward(arrays["x"])
    y = y + 2 * case["sigma_y"] * arrays["e"][..., :height, :width]
    sampler = build_sampler(case["method"], **{name: case[name] for name in HYPER_PARAMETERS})
    restored = sampler.restore(
        y,
        operator,
        GaussianPrior(0.1, 0.16),
        sigma_y=case["sigma_y"],
        noise=RecordedNoise(arrays["x_T"], arrays["noises"]),
    )
    torch.testing.assert_close(restored, arrays[case["case"]], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_reference_trajectory(case, arrays):
    check(case, arrays)


@pytest.mark.slow
def test_all_reference_trajectories(reference_folder):
    folder = reference_folder / "reference" / "trajectories"
    cases = json.loads((folder / "trajectories.json").read_text(encoding="utf-8"))
    arrays = {k: torch.tensor(v) for k, v in np.load(folder / "trajectories.npz").items()}
    assert len(cases) == 33
    for case in cases:
        check(case, arrays)
