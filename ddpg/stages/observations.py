"""Second stage: what is observed of each picture, made once and shared by all methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_labels, read_tensors, write_tensors
from ddpg.images import unit_pixels
from ddpg.noise import SeededNoise
from ddpg.operators.kernels import motion_kernel
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.stages.degrading import KERNEL, MASK, SIZE, Belongings, Model, stored
from ddpg.stages.observing.noise_models import after_noise, before_noise
from ddpg.stages.sizes.shapes import by_size, have_own_sizes
from ddpg.study.sizes.sides import Word, sides_of

log = logging.getLogger(__name__)


def adopt(
    given_file: Path,
    output: Path,
    *,
    images: Sequence[str],
    model: Model,
    image_size: Word,
    belongings: Belongings,
) -> None:
    """Take observations that somebody else has made, once they are known to be of a degradation.

    Args:
        given_file: of :func:`ddpg.stages.preparation.prepare_observations`.
        output: as :func:`observe` writes it. Where a mask says that a pixel is unknown, y is 0.
        images: ids, in order.
        model: what they are observations of.
        image_size: of what is to be restored; "native" for what each observation is of.
        belongings: the kernels and masks of the degradation's card.

    Raises:
        UserError: observations of other sizes or channels, all in one message; or a kernel or mask
            is none.
    """
    given, sides = read_tensors(given_file, images), sides_of(image_size)
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
    labels = {name: label for name, label in read_labels(given_file).items() if name in images}
    write_tensors(observed | beside, output, ids=images, labels=labels)
    log.info("%s: took %d observations", output, len(images))


def _with_channels(name: str, y: Tensor, channels: int) -> Tensor:
    """An observation (C, h, w) with the channels that its operator gives; grey is equal colours."""
    if len(y) == channels:
        return y
    if len(y) == 1:
        return y.expand(channels, *y.shape[1:])
    if channels == 1 and bool((y == y[:1]).all()):
        return y[:1]
    raise UserError(f"{name}: has {len(y)} channels, an observation by this degradation {channels}")


@dataclass(frozen=True)
class MotionKernels:
    """One kernel per picture: their seeds, and the size and intensity they share."""

    seeds: Sequence[int]
    size: int
    intensity: float

    def of(self, numbers: Sequence[int]) -> MotionKernels:
        """Those of some of the pictures, by their places."""
        return replace(self, seeds=[self.seeds[number] for number in numbers])

    def tensor(self) -> Tensor:
        """The kernels (B, size, size)."""
        kernels = [motion_kernel(self.size, self.intensity, seed=seed) for seed in self.seeds]
        return torch.stack([torch.as_tensor(kernel) for kernel in kernels])


def observe(
    truth_file: Path,
    output: Path,
    *,
    dataset: str,
    images: Sequence[str],
    task: str,
    backend: str,
    scale: int | None,
    sigma_y: float,
    seed: int,
    motion: MotionKernels | None = None,
    card: str = "",
    noise_model: str = "",
    belongings: Belongings | None = None,
    share: float | None = None,
    weights: tuple[float, float, float] | None = None,
) -> None:
    """Degrade the pictures of a shard: ``y = A x + 2 sigma_y e``.

    Of a picture whose sides the scale of super-resolution does not divide the last rows and columns
    are cut off first, see :meth:`ddpg.stages.degrading.Model.kept`, which is logged.

    Args:
        truth_file: prepared pictures.
        output: safetensors file: y, float32 on [-1, 1], keyed by id, and what belongs to each, see
            :mod:`ddpg.stages.degrading`; the class labels go on with them.
        dataset: name of the data set, part of the noise's seed.
        images: ids, in order.
        task, backend, scale: the degradation, see :func:`ddpg.operators.build_operator`.
        sigma_y: noise level on the [0, 1] scale.
        seed: the study's seed.
        motion: the motion kernels, for the task that needs them.
        card: name of the degradation's card, if it has one.
        noise_model: what happens beside white noise, see ``ddpg.stages.observing.noise_models``.
        belongings: the kernels and masks of a card.
        share, weights: of compressed sensing and of colorization; None for the task's own.

    Raises:
        UserError: the task and the kernels do not go together; a kernel or mask is none.
    """
    if (task == "motion_deblur") != (motion is not None):
        raise UserError(f"{task}: motion kernels are needed by motion_deblur, and only by it")
    if motion is not None and len(motion.seeds) != len(images):
        raise UserError(f"{len(motion.seeds)} kernel seeds were given for {len(images)} images")
    model = Model(task, backend, scale, share, weights)
    truth = {
        name: _kept(name, pixels, model)
        for name, pixels in read_tensors(truth_file, images).items()
    }
    # The degradation is part of the purpose, so that two tasks never share their noise.
    purpose = f"observation/{card or task}/{backend}/{scale}/{sigma_y!r}"
    own_sizes = have_own_sizes(truth_file)
    observed: dict[str, Tensor] = {}
    beside: dict[str, Tensor] = {}
    for group in by_size({name: (x.shape[-2], x.shape[-1]) for name, x in truth.items()}):
        x = 2 * unit_pixels(torch.stack([truth[name] for name in group])) - 1
        size, numbers = (x.shape[-2], x.shape[-1]), [images.index(name) for name in group]
        parts = {} if belongings is None else belongings.of(numbers).tensors(model, size, group)
        if motion is not None:
            parts[KERNEL] = motion.of(numbers).tensor()
        clean = model.operator(size, parts).forward(x)
        if noise_model:
            counted = SeededNoise(seed, group, dataset=dataset, purpose=f"{purpose}/{noise_model}")
            clean = before_noise(noise_model, clean, counted)
        noise = SeededNoise(seed, group, dataset=dataset, purpose=purpose)
        y = clean + NOISY_SCALE * sigma_y * noise.initial(clean.shape)
        if noise_model:
            y = after_noise(noise_model, y)
        if own_sizes:
            parts[SIZE] = torch.tensor([size] * len(group))
        observed |= {name: y[i].contiguous() for i, name in enumerate(group)}
        beside |= stored(parts, group)
    tensors = observed | beside
    labels = {name: label for name, label in read_labels(truth_file).items() if name in images}
    write_tensors(tensors, output, ids=images, labels=labels)
    log.info("%s: observed %d pictures", output, len(images))


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
