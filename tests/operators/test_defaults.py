"""What a call and a sheet mean where they name no backend and no scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.operators import build_operator
from ddpg.operators.tasks import TASKS
from ddpg.study.degradations import check_degradation


def ramps(height, width):
    """The column's number in the first channel, the row's in the second."""
    rows, columns = torch.arange(float(height)), torch.arange(float(width))
    right, down = columns.expand(height, width), rows[:, None].expand(height, width)
    return torch.stack([right, down, torch.zeros(height, width)])[None]


@pytest.mark.parametrize("size", [(64, 64), (48, 72), (40, 104)])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_super_resolution_samples_where_pillow_does(scale, size):
    ramp = ramps(*size)
    y = build_operator("sr_bicubic", size, scale=scale).forward(ramp)
    for channel, axis in enumerate((-1, -2)):
        picture = Image.fromarray(np.asarray(ramp[0, channel], dtype=np.float32))
        small = picture.resize((size[1] // scale, size[0] // scale), Image.Resampling.BICUBIC)
        # The truncated singular values take a little of the ramp away.
        middle = y.shape[axis] // 2
        sample = y[0, channel].select(axis, middle)[y.shape[-2 if axis == -1 else -1] // 2]
        position = torch.tensor(np.array(small)).select(axis, middle)[0]
        assert float(position) == pytest.approx(scale * middle + (scale - 1) / 2)
        assert float(sample) == pytest.approx(float(position), abs=0.06)


@pytest.mark.parametrize("size", [(64, 64), (48, 72)])
@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("backend", ["fft", "svd"])
def test_operators_say_where_their_samples_lie(backend, scale, size):
    operator = build_operator("sr_bicubic", size, backend=backend, scale=scale)
    y = operator.forward(ramps(*size))
    rows, columns = y.shape[2] // 2, y.shape[3] // 2
    grid = operator.sampling_grid
    assert float(y[0, 0, rows, columns]) == pytest.approx(scale * columns + grid.offset, abs=0.06)
    assert float(y[0, 1, rows, columns]) == pytest.approx(scale * rows + grid.offset, abs=0.06)
    assert grid.offset == {"fft": 0, "svd": (scale - 1) / 2}[backend]


def test_the_backend_of_a_task_is_the_same_in_a_sheet_and_in_python():
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for task, description in TASKS.items():
        if description.needs or description.builder:
            continue
        meant = check_degradation(task, "", None)
        assert meant.operator == description.backend
        named = build_operator(task, 16, backend=meant.operator, scale=meant.scale or 4)
        assert torch.equal(build_operator(task, 16).forward(x), named.forward(x))
    assert TASKS["sr_bicubic"].backend == "svd"
    assert TASKS["sr_bicubic"].scale == 4


def test_an_unknown_task_is_named_whatever_its_backend():
    with pytest.raises(ValueError, match="unknown task 'colourise'; known tasks"):
        build_operator("colourise", 16)
