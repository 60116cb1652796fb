"""How many images at a time: as many as fit on a GPU, one on a CPU.

On a CPU one image at a time is the fastest (docs/performance.md): its features stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ddpg.priors.base import Prior
from ddpg.priors.execution import uncompiled

USABLE = 0.8
"""Share of the free memory that is used: allocations leave gaps, and others may need some."""
LARGEST = 64
"""More images at a time no longer make a GPU busier."""


def best_batch_size(prior: Prior, image_size: int) -> int:
    """The batch size of a prior on its device.

    Args:
        prior: any prior; on a GPU it is called with one and with two images of noise.
        image_size: side of the images.
    """
    if prior.device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(prior.device)
    reserved = torch.cuda.memory_reserved(prior.device) - torch.cuda.memory_allocated(prior.device)
    return automatic_batch_size(
        lambda count: _peak_bytes(prior, image_size, count), free=free + reserved
    )


def automatic_batch_size(
    peak: Callable[[int], float], *, free: float, largest: int = LARGEST
) -> int:
    """The largest batch that fits, if memory grows linearly with it.

    Args:
        peak: memory that a batch of one and of two images takes.
        free: memory that there is.
        largest: bound of the answer.
    """
    one, two = peak(1), peak(2)
    each = max(two - one, 1.0)
    return max(1, min(largest, 1 + int((USABLE * free - one) // each)))


def _peak_bytes(prior: Prior, image_size: int, count: int) -> float:
    """Memory that an evaluation of ``count`` images takes beyond what is held already."""
    if prior.needs_labels:
        prior = prior.conditioned_on([0] * count)
    torch.cuda.reset_peak_memory_stats(prior.device)
    before = torch.cuda.memory_allocated(prior.device)
    with uncompiled():
        prior.eps(torch.zeros(count, 3, image_size, image_size, device=prior.device), 0)
    return torch.cuda.max_memory_allocated(prior.device) - before
