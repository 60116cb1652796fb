"""A prior for pictures of any size: its network sees overlapping tiles of the size it knows.

A network was trained on pictures of one size, asks for sides that are multiples of its strides, and
takes memory that grows with the picture. Here the picture is continued by reflection, cut into
tiles that overlap, and the answers are averaged with weights that fall off towards the rim of each
tile as sin^2 (a raised cosine). Only the estimate of the noise is put together from tiles: what
guides the restoration stays whole, so no seam has to be mended afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import torch
from torch import Tensor

from ddpg.priors.base import Prior
from ddpg.priors.schedule import Schedule

TILE = 256
"""Side of the tiles where a prior says nothing else: that of the pictures most are trained on."""
OVERLAP = 32
"""Pixels that neighbouring tiles share."""

Watch = Callable[[float], object]


class TiledPrior(Prior):
    """``eps(x_t, t)`` of pictures of any size, from tiles; gradients flow through it.

    A picture is estimated by itself and its tiles one after the other, so that results depend
    neither on the batch nor on how many tiles there are, and the network's memory is that of a
    tile for each picture of the batch.

    Args:
        prior: estimates the noise of tiles.
        tile: their side in pixels, brought up to a multiple of ``prior.size_multiple``. A side of
            a picture that is not longer is one tile, continued to such a multiple.
        overlap: the least that neighbouring tiles share, in pixels, below half a tile.
        fixed: whether the network takes no smaller tiles; short sides are then continued to a tile.
        watch: called after every tile with the share of the picture that it was.

    Raises:
        ValueError: tile or overlap is out of range.

    Example:
        >>> from ddpg.priors import GaussianPrior
        >>> prior = GaussianPrior(0.0, 0.25)
        >>> x_t = torch.rand(1, 3, 30, 21)
        >>> tiled = TiledPrior(prior, tile=16, overlap=4)
        >>> bool(torch.allclose(tiled.eps(x_t, 500), prior.eps(x_t, 500), atol=1e-6))
        True
    """

    def __init__(
        self,
        prior: Prior,
        *,
        tile: int = TILE,
        overlap: int = OVERLAP,
        fixed: bool = False,
        watch: Watch | None = None,
    ) -> None:
        multiple = prior.size_multiple
        self._tile = -(-_whole(tile, "tile", least=1) // multiple) * multiple
        self._overlap = _whole(overlap, "overlap", least=0)
        if 2 * self._overlap >= self._tile:
            raise ValueError(
                f"overlap must be below half of the tile, {self._tile} pixels, got {overlap!r}"
            )
        self._prior, self._fixed, self._watch = prior, fixed, watch

    @property
    def schedule(self) -> Schedule:
        """That of the prior inside."""
        return self._prior.schedule

    @property
    def device(self) -> torch.device:
        """That of the prior inside."""
        return self._prior.device

    @property
    def dtype(self) -> torch.dtype:
        """That of the prior inside."""
        return self._prior.dtype

    @property
    def needs_labels(self) -> bool:
        """Whether the prior inside does."""
        return self._prior.needs_labels

    @property
    def settings(self) -> dict[str, str]:
        """Those of the prior inside, and the tiles."""
        tiles = f"{self._tile} pixels, {self._overlap} shared"
        return {**self._prior.settings, "tiles": tiles}

    def conditioned_on(self, labels: Sequence[int] | Tensor | None) -> Self:
        """The same tiles of the prior of these classes."""
        return self._around(self._prior.conditioned_on(labels))

    def select(self, indices: Sequence[int]) -> Self:
        """The same tiles of the prior of some images."""
        return self._around(self._prior.select(indices))

    def expect(self, evaluations: int) -> None:
        """Tell the prior inside; how many tiles there will be is not known here."""
        self._prior.expect(evaluations)

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """Estimate the noise in ``x_t`` from its tiles, see :class:`TiledPrior`."""
        height, width = x_t.shape[-2:]
        rows, columns = self._cuts(height), self._cuts(width)
        padded = _continued(x_t, rows[-1].end, columns[-1].end)
        share = 1 / (len(rows) * len(columns))
        if share == 1:
            noise = self._prior.eps(padded, t)
            self._tell(share)
            return noise[..., :height, :width].contiguous()
        total = torch.zeros_like(padded)
        for row in rows:
            for column in columns:
                place = (..., slice(row.start, row.end), slice(column.start, column.end))
                weights = torch.outer(row.weights, column.weights).to(total)
                noise = self._prior.eps(padded[place].contiguous(), t)
                # Not in place: gradients may flow through all of it.
                total[place] = total[place] + noise * weights
                self._tell(share)
        return total[..., :height, :width].contiguous()

    def _cuts(self, size: int) -> list[_Cut]:
        multiple = self._tile if self._fixed else self._prior.size_multiple
        return _cuts(size, self._tile, self._overlap, multiple)

    def _around(self, prior: Prior) -> Self:
        other = copy.copy(self)
        other._prior = prior
        return other

    def _tell(self, share: float) -> None:
        if self._watch is not None:
            self._watch(share)


def on_tiles(
    prior: Prior, *, only: int | None = None, tile: int | None = None, watch: Watch | None = None
) -> TiledPrior:
    """A prior for pictures of any size, as ``ddpg restore`` and studies of such pictures take it.

    Args:
        prior: estimates the noise of tiles.
        only: the only size that its network takes, if there is one.
        tile: side of the tiles; :data:`TILE` if None.
        watch: see :class:`TiledPrior`.
    """
    side = only or tile or TILE
    overlap = min(OVERLAP, side // 4)
    return TiledPrior(prior, tile=side, overlap=overlap, fixed=only is not None, watch=watch)


class _Cut(NamedTuple):
    """Where a tile lies along an axis, and its weights there, which add up to one over all tiles.

    Attributes:
        start, end: its first pixel, and the one behind its last.
        weights: (end - start,), float64.
    """

    start: int
    end: int
    weights: Tensor


def _cuts(size: int, tile: int, overlap: int, multiple: int) -> list[_Cut]:
    """Tiles along an axis: as few as do, as small as do, evenly spread from end to end.

    Args:
        size: pixels of the axis.
        tile: the largest side of a tile.
        overlap: the least that neighbours share.
        multiple: of which the sides of tiles are multiples; it divides ``tile``.
    """
    count = max(1, -(-(size - overlap) // (tile - overlap)))
    length = -(-(size + (count - 1) * overlap) // (count * multiple)) * multiple
    if count == 1:
        return [_Cut(0, length, torch.ones(length, dtype=torch.float64))]
    starts = [round(number * (size - length) / (count - 1)) for number in range(count)]
    shared = [0, *(length - (after - before) for before, after in pairwise(starts)), 0]
    weights = torch.zeros(count, size, dtype=torch.float64)
    for number, start in enumerate(starts):
        rise, fall = (_rise(length, shared[number + end]) for end in (0, 1))
        weights[number, start : start + length] = rise * fall.flip(0)
    weights /= weights.sum(0)
    return [
        _Cut(start, start + length, weights[number, start : start + length])
        for number, start in enumerate(starts)
    ]


def _rise(length: int, over: int) -> Tensor:
    """``sin^2`` from 0 to 1 over the first pixels, ones behind them; (length,), float64."""
    weights = torch.ones(length, dtype=torch.float64)
    middles = (torch.arange(over, dtype=torch.float64) + 0.5) / max(over, 1)
    weights[:over] = torch.sin(0.5 * torch.pi * middles) ** 2
    return weights


def _continued(x: Tensor, height: int, width: int) -> Tensor:
    """Pictures (..., H, W) continued below and to the right by reflection, edge not repeated."""
    for dim, size in ((-2, height), (-1, width)):
        if x.shape[dim] != size:
            x = x.index_select(dim, _reflected(size, x.shape[dim]).to(x.device))
    return x


def _reflected(count: int, size: int) -> Tensor:
    """Pixels 0 ... count - 1 of an axis of ``size`` pixels that goes on as its mirror image."""
    period = max(1, 2 * (size - 1))
    folded = torch.arange(count) % period
    return torch.minimum(folded, period - folded) if size > 1 else torch.zeros_like(folded)


def _whole(value: int, name: str, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return value
