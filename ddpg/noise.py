"""Random numbers that belong to the image, not to the run.

Every image has its own stream, keyed by (seed, data set, image id, purpose), and every draw of it
its own place in that stream. A picture restored alone, in a batch or in another order therefore
meets the same noise, and so does one restored by a method that skips draws.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Noise(Protocol):
    """What samplers ask for: the noise they start from, and that of each step."""

    def initial(self, shape: Sequence[int]) -> Tensor:
        """``x_T``, standard normal."""

    def step(self, k: int, shape: Sequence[int]) -> Tensor:
        """``z`` of step ``k``, standard normal."""


class SeededNoise:
    """Per-image generators.

    On the CPU the stream is numpy's Philox with a 128-bit key, so that streams do not collide
    (torch's CPU generator keeps 32 bits of a seed); on another device, torch's Philox there.
    The two give different numbers, hence ``device`` belongs to what identifies a run.

    Args:
        seed: any integer.
        image_ids: the images of the batch, in its order.
        dataset: name of their data set.
        purpose: what the numbers are for; other purposes see other numbers.
        device: where numbers are drawn, and returned.

    Attributes:
        image_ids: the images of the batch, as text.

    Raises:
        ValueError: ``seed`` is not an integer, or ``image_ids`` is a string or empty.

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
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"seed must be an integer, got {seed!r}")
        if isinstance(image_ids, str) or not len(image_ids):
            raise ValueError(f"image_ids must list at least one image, got {image_ids!r}")
        self._device = torch.device(device)
        self._names = [(int(seed), dataset, str(image), purpose) for image in image_ids]
        self.image_ids = tuple(map(str, image_ids))

    def initial(self, shape: Sequence[int]) -> Tensor:
        """``x_T`` of shape (B, C, H, W), float32; the same at every call."""
        return self._draw(0, shape)

    def step(self, k: int, shape: Sequence[int]) -> Tensor:
        """``z`` of step ``k`` >= 0 of shape (B, C, H, W), float32; the same at every call."""
        return self._draw(_checked_step(k) + 1, shape)

    def _draw(self, number: int, shape: Sequence[int]) -> Tensor:
        if len(shape) < 2 or shape[0] != len(self._names):
            raise ValueError(
                f"noise for {len(self._names)} images was asked for in shape {tuple(shape)}"
            )
        size = tuple(shape[1:])
        if self._device.type == "cpu":
            return torch.stack([_draw_on_cpu(name, number, size) for name in self._names])
        return torch.stack(
            [_draw_on_device(name, number, size, self._device) for name in self._names]
        )


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


Name = tuple[int, str, str, str]


def _digest(*parts: object) -> bytes:
    """sha256 of the parts, written so that no two lists of parts look alike."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _draw_on_cpu(name: Name, number: int, shape: tuple[int, ...]) -> Tensor:
    key = np.frombuffer(_digest(*name)[:16], dtype="<u8").astype(np.uint64)
    # The highest word of the counter numbers the draw: 2^192 blocks lie between two draws.
    counter = np.array([0, 0, 0, number], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key, counter=counter))
    return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))


def _draw_on_device(
    name: Name, number: int, shape: tuple[int, ...], device: torch.device
) -> Tensor:
    generator = torch.Generator(device)
    generator.manual_seed(int.from_bytes(_digest(*name, number)[:8], "little", signed=True))
    return torch.randn(shape, generator=generator, device=device)


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
