"""Second stage: what is observed of each picture, made once and shared by all methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import read_labels, read_tensors, write_tensors
from ddpg.images import from_uint8
from ddpg.noise import SeededNoise
from ddpg.operators.kernels import motion_kernel
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.stages.degrading import KERNEL, Belongings, Model, stored

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MotionKernels:
    """One kernel per picture: their seeds, and the size and intensity they share."""

    seeds: Sequence[int]
    size: int
    intensity: float

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
    belongings: Belongings | None = None,
    share: float | None = None,
    weights: tuple[float, float, float] | None = None,
) -> None:
    """Degrade the pictures of a shard: ``y = A x + 2 sigma_y e``.

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
        belongings: the kernels and masks of a card.
        share, weights: of compressed sensing and of colorization; None for the task's own.

    Raises:
        UserError: the task and the kernels do not go together; a kernel or mask is none.
    """
    if (task == "motion_deblur") != (motion is not None):
        raise UserError(f"{task}: motion kernels are needed by motion_deblur, and only by it")
    if motion is not None and len(motion.seeds) != len(images):
        raise UserError(f"{len(motion.seeds)} kernel seeds were given for {len(images)} images")
    truth = read_tensors(truth_file, images)
    x = 2 * from_uint8(torch.stack([truth[name] for name in images])) - 1
    size = (x.shape[-2], x.shape[-1])
    model = Model(task, backend, scale, share, weights)
    parts = {} if belongings is None else belongings.tensors(model, size, images)
    if motion is not None:
        parts[KERNEL] = motion.tensor()
    clean = model.operator(size, parts).forward(x)
    # The degradation is part of the purpose, so that two tasks never share their noise.
    purpose = f"observation/{card or task}/{backend}/{scale}/{sigma_y!r}"
    noise = SeededNoise(seed, images, dataset=dataset, purpose=purpose)
    y = clean + NOISY_SCALE * sigma_y * noise.initial(clean.shape)
    tensors = {name: y[i].contiguous() for i, name in enumerate(images)} | stored(parts, images)
    labels = {name: label for name, label in read_labels(truth_file).items() if name in images}
    write_tensors(tensors, output, ids=images, labels=labels)
    log.info("%s: observed %d pictures", output, len(images))
