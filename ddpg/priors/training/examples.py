"""What each step of a training run sees: patches, times and noise, all from (seed, step).

Examples are made in the order of the steps by as many processes as are asked for, ahead of the
network. Whoever makes them, and whether the run was stopped before, step number n sees the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ddpg.priors.schedule import Schedule
from ddpg.priors.training.pictures import TrainingPictures
from ddpg.priors.training.recipe import TrainingConfig


class Example(NamedTuple):
    """Of one step: patches (B, size, size, 3), uint8; times (B,); what noise is drawn from."""

    patches: Tensor
    times: Tensor
    noise_seed: int


class Examples(Dataset[Example]):
    """The example of every step of a recipe.

    Args:
        config: the recipe.
        pictures: that patches are cut from.
    """

    def __init__(self, config: TrainingConfig, pictures: TrainingPictures) -> None:
        self.config, self.pictures = config, pictures
        self._log_sigmas = np.log(Schedule.linear().levels).astype(np.float32)

    def __getitem__(self, step: int) -> Example:
        config = self.config
        rng = np.random.default_rng([config.seed, 1, step])
        cooling = step >= config.steps - config.cooldown
        count = config.cooldown_batch_size if cooling else config.batch_size
        size = config.cooldown_patch_size if cooling else config.patch_size
        patches = torch.from_numpy(self.pictures.batch(count, size, rng))
        times = torch.from_numpy(self._times(count, rng))
        return Example(patches, times, int(rng.integers(2**62)))

    def _times(self, count: int, rng: Generator) -> NDArray[np.int64]:
        """Time indices: some log-normal in the noise level, some uniform."""
        near = np.searchsorted(self._log_sigmas, rng.normal(-1.2, 1.2, count))
        uniform = rng.integers(len(self._log_sigmas), size=count)
        detailed = rng.random(count) < self.config.log_normal_share
        return np.where(detailed, near.clip(0, len(self._log_sigmas) - 1), uniform)
