"""Third stage, of restorations that another program has made: they are read, and nothing is run.

A picture without a restoration, or with one that cannot be taken, is recorded as failed, with the
reason, as one whose restoration diverged is; the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.costs import FAILURE, MEASURES, SETTINGS, write_costs
from ddpg.files.tensors import read_ids, write_tensors
from ddpg.images import save_png
from ddpg.jobs.given import GivenAdoption
from ddpg.pictures.elsewhere import Range, held, read_restoration
from ddpg.stages.degrading import read_sizes

log = logging.getLogger(__name__)


def take_restorations(job: GivenAdoption) -> None:
    """Take the restorations of a shard as they were given, not resized, clipped or rounded.

    Writes what :func:`ddpg.stages.restoration.restore_shard` does: tensors on [-1, 1], a table of
    costs, which are empty because nobody knows them, and a PNG of each.

    Args:
        job: where they lie, of which observations they are, and where to write.

    Raises:
        CorruptFileError: the observations cannot be read.
    """
    images = job.images or tuple(read_ids(job.observations))
    sizes = read_sizes(job.observations, images, job.image_size)
    extent = range_of(job.range)
    tensors: dict[str, Tensor] = {}
    rows = []
    for image in images:
        row = {"image": image, **dict.fromkeys(MEASURES, ""), SETTINGS: "", FAILURE: ""}
        try:
            values, row[SETTINGS] = read_restoration(held(job.folder, image), extent, sizes[image])
            tensors[image] = torch.from_numpy(values).to(getattr(torch, job.dtype))
        except UserError as error:
            row[FAILURE] = reason_of(error, job.folder)
            log.warning("image %s is left out: %s", image, row[FAILURE])
        rows.append(row)
    job.pictures.mkdir(parents=True, exist_ok=True)
    for image, tensor in tensors.items():
        save_png(job.pictures / f"{image}.png", tensor.float() / 2 + 0.5)
    write_costs(job.costs, rows)
    write_tensors(tensors, job.output, ids=images)
    log.info("%s: took %d restorations", job.output, len(tensors))


def range_of(values: Sequence[float]) -> Range | None:
    """The values of black and white; None where nobody says them."""
    return (values[0], values[1]) if values else None


def reason_of(error: UserError, folder: str) -> str:
    """Why a restoration cannot be taken, for tables: without the folder of this machine."""
    return " ".join(str(error).replace(f"{Path(folder)}/", "").split())
