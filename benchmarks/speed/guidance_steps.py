"""One guidance step per task and backend at 256 x 256: the baseline's and the package's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def cases() -> Iterator[tuple[str, Callable[[], LinearOperator], Callable[[], Baseline]]]:
    """Every task and backend: its name, the package's operator and the baseline's."""
    taps = centred_cubic_taps(SCALE).float()
    cubic = torch.outer(taps, taps)
    matrix = downsampling_matrix(SIDE, SCALE).float()
    yield (
        "sr_bicubic fft",
        lambda: build_operator("sr_bicubic", SIDE, backend="fft", scale=SCALE),
        lambda: FourierBaseline(cubic / cubic.sum(), SIDE, SCALE),
    )
    yield (
        "sr_bicubic svd",
        lambda: build_operator("sr_bicubic", SIDE, backend="svd", scale=SCALE),
        lambda: SeparableBaseline(matrix, matrix),
    )
    for task, (rows, columns) in BLUR_TAPS.items():
        yield f"{task} fft", *_blur(task, "fft", FourierBaseline(_outer(rows, columns), SIDE))
        matrices = [blur_matrix(taps, SIDE).float() for taps in (rows, columns)]
        yield f"{task} svd", *_blur(task, "svd", SeparableBaseline(*matrices))
    kernel = motion_kernel(seed=0)
    yield (
        "motion_deblur fft",
        lambda: build_operator("motion_deblur", SIDE, kernel=kernel),
        lambda: FourierBaseline(kernel.float(), SIDE),
    )
    mask = (torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) > 0.5).double()
    yield (
        "inpainting",
        lambda: build_operator("inpainting", SIDE, mask=mask),
        lambda: MaskBaseline(mask.float()),
    )
    yield (
        "denoising",
        lambda: build_operator("denoising", SIDE),
        lambda: MaskBaseline(torch.ones(SIDE, SIDE)),
    )


def _blur(
    task: str, backend: str, baseline: Baseline
) -> tuple[Callable[[], LinearOperator], Callable[[], Baseline]]:
    return lambda: build_operator(task, SIDE, backend=backend), lambda: baseline


def _outer(rows: Tensor, columns: Tensor) -> Tensor:
    return torch.outer(rows, columns).float()


def measure(repetitions: int) -> dict[str, Any]:
    """Both steps of every case, on the CPU, and how much they differ."""
    found = {}
    for name, ours, theirs in cases():
        operator, baseline = ours(), theirs()
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
