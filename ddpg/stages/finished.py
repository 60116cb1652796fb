"""Finished images of a shard that is not complete: kept, found again, put together.

Each image is kept at once in a state folder beside the shard's output, named after everything the
job depends on, so that a job that was killed goes on where it stopped. The folder goes when the
shard is complete.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ddpg.costs import write_costs
from ddpg.images import save_png
from ddpg.tensors import CorruptFileError, read_metadata, read_tensors, write_tensors

log = logging.getLogger(__name__)

_COST = "cost"
"""Where the header of an image's file keeps its row of the costs, as JSON."""


class FinishedImages:
    """The state folder of a shard.

    Args:
        output: the shard's safetensors file.
        digest: names everything that the images depend on; what other jobs left is removed.
        dtype: how images are stored.
    """

    def __init__(self, output: Path, digest: str, dtype: torch.dtype) -> None:
        self._folder = output.with_name(f".{output.stem}.{digest}.state")
        self._output = output
        self._dtype = dtype
        for other in output.parent.glob(f".{output.stem}.*.state"):
            if other != self._folder:
                shutil.rmtree(other)

    def waiting(self, images: Sequence[str]) -> list[str]:
        """The images that are not finished."""
        waiting = [name for name in images if not self._is_finished(name)]
        if len(waiting) < len(images):
            finished = len(images) - len(waiting)
            log.info("%d of %d images were finished before", finished, len(images))
        return waiting

    def keep(self, name: str, image: Tensor, cost: Mapping[str, object]) -> None:
        """Keep an image with its cost, in one file."""
        row = {_COST: json.dumps({"image": name, **cost})}
        write_tensors({name: image.to(self._dtype)}, self._tensor_file(name), metadata=row)

    def assemble(self, images: Sequence[str], costs: Path, pictures: Path) -> None:
        """Make the shard's products, then remove the folder."""
        tensors = {name: read_tensors(self._tensor_file(name), [name])[name] for name in images}
        rows = [json.loads(read_metadata(self._tensor_file(name))[_COST]) for name in images]
        pictures.mkdir(parents=True, exist_ok=True)
        for name, image in tensors.items():
            save_png(pictures / f"{name}.png", image.float() / 2 + 0.5)
        write_costs(costs, rows)
        write_tensors(tensors, self._output, ids=images)
        shutil.rmtree(self._folder)

    def _tensor_file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _is_finished(self, name: str) -> bool:
        """Whether an image is there and whole; a damaged one is removed and made again."""
        path = self._tensor_file(name)
        if not path.is_file():
            return False
        try:
            read_tensors(path, [name])
        except CorruptFileError as error:
            log.warning("%s; the image is restored again", error)
            path.unlink()
            return False
        return True
