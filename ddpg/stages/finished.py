"""Finished images of a shard that is not complete: kept, found again, put together.

Each image is kept at once in a state folder beside the shard's output, named after everything the
job depends on, so that a job that was killed goes on where it stopped. An image whose restoration
failed is finished, too: its file holds the reason and no tensor, and so does the shard. When the
shard is complete, one hidden file takes the folder's place, see :mod:`ddpg.stages.keeping`.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddpg.errors import CorruptFileError
from ddpg.files.costs import FAILURE, failures_among, read_costs, write_costs
from ddpg.files.tensors import read_metadata, read_tensors, write_tensors
from ddpg.files.writing import replacing
from ddpg.images import save_png
from ddpg.stages.keeping import STATE, WHOLE, kept_folder, remove_others

log = logging.getLogger(__name__)

_COST = "cost"
"""Where the header of an image's file keeps its row of the costs, as JSON."""


class FinishedImages:
    """What is finished of a shard.

    Args:
        output: the shard's safetensors file.
        digest: names everything that the images depend on; what other jobs left is removed.
        dtype: how images are stored.
    """

    def __init__(self, output: Path, digest: str, dtype: torch.dtype) -> None:
        self._folder = kept_folder(output, digest, STATE)
        self._whole = kept_folder(output, digest, WHOLE)
        self._output = output
        self._dtype = dtype
        remove_others(output, digest)

    def waiting(self, images: Sequence[str]) -> list[str]:
        """The images that are not finished."""
        whole = self._read_whole(images) is not None
        waiting = [name for name in images if not whole and not self._is_finished(name)]
        if len(waiting) < len(images):
            finished = len(images) - len(waiting)
            log.info("%d of %d images were finished before", finished, len(images))
        return waiting

    def keep(self, name: str, image: Tensor, cost: Mapping[str, object]) -> None:
        """Keep an image with its cost, in one file.

        Args:
            name: the image's id.
            image: its restoration; not kept where the cost names a failure.
            cost: its row of the costs, see :mod:`ddpg.files.costs`.
        """
        row = {_COST: json.dumps({"image": name, **cost})}
        tensors = {} if cost.get(FAILURE) else {name: image.to(self._dtype)}
        write_tensors(tensors, self._tensor_file(name), metadata=row)

    def assemble(self, images: Sequence[str], costs: Path, pictures: Path) -> None:
        """Make the shard's products."""
        tensors = self._read_whole(images)
        if tensors is None:
            tensors = self._put_together(images)
        shutil.rmtree(self._folder, ignore_errors=True)
        pictures.mkdir(parents=True, exist_ok=True)
        for name in images:
            if name in tensors:
                save_png(pictures / f"{name}.png", tensors[name].float() / 2 + 0.5)
            else:
                (pictures / f"{name}.png").unlink(missing_ok=True)
        _second_name(self._whole_costs, costs)
        _second_name(self._whole_tensors, self._output)

    @property
    def _whole_tensors(self) -> Path:
        return self._whole / "restorations.safetensors"

    @property
    def _whole_costs(self) -> Path:
        return self._whole / "costs.csv"

    def _put_together(self, images: Sequence[str]) -> dict[str, Tensor]:
        """Keep the shard as a whole. The tensors come last: with them the shard is complete."""
        rows = [self._cost_of(name) for name in images]
        restored = [row["image"] for row in rows if not row.get(FAILURE)]
        tensors = {name: read_tensors(self._tensor_file(name), [name])[name] for name in restored}
        write_costs(self._whole_costs, rows)
        write_tensors(tensors, self._whole_tensors, ids=images)
        return tensors

    def _read_whole(self, images: Sequence[str]) -> dict[str, Tensor] | None:
        """The shard as it was kept as a whole, if it was; a damaged one is removed."""
        if not self._whole_tensors.is_file():
            return None
        try:
            failed = failures_among(read_costs(self._whole_costs, images))
            return read_tensors(self._whole_tensors, [n for n in images if n not in failed])
        except CorruptFileError as error:
            log.warning("%s; the shard is restored again", error)
            shutil.rmtree(self._whole)
            return None

    def _cost_of(self, name: str) -> dict[str, Any]:
        """An image's row of the costs, from the header of its file."""
        path = self._tensor_file(name)
        text = read_metadata(path).get(_COST)
        if text is None:
            raise CorruptFileError(path, f"its header holds no {_COST}")
        return json.loads(text)

    def _tensor_file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _is_finished(self, name: str) -> bool:
        """Whether an image, or why it failed, is there and whole; a damaged one is removed and
        made again."""
        path = self._tensor_file(name)
        if not path.is_file():
            return False
        try:
            read_tensors(path, [] if self._cost_of(name).get(FAILURE) else [name])
        except CorruptFileError as error:
            log.warning("%s; the image is restored again", error)
            path.unlink()
            return False
        return True


def _second_name(source: Path, target: Path) -> None:
    """Give a file another name, as new; where there are no hard links, another copy."""
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        os.utime(temporary)  # Snakemake compares it with the job's input
