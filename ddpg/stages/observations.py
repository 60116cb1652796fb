"""Second stage: what is observed of each picture, made once and shared by all methods."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_ids, read_labels, read_tensors, write_tensors
from ddpg.images import unit_pixels
from ddpg.jobs.observation import Adoption, Observation
from ddpg.noise import SeededNoise
from ddpg.operators.kernels import motion_kernel
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.stages.degrading import KERNEL, MASK, SIZE, Belongings, Model, stored
from ddpg.stages.observing.noise_models import after_noise, before_noise
from ddpg.stages.sizes.shapes import by_size, have_own_sizes
from ddpg.study.sizes.sides import sides_of

log = logging.getLogger(__name__)


def adopt(job: Adoption) -> None:
    """Take observations that somebody else has made, once they are known to be of a degradation.

    Where a mask says that a pixel is unknown, y is 0.

    Args:
        job: what they are observations of, and the files: what
            :func:`ddpg.stages.preparation.prepare_observations` wrote, and what :func:`observe`
            would write.

    Raises:
        UserError: observations of other sizes or channels, all in one message; or a kernel or mask
            is none.
    """
    images = job.images or tuple(read_ids(job.given))
    model, belongings = Model.of(job), Belongings(job.kernel, job.mask, job.kernel_side)
    given, sides = read_tensors(job.given, images), sides_of(job.image_size)
    observed: dict[str, Tensor] = {}
    beside: dict[str, Tensor] = {}
    problems: list[str] = []
    for group in by_size({name: (y.shape[-2], y.shape[-1]) for name, y in given.items()}):
        seen = given[group[0]].shape[-2:]
        kernels = replace(belongings, mask="").tensors(model, (0, 0), group)
        size = sides or model.unknown_size(seen, kernels)
        parts = belongings.tensors(model, size, group)
        expected = model.operator(size, parts).observation_shape
        if tuple(expected[1:]) != tuple(seen):
            problems += [
                f"{name} has {seen[1]} x {seen[0]} pixels; an observation of a picture of "
                f"{size[1]} x {size[0]} (image_size) has {expected[2]} x {expected[1]} by this "
                "degradation"
                for name in group
            ]
            continue
        y = torch.stack([_with_channels(name, given[name], expected[0]) for name in group])
        if MASK in parts:
            y = y * parts[MASK].to(y)[:, None]
        if sides is None:
            parts[SIZE] = torch.tensor(size).expand(len(group), 2)
        observed |= {name: y[i].contiguous() for i, name in enumerate(group)}
        beside |= stored(parts, group)
    if problems:
        raise UserError("\n".join(problems))
    _write(observed | beside, job.output, images, job.given)
    log.info("%s: took %d observations", job.output, len(images))


def _with_channels(name: str, y: Tensor, channels: int) -> Tensor:
    """An observation (C, h, w) with the channels that its operator gives; grey is equal colours."""
    if len(y) == channels:
        return y
    if len(y) == 1:
        return y.expand(channels, *y.shape[1:])
    if channels == 1 and bool((y == y[:1]).all()):
        return y[:1]
    raise UserError(f"{name}: has {len(y)} channels, an observation by this degradation {channels}")


def observe(job: Observation) -> None:
    """Degrade the pictures of a shard: ``y = A x + 2 sigma_y e``.

    Of a picture whose sides the scale of super-resolution does not divide the last rows and columns
    are cut off first, see :meth:`ddpg.stages.degrading.Model.kept`, which is logged.

    Writes y, float32 on [-1, 1], keyed by id, and what belongs to each, see
    :mod:`ddpg.stages.degrading`; the class labels go on with them.

    Raises:
        UserError: the task and the kernels do not go together; a kernel or mask is none.
    """
    images, drawn = job.images or tuple(read_ids(job.truth)), job.kernel_seeds
    if (job.task == "motion_deblur") != bool(drawn):
        raise UserError(f"{job.task}: motion kernels are needed by motion_deblur, and only by it")
    if drawn and len(drawn) != len(images):
        raise UserError(f"{len(drawn)} kernel seeds were given for {len(images)} images")
    model = Model.of(job)
    belongings = Belongings(job.kernel, job.mask, job.kernel_side, job.picture_seeds)
    truth = {
        name: _kept(name, pixels, model) for name, pixels in read_tensors(job.truth, images).items()
    }
    # The degradation is part of the purpose, so that two tasks never share their noise.
    purpose = f"observation/{job.card or job.task}/{job.operator}/{job.scale}/{job.sigma_y!r}"
    seeded = partial(SeededNoise, job.seed, dataset=job.dataset)
    own_sizes = have_own_sizes(job.truth)
    observed: dict[str, Tensor] = {}
    beside: dict[str, Tensor] = {}
    for group in by_size({name: (x.shape[-2], x.shape[-1]) for name, x in truth.items()}):
        x = 2 * unit_pixels(torch.stack([truth[name] for name in group])) - 1
        size, numbers = (x.shape[-2], x.shape[-1]), [images.index(name) for name in group]
        parts = belongings.of(numbers).tensors(model, size, group)
        if drawn:
            parts[KERNEL] = _motion_kernels(job, numbers)
        clean = model.operator(size, parts).forward(x)
        if job.noise_model:
            counted = seeded(group, purpose=f"{purpose}/{job.noise_model}")
            clean = before_noise(job.noise_model, clean, counted)
        noise = seeded(group, purpose=purpose)
        y = clean + NOISY_SCALE * job.sigma_y * noise.initial(clean.shape)
        if job.noise_model:
            y = after_noise(job.noise_model, y)
        if own_sizes:
            parts[SIZE] = torch.tensor([size] * len(group))
        observed |= {name: y[i].contiguous() for i, name in enumerate(group)}
        beside |= stored(parts, group)
    _write(observed | beside, job.output, images, job.truth)
    log.info("%s: observed %d pictures", job.output, len(images))


def _motion_kernels(job: Observation, numbers: Sequence[int]) -> Tensor:
    """The kernels (B, k, k) of some of the pictures, by their places."""
    kernels = [
        motion_kernel(job.kernel_size, job.kernel_intensity, seed=job.kernel_seeds[number])
        for number in numbers
    ]
    return torch.stack([torch.as_tensor(kernel) for kernel in kernels])


def _write(
    tensors: Mapping[str, Tensor], output: Path, images: Sequence[str], source: Path
) -> None:
    """Write observations with the labels that the file has from which they come."""
    labels = {name: label for name, label in read_labels(source).items() if name in images}
    write_tensors(tensors, output, ids=images, labels=labels)


def _kept(name: str, pixels: Tensor, model: Model) -> Tensor:
    """What is degraded of a picture (3, H, W)."""
    height, width = pixels.shape[-2:]
    kept = model.kept((height, width))
    if kept == (height, width):
        return pixels
    if min(kept) == 0:
        raise UserError(f"{name}: {width} x {height} is smaller than the scale {model.scale}")
    log.info(
        "%s: %d x %d cut to %d x %d, which the scale %s divides",
        *(name, width, height, kept[1], kept[0], model.scale),
    )
    return pixels[:, : kept[0], : kept[1]]
