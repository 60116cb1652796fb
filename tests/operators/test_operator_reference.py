"""Operators against the arrays of the published implementation (first image of the batch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ddpg.operators import build_operator

ARRAYS = np.load(Path(__file__).parents[1] / "data" / "reference_operators.npz")
NAMES = sorted({tuple(key.split(".")[:2]) for key in ARRAYS.files if "." in key})
TOLERANCE = 1e-4
ILL_CONDITIONED = 2e-3


def difference(actual, name):
    return float((actual - torch.tensor(ARRAYS[name])).abs().max())


@pytest.mark.parametrize(("name", "backend"), NAMES)
def test_reference_arrays(name, backend):
    task, _, scale = name.partition("_x")
    kernel = torch.tensor(ARRAYS["motion_kernel"]) if task == "motion_deblur" else None
    operator = build_operator(task, 64, backend=backend, scale=int(scale or 4), kernel=kernel)
    key = f"{name}.{backend}"
    r = torch.tensor(ARRAYS[f"{key}.r"])
    assert difference(operator.forward(torch.tensor(ARRAYS["x"])), f"{key}.y") < TOLERANCE
    assert difference(operator.adjoint(r), f"{key}.adjoint_r") < TOLERANCE
    deblurring = task != "sr_bicubic"
    smallest = ILL_CONDITIONED if deblurring else TOLERANCE
    assert difference(operator.pinv(r, 1e-4), f"{key}.pinv_r.eta0.0001") < smallest
    assert difference(operator.pinv(r, 7e-3), f"{key}.pinv_r.eta0.007") < TOLERANCE


def test_every_observation_model_of_the_reference_is_covered():
    assert len(NAMES) == 11
