"""Quality of a picture by itself, where there is no truth to compare it with.

Such a number says how a picture looks, not whether it is right: it stands beside the consistency
(:mod:`ddpg.metrics.fidelity`), never alone.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ddpg.errors import MetricUnavailable, MetricUndefined
from ddpg.metrics.measures import each_image

BLUR_SMALLEST = 8
BRISQUE_SMALLEST = 16
_UNREADABLE = (RuntimeError, OSError, EOFError, pickle.UnpicklingError, ValueError, TypeError)
_FILTER = 11
"""Side of the filter that blurs once more, in pixels; results are comparable for one side only."""


def blur_effect(restored: Tensor, *, data_range: float) -> Tensor:
    """How blurred pictures are: how little another blur changes their edges, in [0, 1].

    Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
    no-reference perceptual blur metric" (2007), from scikit-image, of the luma. A picture without
    any edge has the value 1.

    Args:
        restored: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.

    Returns:
        (B,) float64.

    Raises:
        ValueError: values leave the range.
        MetricUndefined: no image is finite, or they are too small.

    >>> blur_effect(torch.full((1, 3, 16, 16), 0.5), data_range=1)
    tensor([1.], dtype=torch.float64)
    """
    from skimage.measure import blur_effect as of_picture

    def of_one(image: Tensor) -> Tensor:
        pixels = (image / data_range).permute(1, 2, 0).cpu().numpy()
        return image.new_tensor(of_picture(pixels, h_size=_FILTER, channel_axis=-1))

    return each_image(of_one, restored, data_range, smallest=BLUR_SMALLEST, what="the blur effect")


def brisque(
    restored: Tensor, *, data_range: float, backbone: str | os.PathLike[str] | None = None
) -> Tensor:
    """How unnatural pictures are by the statistics of their luma; about 0 to 100, lower is better.

    Mittal, Moorthy and Bovik, "No-reference image quality assessment in the spatial domain", IEEE
    TIP 21 (2012), from piq, with the support vectors that piq publishes.

    Args:
        restored: (B, 3, H, W) in [0, data_range].
        data_range: white minus black.
        backbone: the file of the support vectors, or its folder, see
            :func:`ddpg.metrics.backbones.find_backbone`.

    Returns:
        (B,) float64.

    Raises:
        ValueError: values leave the range.
        MetricUndefined: no image is finite, they are too small, or have no texture.
        MetricUnavailable: the file is not there, or is another one.
    """
    import piq

    from ddpg.metrics.backbones import find_backbone

    vectors = _support_vectors(find_backbone("brisque", backbone))

    def of_one(image: Tensor) -> Tensor:
        try:
            with _given(vectors):
                score = piq.brisque(image[None], data_range=data_range, reduction="none")
                return score.flatten()[0]
        except AssertionError as reason:  # piq's word for what has no variance
            raise MetricUndefined("BRISQUE is not defined for images without texture") from reason

    return each_image(of_one, restored, data_range, smallest=BRISQUE_SMALLEST, what="BRISQUE")


@lru_cache(maxsize=2)
def _support_vectors(file: os.PathLike[str]) -> tuple[Tensor, Tensor]:
    """Coefficients (n, 1) and support vectors (n, 36)."""
    try:
        coefficients, vectors = torch.load(file, map_location="cpu", weights_only=True)
        if vectors.shape != (len(coefficients), 36):
            raise ValueError(f"of shapes {tuple(coefficients.shape)} and {tuple(vectors.shape)}")
    except _UNREADABLE as error:
        name = os.path.basename(file)  # noqa: PTH119 - for a table, without the machine's folders
        raise MetricUnavailable(f"{name}: not the support vectors of BRISQUE: {error}") from error
    return coefficients, vectors


@contextmanager
def _given(vectors: tuple[Tensor, Tensor]) -> Iterator[None]:
    """Have piq take these support vectors instead of fetching some, without any check of them."""
    module: Any = sys.modules["piq.brisque"]  # `piq.brisque` itself is the function

    def load_url(_url: str, map_location: Any = None) -> tuple[Tensor, ...]:
        return tuple(tensor.to(map_location, copy=True) for tensor in vectors)  # it turns them

    fetching = module.load_url
    module.load_url = load_url
    try:
        yield
    finally:
        module.load_url = fetching
