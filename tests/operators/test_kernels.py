"""Motion kernels against the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL
import pytest
import torch

from ddpg.operators.kernels import motion_kernel

ARRAYS = np.load(Path(__file__).parents[1] / "data" / "reference_motion_kernels.npz")
# Other versions of Pillow round the blur and the resizing differently.
TOLERANCE = 1e-6 if PIL.__version__.split(".")[0] == "13" else 2e-3


@pytest.mark.parametrize("name", ARRAYS.files)
def test_reference_kernels(name):
    kernel = motion_kernel(seed=int(name.removeprefix("seed")))
    assert kernel.dtype == torch.float32
    np.testing.assert_allclose(kernel.numpy(), ARRAYS[name], atol=TOLERANCE, rtol=0)


def test_seeds_decide_and_leave_the_global_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert torch.equal(motion_kernel(seed=0), motion_kernel(seed=0))
    assert not torch.equal(motion_kernel(seed=0), motion_kernel(seed=1))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("size", [3, 9, 31, 101])
@pytest.mark.parametrize("intensity", [0, 0.3, 1])
def test_every_size_and_intensity_gives_a_kernel(size, intensity):
    for seed in range(5):
        kernel = motion_kernel(size, intensity, seed=seed)
        assert kernel.shape == (size, size)
        assert float(kernel.min()) >= 0
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 60}, "odd integer of at least 3, got 60"),
        ({"size": 1}, "odd integer"),
        ({"intensity": 1.5}, r"intensity must lie in \[0, 1\], got 1.5"),
        ({"intensity": float("nan")}, "intensity must lie"),
        ({"seed": -1}, r"seed must lie in \[0, 2\^32 - 1\], got -1"),
        ({"seed": 0.5}, "seed must be an integer"),
        ({"seed": None}, "seed must be an integer, got None"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        motion_kernel(**({"seed": 0} | arguments))
