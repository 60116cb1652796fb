"""Recording the trajectory of one image from the pipeline's files."""

from __future__ import annotations

import logging
from typing import Any

from ddpg.comparison.figures.trajectories import record, write_trajectory
from ddpg.errors import UserError
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.images import from_uint8
from ddpg.jobs.restoration import Recording
from ddpg.samplers.problem import NonFiniteError, divergences
from ddpg.stages.batches import Restorer
from ddpg.stages.trajectory_file import failed_trajectory

log = logging.getLogger(__name__)


def record_image(job: Recording, *, device: str) -> None:
    """Restore one image as the pipeline does, with the same noise, and keep what happens.

    A restoration that fails leaves a trajectory that says why, and holds nothing else.

    Args:
        job: what the restoration is, and where to write; its first image is taken.
        device: where to compute.

    Raises:
        UserError: a file cannot be read or lacks the image, or the method takes no steps.
    """
    image = next(iter(job.images or read_ids(job.observations)), None)
    if image is None:
        raise UserError(f"{job.observations}: holds no observation")
    label, about = job.label or job.method, _about(job, image)
    picture = 2 * from_uint8(read_tensors(job.truth, [image])[image][None])[0] - 1
    try:
        restorer = Restorer(job, device)
        batch = restorer.batch([image])
        trajectory = record(
            restorer.sampler,
            batch.y,
            picture,
            batch.operator,
            batch.prior,
            sigma_y=job.sigma_y,
            noise=batch.noise,
            count=job.count,
            about=about,
        )
        failure = divergences(job.method, trajectory.restored[None]).get(0, "")
    except NonFiniteError as error:
        failure = error.failures.get(0, str(error))
    except ValueError as error:
        raise UserError(f"{label}, image {image}: {error}") from error
    if failure:
        log.warning("%s, image %s: no trajectory: %s", label, image, failure)
        trajectory = failed_trajectory(batch.y[0].cpu().float(), picture, failure, about)
    write_trajectory(trajectory, job.output)


def _about(job: Recording, image: str) -> dict[str, Any]:
    return {
        "dataset": job.dataset, "task": job.task, "operator": job.operator, "scale": job.scale,
        "sigma_y": job.sigma_y, "method": job.method, "label": job.label or job.method,
        "image": image,
    }  # fmt: skip
