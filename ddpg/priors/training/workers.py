"""Items made in order by processes that run ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

Item = TypeVar("Item")


def in_order(
    made: Dataset[Item], numbers: Sequence[int], workers: int, *, pinned: bool = False
) -> Iterator[Item]:
    """The items of these numbers, in their order.

    Args:
        workers: processes that make them ahead; with 0 they are made when they are asked for.
        pinned: tensors lie in memory that a GPU can read while the processor goes on.
    """
    loader: DataLoader[Item] = DataLoader(
        made,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=pinned,
        collate_fn=_as_made,
        generator=torch.Generator(),  # else the global one is asked for a seed
    )
    return iter(loader)


def _as_made(item: Item) -> Item:
    """What the loader does with an item: nothing, arrays stay arrays."""
    return item
