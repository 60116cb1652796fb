"""Random numbers that belong to the image, not to the run.

Every image has its own stream, keyed by (seed, data set, image id, purpose), and every draw of it
its own place in that stream. A picture restored alone, in a batch or in another order therefore
meets the same noise, and so does one restored by a method that skips draws.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Key = NDArray[np.uint64]


class Noise(Protocol):
    """What samplers ask for: the noise they start from, and that of each step."""

    def initial(self, shape: Sequence[int]) -> Tensor:
        """``x_T``, standard normal."""

    def step(self, k: int, shape: Sequence[int]) -> Tensor:
        """``z`` of step ``k``, standard normal."""


class SeededNoise:
    """Per-image generators: numpy's Philox with a 128-bit key, so that streams do not collide.

    Numbers are drawn on the CPU whatever the device: a GPU meets the same noise, to the bit. So
    that it need not wait (64 images of 256 x 256 take a core longer than a fast GPU takes for the
    network), threads can draw the noise of the next step meanwhile; numpy's generators let go of
    the interpreter's lock.

    Args:
        seed: any integer.
        image_ids: the images of the batch, in its order.
        dataset: name of their data set.
        purpose: what the numbers are for; other purposes see other numbers.
        device: where numbers are returned.
        ahead: how many threads draw the numbers of step k + 1 once those of step k were asked for;
            0: they are drawn when they are asked for. The numbers are the same.

    Attributes:
        image_ids: the images of the batch, as text.

    Raises:
        ValueError: ``seed`` is not an integer, ``image_ids`` is a string or empty, or ``ahead`` is
            below 0.

    Example:
        >>> pair = SeededNoise(0, ["cat", "dog"]).initial((2, 3, 8, 8))
        >>> alone = SeededNoise(0, ["dog"]).initial((1, 3, 8, 8))
        >>> bool((pair[1] == alone[0]).all())  # whatever the batch
        True
    """

    def __init__(
        self,
        seed: int,
        image_ids: Sequence[str | int],
        *,
        dataset: str = "",
        purpose: str = "restoration",
        device: torch.device | str = "cpu",
        ahead: int = 0,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"seed must be an integer, got {seed!r}")
        if isinstance(image_ids, str) or not len(image_ids):
            raise ValueError(f"image_ids must list at least one image, got {image_ids!r}")
        if ahead < 0:
            raise ValueError(f"ahead must be a number of threads, got {ahead!r}")
        self.image_ids = tuple(map(str, image_ids))
        self._keys = [_key(int(seed), dataset, image, purpose) for image in self.image_ids]
        self._device = torch.device(device)
        self._ahead = ahead
        self._begun: dict[int, _Drawing] = {}

    def initial(self, shape: Sequence[int]) -> Tensor:
        """``x_T`` of shape (B, C, H, W), float32; the same at every call."""
        return self._drawn(0, shape)

    def step(self, k: int, shape: Sequence[int]) -> Tensor:
        """``z`` of step ``k`` >= 0 of shape (B, C, H, W), float32; the same at every call."""
        return self._drawn(_checked_step(k) + 1, shape)

    def poisson(self, rates: Tensor) -> Tensor:
        """Poisson numbers of given means, (B, C, H, W) on the CPU; the same at every call.

        They are of the streams of this purpose and of none of its normal numbers.
        """
        drawn = torch.empty(rates.shape, dtype=torch.float64)
        for key, row, means in zip(self._keys, drawn.numpy(), rates.cpu().numpy(), strict=True):
            row[...] = _generator(key, _POISSON).poisson(means)
        return drawn

    def _drawn(self, number: int, shape: Sequence[int]) -> Tensor:
        shape = tuple(shape)
        if len(shape) < 2 or shape[0] != len(self._keys):
            raise ValueError(f"noise for {len(self._keys)} images was asked for in shape {shape}")
        drawing = self._begun.pop(number, None)
        if drawing is None or drawing.shape != shape:
            drawing = self._begin(number, shape)
        values = drawing.values()
        if self._ahead:
            # Only one is ever kept: it is as large as the batch.
            self._begun = {number + 1: self._begin(number + 1, shape)}
        return values.to(self._device, non_blocking=True)

    def _begin(self, number: int, shape: tuple[int, ...]) -> _Drawing:
        # Only from pinned memory does a GPU fetch numbers while it computes.
        pinned = bool(self._ahead) and self._device.type == "cuda"
        return _Drawing(self._keys, number, shape, self._ahead, pinned=pinned)


class _Drawing:
    """The numbers of one draw of a batch: drawn by threads, or without any there and then."""

    def __init__(
        self,
        keys: Sequence[Key],
        number: int,
        shape: tuple[int, ...],
        threads: int,
        *,
        pinned: bool,
    ) -> None:
        self.shape = shape
        self._values = torch.empty(shape, pin_memory=pinned)
        self._pending: list[Future[None]] = []
        for key, row in zip(keys, self._values.numpy(), strict=True):
            if threads:
                self._pending.append(_pool(threads).submit(_draw_into, row, key, number))
            else:
                _draw_into(row, key, number)

    def values(self) -> Tensor:
        """The numbers, once all are there."""
        for pending in self._pending:
            pending.result()
        return self._values


class RecordedNoise:
    """Replays given tensors.

    Args:
        initial: ``x_T``, (B, C, H, W).
        steps: the ``z`` of step 0, 1, ...: (N, B, C, H, W) or a sequence of (B, C, H, W).

    Example:
        >>> import torch
        >>> noise = RecordedNoise(torch.zeros(1, 3, 8, 8), torch.ones(2, 1, 3, 8, 8))
        >>> float(noise.step(1, (1, 3, 8, 8)).mean())
        1.0
    """

    def __init__(self, initial: Tensor, steps: Tensor | Sequence[Tensor]) -> None:
        self._initial = initial
        self._steps = steps

    def initial(self, shape: Sequence[int]) -> Tensor:
        """The recorded ``x_T``; ValueError if it was recorded in another shape."""
        return _checked_shape(self._initial, shape, "x_T")

    def step(self, k: int, shape: Sequence[int]) -> Tensor:
        """The recorded ``z`` of step ``k``; ValueError if there is none of that shape."""
        if _checked_step(k) >= len(self._steps):
            raise ValueError(f"noise was recorded for {len(self._steps)} steps, step {k} has none")
        return _checked_shape(self._steps[k], shape, f"the noise of step {k}")


def _key(*name: object) -> Key:
    """The key of a stream: sha256 of what names it, written so that no two names look alike."""
    digest = hashlib.sha256(json.dumps(name).encode()).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)


_POISSON = 2**63
"""The number of the draw of counts; draws of normal numbers do not come so far."""


def _generator(key: Key, number: int) -> np.random.Generator:
    # The highest word of the counter numbers the draw: 2^192 blocks lie between two draws.
    counter = np.array([0, 0, 0, number], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _draw_into(row: NDArray[np.float32], key: Key, number: int) -> None:
    _generator(key, number).standard_normal(out=row, dtype=np.float32)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="noise")


# A copied process has the pool without its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _checked_step(k: int) -> int:
    if k < 0:
        raise ValueError(f"steps are numbered from 0, got {k!r}")
    return k


def _checked_shape(recorded: Tensor, shape: Sequence[int], what: str) -> Tensor:
    if tuple(recorded.shape) != tuple(shape):
        raise ValueError(
            f"{what} was recorded in shape {tuple(recorded.shape)}, asked for in {tuple(shape)}"
        )
    return recorded
