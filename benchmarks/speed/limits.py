"""What the machine can do at most, and what an evaluation of a network asks of it.

Two limits: multiplications of large matrices in a precision, and moving memory. What a network asks
for is counted operation by operation: arithmetic by PyTorch's own counter, bytes as what every
operation reads and writes, as if nothing stayed in a cache between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from timing import least_seconds
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

SIZES = {"cpu": (512, 1024, 2048), "cuda": (4096, 8192)}
"""Sides of the square matrices; the best of them counts."""
REPETITIONS = 7
COPIED_BYTES = {"cpu": 2**28, "cuda": 2**31}
"""Far more than any cache."""


def measure(device: str, precisions: Iterable[str]) -> dict[str, Any]:
    """GFLOP/s of matrix products by precision, and GB/s of a large copy, reads and writes."""
    kind = torch.device(device).type
    return {
        "GFLOP/s": {name: matrix_peak(device, name, SIZES[kind]) for name in precisions},
        "GB/s": bandwidth(device, COPIED_BYTES[kind]),
    }


def matrix_peak(device: str, precision: str, sizes: Iterable[int]) -> float:
    """The fastest product of square matrices, in GFLOP/s."""
    speeds = []
    for size in sizes:
        generator = torch.Generator(device).manual_seed(0)  # some GPUs multiply ones faster
        matrix = torch.randn(size, size, generator=generator, device=device)
        matrix = matrix.to(getattr(torch, precision))
        speeds.append(2e-9 * size**3 / least_seconds(lambda m=matrix: m @ m, REPETITIONS))
    return max(speeds)


def bandwidth(device: str, size: int) -> float:
    """A copy of so many bytes, in GB/s read and written."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2e-9 * size / least_seconds(lambda: target.copy_(source), REPETITIONS)


def asked(work: Callable[[], object]) -> dict[str, float]:
    """GFLOP and GB that a piece of work asks for."""
    with FlopCounterMode(display=False) as arithmetic, Traffic() as traffic:
        work()
    return {"GFLOP": arithmetic.get_total_flops() / 1e9, "GB": traffic.bytes / 1e9}


class Traffic(TorchDispatchMode):
    """Counts the bytes that operations read and write; views and new memory cost none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view and not func.__name__.startswith(("empty", "new_empty")):
            tensors = (v for v in tree_leaves((args, kwargs, result)) if isinstance(v, Tensor))
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result
