"""Fourth stage, for what was observed: its metrics, as if it were a restoration."""

from __future__ import annotations

import torch

from ddpg.files.long_table import write_long_table
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.jobs.evaluation import ObservationEvaluation
from ddpg.stages.degrading import read_sizes
from ddpg.stages.evaluation import Measured, Observations, quality_rows
from ddpg.stages.observed.pictures import pictures_of

NO_PICTURE = "coefficients, not a picture"
"""Why an observation has no value."""


def evaluate_observations(job: ObservationEvaluation) -> None:
    """Measure what was observed of a shard; so a restoration that is worse than its input is seen.

    An observation that is no picture has no values, and their note says so, see
    :func:`ddpg.stages.observed.pictures.pictures_of`. It has no cost.

    Args:
        job: how the pictures were degraded, what is measured, and the files.

    Raises:
        UserError: an observation holds values that are not finite.
        CorruptFileError: an input has changed since it was written, or lacks an image.
    """
    images = job.images or tuple(read_ids(job.observations))
    sigma_y = float(job.columns["sigma_y"])
    observed = Observations(job.observations, job.degradation, sigma_y, "cpu")
    if job.truth is not None:
        truth = read_tensors(job.truth, images)
        sizes = {name: (x.shape[-2], x.shape[-1]) for name, x in truth.items()}
    else:
        sizes = read_sizes(job.observations, images, job.image_size)
    shown, failures = {}, {}
    for image in images:
        seen = observed.of([image], observed.kept(sizes[image]))
        picture = pictures_of(seen.y, seen.operator)
        if picture is None:
            failures[image] = Measured("", NO_PICTURE, of_image=False)
        else:
            shown[image] = picture[0].to(torch.float32)
    rows = quality_rows(job, images, shown, failures, job.observations, observed, "cpu")
    write_long_table(job.output, rows)
