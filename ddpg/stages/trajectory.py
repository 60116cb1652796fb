"""Recording a trajectory: the network's estimate x0 of one image over the steps of a sampler."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.images import unit_pixels
from ddpg.jobs.restoration import Recording
from ddpg.metrics.measures import psnr
from ddpg.noise import Noise
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ImagePrior
from ddpg.samplers.base import Sampler
from ddpg.samplers.problem import NonFiniteError, State, divergences, overflows_as_divergence
from ddpg.stages.batches import Restorer
from ddpg.stages.sizes.shapes import counterpart, inner
from ddpg.stages.trajectory_file import Moment, Trajectory, failed_trajectory, write_trajectory

log = logging.getLogger(__name__)

PICTURES = 5
"""Estimates kept of a trajectory, the first and the last among them."""


def record_image(job: Recording, *, device: str) -> None:
    """Restore one image as the pipeline does, with the same noise, and keep what happens.

    A restoration that fails leaves a trajectory that says why, and holds nothing else.

    Args:
        job: what the restoration is, and where to write; its first image is taken.

    Raises:
        UserError: a file cannot be read or lacks the image, or the method takes no steps.
    """
    image = next(iter(job.images or read_ids(job.observations)), None)
    if image is None:
        raise UserError(f"{job.observations}: holds no observation")
    label, about = job.label or job.method, _about(job, image)
    picture = 2 * unit_pixels(read_tensors(job.truth, [image])[image][None])[0] - 1
    try:
        restorer = Restorer(job, device)
        picture = counterpart(picture, restorer.sizes([image])[image], job.scale or 1)
        batch = restorer.batch([image])
        with overflows_as_divergence():
            trajectory = record(
                restorer.sampler,
                batch.y,
                picture,
                batch.operator,
                batch.prior,
                sigma_y=job.told_sigma_y,
                noise=batch.noise,
                count=job.count,
                margin=job.margin,
                about=about,
            )
        failure = divergences(job.method, trajectory.restored[None]).get(0, "")
    except NonFiniteError as error:
        failure = error.failures.get(0, str(error))
    except FloatingPointError as error:
        failure = f"{job.method} diverged: {error}"
    except ValueError as error:
        raise UserError(f"{label}, image {image}: {error}") from error
    if failure:
        log.warning("%s, image %s: no trajectory: %s", label, image, failure)
        trajectory = failed_trajectory(batch.y[0].cpu().float(), picture, failure, about)
    write_trajectory(trajectory, job.output)


def _about(job: Recording, image: str) -> dict[str, Any]:
    return {
        "dataset": job.dataset, "task": job.card or job.task, "operator": job.operator,
        "scale": job.scale, "sigma_y": job.sigma_y, "method": job.method,
        "label": job.label or job.method, "image": image,
    }  # fmt: skip


def chosen_steps(steps: int, count: int) -> list[int]:
    """Return numbers of steps, evenly spaced, the first and the last among them.

    Args:
        steps: how many there are.
        count: how many are wanted, at least 1; fewer steps are all chosen.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count!r}")
    if count == 1:
        return [steps - 1]
    return sorted({round(k * (steps - 1) / (count - 1)) for k in range(count)})


class _Recorder:
    """A sampler's callback that keeps some estimates and the PSNR of all."""

    def __init__(self, truth: Tensor, count: int, margin: int) -> None:
        self._truth, self._count, self._margin = truth, count, margin
        self.moments: list[Moment] = []
        self.kept: dict[int, Tensor] = {}

    def __call__(self, state: State) -> None:
        step, x0 = state.step, state.x0.float().cpu()
        self.moments.append(Moment(step.index, step.t, quality(x0[0], self._truth, self._margin)))
        if step.index in chosen_steps(step.count, self._count):
            self.kept[step.index] = x0[0].clone()


def quality(image: Tensor, truth: Tensor, margin: int = 0) -> float:
    """Return the PSNR in dB of an image (3, H, W) on [-1, 1], clamped, as the tables have it; NaN
    for an image that is not finite.

    Args:
        margin: pixels at each edge that are left out.
    """
    image, truth = inner(image, margin), inner(truth, margin)
    if not bool(image.isfinite().all()):
        return math.nan
    unit = [(x[None].double() / 2 + 0.5) for x in (image, truth)]
    return float(psnr(unit[0].clamp(0, 1), unit[1], data_range=1))


def record(
    sampler: Sampler,
    y: Tensor,
    truth: Tensor,
    operator: LinearOperator,
    prior: ImagePrior | None,
    *,
    sigma_y: float,
    noise: Noise,
    count: int = PICTURES,
    margin: int = 0,
    about: Mapping[str, Any] | None = None,
) -> Trajectory:
    """Restore one image and keep what happens on the way.

    Args:
        y: (1, 3, h, w), the observation.
        truth: (3, H, W), on [-1, 1].
        operator, prior, sigma_y, noise: as for :meth:`ddpg.samplers.Sampler.restore`.
        count: estimates to keep, the first and the last among them.
        margin: pixels at each edge that are not measured.
        about: what the trajectory is of, kept with it.

    Raises:
        ValueError: the arguments do not fit each other, or the method takes no steps.
        NonFiniteError: the restoration left the numbers.
    """
    recorder = _Recorder(truth, count, margin)
    restored = sampler.restore(y, operator, prior, sigma_y=sigma_y, noise=noise, callback=recorder)
    restored = restored[0].float().cpu()
    if not recorder.kept:
        raise ValueError(f"{sampler.name} takes no steps: there is no trajectory to record")
    return Trajectory(
        torch.stack(list(recorder.kept.values())), restored, y[0].float().cpu(), truth,
        recorder.moments, list(recorder.kept), quality(restored, truth, margin), dict(about or {}),
    )  # fmt: skip
