"""What a prior is trained on: dead leaves, and photographs that no study contains.

The photographs are those that a recipe names (:mod:`ddpg.priors.training.photographs`). The
pictures of the default study (``config/cards/datasets/photographs.yaml``) are not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch.utils.data import Dataset

from ddpg.priors.training.dead_leaves import dead_leaves
from ddpg.priors.training.workers import in_order

REDUCED = (1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8)
"""Scales of photographs as cameras take them: below a half they are sharp and free of noise."""

GREY_SHARE = 0.1
"""Of the patches, so many are one channel three times: grey pictures are restored, too."""

RECOLOURED_SHARE = 0.35
"""Up to this share, from the one above, channels change places."""

TEXTURE_SIDE = 512
"""Side of the squares that become textures of leaves."""


@dataclass(frozen=True)
class TrainingPictures:
    """Pools of pictures from which :meth:`batch` cuts patches.

    Args:
        leaves: dead-leaves pictures (N, size, size, 3), uint8.
        photographs: pictures (H, W, 3), uint8, at every scale that is large enough.
        leaf_share: probability that a patch comes from ``leaves``.
    """

    leaves: NDArray[np.uint8]
    photographs: list[NDArray[np.uint8]]
    leaf_share: float

    def batch(self, count: int, size: int, rng: Generator) -> NDArray[np.uint8]:
        """Cut ``count`` patches (count, size, size, 3): random places, orientations, colours."""
        return np.stack([self._patch(size, rng) for _ in range(count)])

    def _patch(self, size: int, rng: Generator) -> NDArray[np.uint8]:
        if rng.random() < self.leaf_share:
            picture = self.leaves[rng.integers(len(self.leaves))]
        else:
            picture = self.photographs[rng.integers(len(self.photographs))]
        top = rng.integers(picture.shape[0] - size + 1)
        left = rng.integers(picture.shape[1] - size + 1)
        patch = np.rot90(picture[top : top + size, left : left + size], int(rng.integers(4)))
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        dyed = rng.random()
        if dyed < GREY_SHARE:
            return patch[:, :, [rng.integers(3)] * 3]
        return patch[:, :, rng.permutation(3)] if dyed < RECOLOURED_SHARE else patch


class _Leaves(Dataset[NDArray[np.uint8]]):
    """Dead-leaves pictures by number; number n is drawn with the generator seeded by (seed, n)."""

    def __init__(self, photographs: Sequence[Image.Image], size: int, seed: int) -> None:
        smaller = [np.asarray(_small(photograph), np.float32) for photograph in photographs]
        self.palettes = [colours / np.float32(255) for colours in smaller]
        fields = _fields(photographs)
        self.textures = [(field - field.mean()) / field.std() for field in fields]
        self.size, self.seed = size, seed

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self.seed, number])
        return dead_leaves(self.size, rng, self.palettes, self.textures)


class _Reduced(Dataset[list[NDArray[np.uint8]]]):
    """Photographs by number, each at every scale that leaves ``smallest`` pixels on both sides."""

    def __init__(self, photographs: Sequence[Image.Image], smallest: int) -> None:
        self.photographs, self.smallest = photographs, smallest

    def __getitem__(self, number: int) -> list[NDArray[np.uint8]]:
        made = [_scaled(self.photographs[number], scale) for scale in REDUCED]
        return [np.asarray(image) for image in made if min(image.size) >= self.smallest]


def training_pictures(
    photographs: Sequence[Image.Image],
    *,
    leaves: int,
    size: int,
    leaf_share: float,
    seed: int,
    smallest: int,
    workers: int = 0,
) -> TrainingPictures:
    """Draw the dead leaves, in colours and textures of the photographs, and reduce these.

    Args:
        photographs: as a camera takes them.
        leaves: number of dead-leaves pictures.
        size: their side in pixels.
        leaf_share: share of the patches cut from them, in [0, 1].
        seed: picture number n is drawn with the generator seeded by (seed, n).
        smallest: photographs reduced below this side are left out.
        workers: processes that draw; with 0 this one does.

    Raises:
        ValueError: there are no photographs.
    """
    if not photographs:
        raise ValueError("photographs must name at least one that is not held back")
    drawn = list(in_order(_Leaves(photographs, size, seed), range(leaves), workers))
    reduced = in_order(_Reduced(photographs, smallest), range(len(photographs)), workers)
    return TrainingPictures(np.stack(drawn), list(chain.from_iterable(reduced)), leaf_share)


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


def _small(photograph: Image.Image) -> Image.Image:
    """A photograph that is small enough to serve as a palette: at most 1000 pixels wide."""
    return _scaled(photograph, 1000 / photograph.width) if photograph.width > 1000 else photograph


def _fields(photographs: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
    """The middles of photographs in grey, with something to see in them; brightness 0 to 1."""
    side = (TEXTURE_SIDE, TEXTURE_SIDE)
    squares = [ImageOps.fit(image.convert("L"), side) for image in photographs]
    fields = [np.asarray(square, np.float32) / np.float32(255) for square in squares]
    return [field for field in fields if field.std() > 0.05]
