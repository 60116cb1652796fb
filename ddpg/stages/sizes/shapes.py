"""The shapes of pictures: whether each of a shard has its own, groups of equal ones, and which part
of a picture a restoration is compared with.

A restoration is the whole picture, but for rows and columns that the scale of super-resolution does
not divide: they are cut off below and to the right before a picture is degraded, see
:meth:`ddpg.stages.degrading.Model.kept`. Of a blur whose observation is smaller than the picture
(border "cropped") the rim is hardly observed, and may be left unmeasured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_metadata
from ddpg.study.sizes.sides import NATIVE

OWN_SIZES = {"sizes": NATIVE}
"""What the header of prepared pictures says of those that have their own sizes."""


def have_own_sizes(prepared: Path) -> bool:
    """Whether each picture of a prepared shard has its own size, so that others have to be told.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt.
    """
    return OWN_SIZES.items() <= read_metadata(prepared).items()


def by_size(sizes: Mapping[str, tuple[int, int]]) -> list[list[str]]:
    """Pictures in groups of equal sizes, in the order in which the sizes are first met.

    >>> by_size({"a": (8, 9), "b": (8, 8), "c": (8, 9)})
    [['a', 'c'], ['b']]
    """
    groups: dict[tuple[int, int], list[str]] = {}
    for name, size in sizes.items():
        groups.setdefault(size, []).append(name)
    return list(groups.values())


def counterpart(truth: Tensor, size: Sequence[int], scale: int = 1) -> Tensor:
    """The part of a picture (..., H, W) that was degraded and restored.

    Args:
        truth: the prepared picture.
        size: height and width of its restoration.
        scale: factor of the degradation; the restoration lacks less than that of each side.

    Raises:
        UserError: the restoration is not of this picture.

    >>> import torch
    >>> counterpart(torch.zeros(3, 13, 16), (12, 16), scale=4).shape
    torch.Size([3, 12, 16])
    """
    lacking = [whole - side for whole, side in zip(truth.shape[-2:], size, strict=True)]
    if any(not 0 <= number < max(1, scale) for number in lacking):
        sizes = (f"{width} x {height}" for height, width in (truth.shape[-2:], size))
        raise UserError("a picture of {} cannot have a restoration of {}".format(*sizes))
    return truth[..., : size[0], : size[1]]


def scale_of(experiment: Mapping[str, str]) -> int:
    """The factor of an experiment's degradation, by its columns in the long table; 1 without."""
    return round(float(experiment.get("scale") or 1))


@dataclass(frozen=True)
class Part:
    """What of a picture and its restoration is compared.

    Attributes:
        scale: factor of the degradation.
        margin: pixels at each edge that are left out.
    """

    scale: int = 1
    margin: int = 0

    def compared(self, restored: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """These parts of restorations (..., H, W) and of their picture.

        Raises:
            UserError: the restorations are not of this picture.
        """
        truth = counterpart(truth, restored.shape[-2:], self.scale)
        return inner(restored, self.margin), inner(truth, self.margin)


def inner(image: Tensor, margin: int) -> Tensor:
    """Pictures (..., H, W) without a margin of so many pixels on each side."""
    return image[..., margin : image.shape[-2] - margin, margin : image.shape[-1] - margin]
