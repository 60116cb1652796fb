"""Recording the trajectory of one image from the pipeline's files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ddpg.comparison.figures.trajectories import PICTURES, Trajectory, record
from ddpg.errors import UserError
from ddpg.files.tensors import read_labels, read_tensors
from ddpg.images import from_uint8
from ddpg.noise import SeededNoise
from ddpg.priors.base import Prior
from ddpg.samplers.building import build_sampler
from ddpg.samplers.problem import NonFiniteError, divergences
from ddpg.stages.observations import observation_operator, read_observations
from ddpg.stages.restoration import RestorationJob
from ddpg.stages.trajectory_file import failed_trajectory

log = logging.getLogger(__name__)


def record_image(
    job: RestorationJob,
    observations: Path,
    truth: Path,
    *,
    label: str,
    device: str,
    count: int = PICTURES,
) -> Trajectory:
    """Restore one image as the pipeline does, with the same noise, and keep what happens.

    A restoration that fails leaves a trajectory that says why, and holds nothing else.

    Args:
        job: what the restoration is; its first image is taken.
        observations, truth: the shards that hold the image.
        label: the experiment's name.
        device: where to compute.
        count: estimates to keep.

    Raises:
        UserError: a file cannot be read or lacks the image, or the method takes no steps.
    """
    image = job.images[0]
    about = _about(job, label, image)
    y, kernels = read_observations(observations, [image], task=job.task)
    picture = 2 * from_uint8(read_tensors(truth, [image])[image][None])[0] - 1
    operator = observation_operator(job.task, job.image_size, job.backend, job.scale, kernels)
    purpose = f"restoration/{job.repeat}" if job.repeat else "restoration"
    values: dict[str, Any] = dict(job.hyper_parameters)
    try:
        trajectory = record(
            build_sampler(job.method, **values),
            y.to(device),
            picture,
            operator.to(device),
            _prior(job, observations, image, device),
            sigma_y=job.sigma_y,
            noise=SeededNoise(job.seed, [image], dataset=job.dataset, purpose=purpose),
            count=count,
            about=about,
        )
        failure = divergences(job.method, trajectory.restored[None]).get(0, "")
    except NonFiniteError as error:
        failure = error.failures.get(0, str(error))
    except ValueError as error:
        raise UserError(f"{label}, image {image}: {error}") from error
    if not failure:
        return trajectory
    log.warning("%s, image %s: no trajectory: %s", label, image, failure)
    return failed_trajectory(y[0].float(), picture, failure, about)


def _prior(job: RestorationJob, observations: Path, image: str, device: str) -> Prior | None:
    """The prior, told the class of the image where it asks for it."""
    if not job.prior.card:
        return None
    prior = job.chosen_prior.load(device)
    if not prior.needs_labels:
        return prior
    labels = read_labels(observations)
    if image not in labels:
        raise UserError(f"{observations}: has no class label of {image}, which the prior needs")
    return prior.conditioned_on([labels[image]])


def _about(job: RestorationJob, label: str, image: str) -> dict[str, Any]:
    return {
        "dataset": job.dataset, "task": job.task, "operator": job.backend, "scale": job.scale,
        "sigma_y": job.sigma_y, "method": job.method, "label": label, "image": image,
    }  # fmt: skip
