"""Operators without a spectrum against arrays from dense matrices, and whole runs on them."""

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
CASES = json.loads((DATA / "reference_general.json").read_text(encoding="utf-8"))
ARRAYS = {
    name: torch.tensor(array) for name, array in np.load(DATA / "reference_general.npz").items()
}
NAMES = sorted({name.removesuffix(".y") for name in ARRAYS if name.endswith(".y")})
HYPER_PARAMETERS = ("steps", "gamma", "zeta", "eta_tilde", "step_size_mode")
TOLERANCE = 1e-4
ILL_CONDITIONED = 1e-3


def make(name, dtype=torch.float32):
    """The operator of a name of the arrays."""
    kind, _, border = name.partition(".")
    size = tuple(ARRAYS["x"].shape[-2:])
    if kind == "grey":
        return build_operator("colorization", size, dtype=dtype)
    if kind == "mean_pool2":
        return build_operator("sr_average", size, scale=2, dtype=dtype)
    five = name == "blur_downsample2.reflect"
    return build_operator(
        "blur",
        size,
        kernel=ARRAYS["kernel5" if five else "kernel7"],
        border=border,
        scale=2 if kind == "blur_downsample2" else 1,
        mask=ARRAYS["mask"] if kind == "blur_masked" else None,
        dtype=dtype,
    )


def difference(actual, name):
    return float((actual - ARRAYS[name]).abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_reference_arrays(name, dtype):
    operator = make(name, dtype)
    r = ARRAYS[f"{name}.r"].to(dtype)
    assert operator.observation_shape == tuple(r.shape[1:])
    assert difference(operator.forward(ARRAYS["x"].to(dtype)), f"{name}.y") < TOLERANCE
    assert difference(operator.adjoint(r), f"{name}.adjoint_r") < TOLERANCE
    assert difference(operator.pinv(r, 0.05), f"{name}.pinv_r.eta0.05") < TOLERANCE
    assert difference(operator.pinv(r, 0.001), f"{name}.pinv_r.eta0.001") < ILL_CONDITIONED


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['case']}-{case['operator']}")
def test_reference_runs(case, caplog):
    """With the tolerance that restorations have by default."""
    operator = make(case["operator"])
    height, width = operator.observation_shape[1:]
    y = operator.forward(ARRAYS["x"])
    y = y + 2 * case["sigma_y"] * ARRAYS["e"][..., :height, :width]
    sampler = build_sampler(case["method"], **{name: case[name] for name in HYPER_PARAMETERS})
    restored = sampler.restore(
        y,
        operator,
        GaussianPrior(0.1, 0.16),
        sigma_y=case["sigma_y"],
        noise=RecordedNoise(ARRAYS["x_T"], ARRAYS["noise"]),
    )
    torch.testing.assert_close(restored, ARRAYS[case["case"]], atol=TOLERANCE, rtol=0)
    assert not caplog.records


def test_every_array_is_covered():
    assert len(NAMES) == 9
    assert len(CASES) == 24
