"""Work of many small kernels on a GPU, recorded once and replayed.

A training step of a small network is many kernels of a few microseconds; starting them from Python
takes longer than they run (docs/performance.md, "On a GPU").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

WARM_UP = 3
"""Calls that run as they are before one is recorded: libraries and optimisers get ready."""

Shapes = tuple[torch.Size, ...]


class _Recording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    arguments: list[Tensor]
    result: Tensor


class Recorded:
    """A function of tensors on a GPU, recorded once for arguments of the same shapes.

    Args:
        function: neither waits for the GPU nor depends on what changes outside tensors.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._calls: Counter[Shapes] = Counter()
        self._recordings: dict[Shapes, _Recording] = {}

    def __call__(self, *arguments: Tensor) -> Tensor:
        """What the function returns."""
        shapes = tuple(argument.shape for argument in arguments)
        self._calls[shapes] += 1
        if self._calls[shapes] <= WARM_UP:
            return self._aside(arguments)
        if shapes not in self._recordings:
            self._recordings[shapes] = self._record(arguments)
        graph, own, result = self._recordings[shapes]
        for argument, given in zip(own, arguments, strict=True):
            argument.copy_(given)
        graph.replay()
        return result.clone()

    def _aside(self, arguments: tuple[Tensor, ...]) -> Tensor:
        """A call on a stream of its own, as one that is recorded runs."""
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            result = self._function(*arguments)
        here.wait_stream(aside)
        return result

    def _record(self, arguments: tuple[Tensor, ...]) -> _Recording:
        graph, own = torch.cuda.CUDAGraph(), [argument.clone() for argument in arguments]
        # Other threads, such as the one that pins examples, go on allocating meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = self._function(*own)
        return _Recording(graph, own, result)
