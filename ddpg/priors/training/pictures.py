"""What a prior is trained on: dead leaves, and photographs that no study contains.

The photographs are those that a recipe names (:mod:`ddpg.priors.training.photographs`). Where it
names none, they come with scikit-learn and scikit-image and are read from the installed packages.
The pictures of the default study (``config/cards/datasets/photographs.yaml``) are not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ddpg.priors.training.dead_leaves import dead_leaves

SCALES = (2.0, 1.0, 0.75, 0.5, 0.35)
"""Photographs are also offered enlarged, hence smooth, and reduced, hence sharp and busy."""

REDUCED = (1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8)
"""Scales of photographs as cameras take them: below a half they are sharp and free of noise."""

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
        return patch[:, :, rng.permutation(3)] if rng.random() < 0.3 else patch


def training_pictures(
    *,
    leaves: int,
    size: int,
    leaf_share: float,
    seed: int,
    smallest: int,
    taken: Sequence[Image.Image] = (),
) -> TrainingPictures:
    """Draw the dead leaves and collect the photographs.

    Args:
        leaves: number of dead-leaves pictures.
        size: their side in pixels.
        leaf_share: share of the patches cut from them, in [0, 1].
        seed: picture number n is drawn with the generator seeded by (seed, n).
        smallest: photographs reduced below this side are left out.
        taken: photographs as a camera takes them; without any, those of installed packages.
    """
    colour = list(taken) or _photographs()
    grey = _fields(taken) if taken else _grey_photographs()
    palettes = [
        np.asarray(_small(photograph), np.float32) / np.float32(255) for photograph in colour
    ]
    textures = [(field - field.mean()) / field.std() for field in grey]
    drawn = [
        dead_leaves(size, np.random.default_rng([seed, number]), palettes, textures)
        for number in range(leaves)
    ]
    if taken:
        offered = [_scaled(image, scale) for image in colour for scale in REDUCED]
    else:
        rng = np.random.default_rng([seed, leaves])
        tinted = [_tint(field, palettes, rng) for field in grey for _ in range(3)]
        # Colour photographs count twice.
        offered = [_scaled(image, s) for image in (*colour, *colour, *tinted) for s in SCALES]
    photographs = [np.asarray(image) for image in offered if min(image.size) >= smallest]
    return TrainingPictures(np.stack(drawn), photographs, leaf_share)


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


def _photographs() -> list[Image.Image]:
    """The colour photographs."""
    import skimage.data
    import sklearn.datasets

    arrays = [
        sklearn.datasets.load_sample_image("china.jpg"),
        sklearn.datasets.load_sample_image("flower.jpg"),
        skimage.data.hubble_deep_field(),
        skimage.data.immunohistochemistry(),
    ]
    return [Image.fromarray(array) for array in arrays]


def _grey_photographs() -> list[NDArray[np.float32]]:
    """Grey photographs of 512 x 512, brightness 0 to 1."""
    import skimage.data

    names = ("brick", "camera", "grass", "gravel", "moon")
    return [getattr(skimage.data, name)().astype(np.float32) / 255 for name in names]


def _tint(
    field: NDArray[np.float32], palettes: list[NDArray[np.float32]], rng: Generator
) -> Image.Image:
    """A grey photograph coloured with a straight line between two colours of a palette."""
    photograph = palettes[rng.integers(len(palettes))].reshape(-1, 3)
    dark, bright = sorted(photograph[rng.integers(len(photograph), size=2)], key=np.sum)
    dark, bright = 0.6 * dark, 0.4 + 0.6 * bright
    picture = dark + field[:, :, None] * (bright - dark)
    return Image.fromarray(np.rint(255 * picture.clip(0, 1)).astype(np.uint8))
