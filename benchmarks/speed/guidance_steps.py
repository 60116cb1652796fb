"""One guidance step per task and backend at 256 x 256: the baseline's and the package's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from baseline.guidance import (
    Baseline,
    FourierBaseline,
    MaskBaseline,
    SeparableBaseline,
    guided,
)
from timing import alternate, ratio
from torch import Tensor

from ddpg.operators import LinearOperator, build_operator
from ddpg.operators.kernels import motion_kernel
from ddpg.operators.separable import blur_matrix, downsampling_matrix
from ddpg.operators.task_kernels import BLUR_TAPS, centred_cubic_taps

SIDE, SCALE, ETA, DELTA = 256, 4, 1e-2, 0.3


def cases() -> Iterator[tuple[str, LinearOperator, Baseline]]:
    """Every task and backend: its name, the package's operator and the baseline's."""
    taps = centred_cubic_taps(SCALE).float()
    cubic = torch.outer(taps, taps)
    matrix = downsampling_matrix(SIDE, SCALE).float()
    baselines = {
        "fft": FourierBaseline(cubic / cubic.sum(), SIDE, SCALE),
        "svd": SeparableBaseline(matrix, matrix),
    }
    for backend, baseline in baselines.items():
        operator = build_operator("sr_bicubic", SIDE, backend=backend, scale=SCALE)
        yield f"sr_bicubic {backend}", operator, baseline
    for task, (rows, columns) in BLUR_TAPS.items():
        matrices = [blur_matrix(taps, SIDE).float() for taps in (rows, columns)]
        baselines = {
            "fft": FourierBaseline(torch.outer(rows, columns).float(), SIDE),
            "svd": SeparableBaseline(*matrices),
        }
        for backend, baseline in baselines.items():
            yield f"{task} {backend}", build_operator(task, SIDE, backend=backend), baseline
    kernel = motion_kernel(seed=0)
    operator = build_operator("motion_deblur", SIDE, kernel=kernel)
    yield "motion_deblur fft", operator, FourierBaseline(kernel.float(), SIDE)
    mask = (torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) > 0.5).double()
    operator = build_operator("inpainting", SIDE, mask=mask)
    yield "inpainting", operator, MaskBaseline(mask.float())
    whole = MaskBaseline(torch.ones(SIDE, SIDE))
    yield "denoising", build_operator("denoising", SIDE), whole


def measure(repetitions: int) -> dict[str, Any]:
    """Both steps of every case, on the CPU, and how much they differ."""
    found = {}
    for name, operator, baseline in cases():
        generator = torch.Generator().manual_seed(0)
        x0 = torch.randn(1, 3, SIDE, SIDE, generator=generator)
        y = operator.forward(torch.randn(1, 3, SIDE, SIDE, generator=generator))
        y_spectral = operator.analyse(y)

        def step(
            operator: LinearOperator = operator, x0: Tensor = x0, y_spectral: Tensor = y_spectral
        ) -> Tensor:
            weights = operator.inverse_eigenvalues(ETA).mul_(1 - DELTA).add_(DELTA)
            return x0 - operator.guidance(x0, y_spectral, weights)

        def usual(baseline: Baseline = baseline, x0: Tensor = x0, y: Tensor = y) -> Tensor:
            return guided(baseline, x0, y, ETA, DELTA)

        times = alternate({"baseline": usual, "ours": step}, repetitions=repetitions, warm_up=3)
        found[name] = {
            **{variant: measured.summary() for variant, measured in times.items()},
            "speed-up": ratio(times["baseline"], times["ours"]),
            "largest difference": float((step() - usual()).abs().max()),
        }
    return found
