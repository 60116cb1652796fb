"""What belongs to the pictures of a shard: kernels, masks, seeds, sizes, drawn or read from files.

They are stored beside the observations, so that restorations, figures and other programs have them:

    {id}          y
    {id}/kernel   (k, k) float32, where the degradation has one
    {id}/mask     (h, w) uint8, 1 where a pixel is known
    {id}/seed     (1,) int64, of the rows that compressed sensing measures
    {id}/size     (2,) int64, height and width of the unknown picture, where each has its own
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_names, read_tensors
from ddpg.jobs.observation import Degrading
from ddpg.operators.base import LinearOperator
from ddpg.operators.building import build_operator
from ddpg.operators.tasks import CROPPED, TASKS
from ddpg.pictures.belongings import file_of, is_by_words
from ddpg.pictures.drawn_masks import draw_mask
from ddpg.pictures.kernels import draw_kernel, is_drawn_for_each, read_kernel
from ddpg.pictures.masks import read_mask
from ddpg.study.sizes.sides import NATIVE, Word, sides_of

KERNEL, MASK, SEED, SIZE = "kernel", "mask", "seed", "size"


@dataclass(frozen=True)
class Model:
    """How pictures are degraded, but for what belongs to each.

    Attributes:
        task, backend, scale: see :func:`ddpg.operators.build_operator`.
        share, weights: of compressed sensing and of colorization; None for the task's own.
    """

    task: str
    backend: str
    scale: int | None = None
    share: float | None = None
    weights: tuple[float, float, float] | None = None

    @classmethod
    def of(cls, job: Degrading) -> Model:
        """What a job says of it."""
        return cls(job.task, job.operator, job.scale, job.share, job.grey_weights)

    def kept(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what is degraded of a picture: its upper left part whose sides the
        scale of super-resolution divides, as in the field ("modcrop").

        >>> Model("sr_bicubic", "svd", scale=4).kept((451, 300))
        (448, 300)
        """
        scale = self.scale if self.scale and TASKS[self.task].scales else 1
        return size[0] - size[0] % scale, size[1] - size[1] % scale

    def unknown_size(
        self, seen: Sequence[int], belongings: Mapping[str, Tensor]
    ) -> tuple[int, int]:
        """Height and width of the picture of which something of a size was observed.

        Of a sampled one there may be several: the largest whose last samples lie on its edge.

        >>> Model("sr_bicubic", "svd", scale=4).unknown_size((16, 20), {})
        (64, 80)
        """
        margin = 0
        if self.backend == CROPPED and KERNEL in belongings:
            margin = belongings[KERNEL].shape[-1] - 1
        scale = self.scale or 1
        return seen[0] * scale + margin, seen[1] * scale + margin

    def operator(
        self, size: int | tuple[int, int], belongings: Mapping[str, Tensor]
    ) -> LinearOperator:
        """The operator for pictures of a size with what belongs to each, by kind, (B, ...)."""
        options: dict[str, Any] = {"scale": self.scale, "kernel": belongings.get(KERNEL)}
        options |= {"mask": belongings.get(MASK)}
        if self.share is not None:
            options["share"] = self.share
        if self.weights is not None:
            options["weights"] = self.weights
        if SEED in belongings:
            options["seed"] = belongings[SEED].flatten().tolist()
        options = {name: value for name, value in options.items() if value is not None}
        return build_operator(self.task, size, backend=self.backend, **options)


@dataclass(frozen=True)
class Belongings:
    """What a card says of kernels and masks.

    Attributes:
        kernel, mask: a file, a folder with one for each picture, or words; "" without.
        kernel_side: to which the kernels of a folder are filled up with zeros; 0: as they are.
        seeds: of what is drawn for each picture.
    """

    kernel: str = ""
    mask: str = ""
    kernel_side: int = 0
    seeds: Sequence[int] = ()

    def of(self, numbers: Sequence[int]) -> Belongings:
        """What it says of some of the pictures, by their places among those of the seeds."""
        return replace(self, seeds=[self.seeds[n] for n in numbers] if self.seeds else ())

    def tensors(
        self, model: Model, size: tuple[int, int], images: Sequence[str]
    ) -> dict[str, Tensor]:
        """Kernels, masks and seeds of some pictures, by kind, (B, ...).

        Raises:
            UserError: a kernel or mask is not as it must be; the message names its file.
        """
        found: dict[str, Tensor] = {}
        if self.kernel:
            found[KERNEL] = self._kernels(images)
        if self.seeds and not self.kernel and not self.mask:
            found[SEED] = torch.tensor(self.seeds, dtype=torch.int64)[:, None]
        if self.mask:
            seen = size
            if self.kernel:
                seen = model.operator(size, found).observation_shape[-2:]
            found[MASK] = self._masks(images, (int(seen[0]), int(seen[1])))
        return found

    def _kernels(self, images: Sequence[str]) -> Tensor:
        kernels = [self._kernel(image, number) for number, image in enumerate(images)]
        side = max([self.kernel_side, *map(len, kernels)])
        filled = [np.pad(kernel, (side - len(kernel)) // 2) for kernel in kernels]
        return torch.from_numpy(np.stack(filled)).to(torch.float32)

    def _kernel(self, image: str, number: int) -> np.ndarray[Any, Any]:
        if not is_by_words(self.kernel):
            return read_kernel(file_of(self.kernel, image))
        if is_drawn_for_each(self.kernel):
            return draw_kernel(self.kernel, self.seeds[number])
        return read_kernel(self.kernel)

    def _masks(self, images: Sequence[str], size: tuple[int, int]) -> Tensor:
        masks = []
        for number, image in enumerate(images):
            if is_by_words(self.mask):
                seed = self.seeds[number] if self.seeds else 0
                masks.append(draw_mask(self.mask, size, seed))
            else:
                masks.append(read_mask(Path(file_of(self.mask, image)), size, inverted=False))
        return torch.from_numpy(np.stack(masks)).to(torch.uint8)


def read_sizes(
    path: Path, images: Sequence[str], image_size: Word = NATIVE
) -> dict[str, tuple[int, int]]:
    """Height and width of the unknown pictures of a file of observations, by image.

    Args:
        image_size: that of all; "native" where the file tells each picture's own.

    Raises:
        ddpg.files.tensors.CorruptFileError: the file cannot be read or does not tell them.
    """
    sides = sides_of(image_size)
    if sides is not None:
        return dict.fromkeys(images, sides)
    sizes = read_tensors(path, [f"{name}/{SIZE}" for name in images])
    return {name: tuple(sizes[f"{name}/{SIZE}"].tolist()) for name in images}


def assumed_kernels(kernel: str, observed: Tensor) -> Tensor:
    """Another kernel in the place of those that pictures were observed with, of their size.

    Args:
        kernel: a file or words.
        observed: (B, k, k).

    Raises:
        UserError: it is no kernel, or larger than they are.
    """
    array = read_kernel(kernel)
    count, side = len(observed), observed.shape[-1]
    if len(array) > side:
        raise UserError(
            f"the assumed kernel {kernel} has {len(array)} x {len(array)} pixels, more than the "
            f"{side} x {side} of the observation's"
        )
    filled = torch.from_numpy(np.pad(array, (side - len(array)) // 2)).to(observed)
    return filled.expand(count, side, side).contiguous()


def stored(belongings: Mapping[str, Tensor], images: Sequence[str]) -> dict[str, Tensor]:
    """What belongs to pictures, by the names of a file of observations."""
    return {
        f"{name}/{kind}": values[number].contiguous()
        for kind, values in belongings.items()
        for number, name in enumerate(images)
    }


def read_belongings(path: Path, images: Sequence[str], task: str) -> dict[str, Tensor]:
    """What belongs to some pictures in a file of observations, by kind, (B, ...).

    What the task cannot do without must be there; a mask after a blur and a seed may be.

    Raises:
        ddpg.files.tensors.CorruptFileError: the file cannot be read or lacks an entry.
        UserError: kernels or masks are of several sizes.
    """
    needed, present = TASKS[task].needs, read_names(path)
    kinds = [k for k in (KERNEL, MASK, SEED) if k == needed or f"{images[0]}/{k}" in present]
    tensors = read_tensors(path, [f"{name}/{kind}" for kind in kinds for name in images])
    found = {}
    for kind in kinds:
        parts = [tensors[f"{name}/{kind}"] for name in images]
        if len({tuple(part.shape) for part in parts}) > 1:
            raise UserError(f"{path}: the {kind}s are of several sizes")
        found[kind] = torch.stack(parts)
    return found
