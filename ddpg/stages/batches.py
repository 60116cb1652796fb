"""One way to restore a batch, for the restorations of a study and their trajectories alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.contents import file_content
from ddpg.files.tensors import read_labels, read_tensors
from ddpg.jobs.restoration import Restoring
from ddpg.noise import SeededNoise
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ClosedFormPrior, ImagePrior, Prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.identity import card_identity
from ddpg.priors.cards.limits import prior_limits
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.priors.execution import Execution, best_precision
from ddpg.priors.loading import load_prior
from ddpg.priors.tiling import on_tiles
from ddpg.samplers.base import Sampler
from ddpg.samplers.building import build_sampler
from ddpg.samplers.catalogue import METHODS
from ddpg.samplers.problem import State, overflows_as_divergence
from ddpg.stages.degrading import KERNEL, Model, assumed_kernels, read_belongings, read_sizes
from ddpg.study.sizes.sides import sides_of


@dataclass(frozen=True)
class Batch:
    """Some images of a shard, ready to be restored.

    Attributes:
        y: observations (B, 3, h, w), on the device.
        operator: what they were observed with.
        prior: the denoiser, told their classes where it asks for them.
        noise: theirs, whatever the batch.
    """

    y: Tensor
    operator: LinearOperator
    prior: ImagePrior | None
    noise: SeededNoise

    def restored(
        self, sampler: Sampler, sigma_y: float, callback: Callable[[State], None]
    ) -> Tensor:
        """The restorations, (B, 3, H, W) on the CPU.

        Raises:
            FloatingPointError: one of them left the numbers.
        """
        how: dict[str, Any] = {"sigma_y": sigma_y, "noise": self.noise, "callback": callback}
        with overflows_as_divergence():
            return sampler.restore(self.y, self.operator, self.prior, **how).cpu()


class Restorer:
    """What the batches of a job share: sampler, prior, labels.

    Raises:
        UserError: a hyper-parameter, the prior or the observations are not as they must be.
    """

    def __init__(self, job: Restoring, device: str) -> None:
        self.job, self.device = job, device
        self.sampler: Sampler = build_sampler(job.method, **job.sampler_values())
        self.prior = _prior(job, device) if job.prior else None
        wanted = self.prior is not None and self.prior.needs_labels
        self._labels = read_labels(job.observations) if wanted else {}

    def sizes(self, images: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Height and width of the pictures that are to be restored, by image."""
        return read_sizes(self.job.observations, images, self.job.image_size)

    def batch(self, images: Sequence[str]) -> Batch:
        """Images of the shard, by their ids; all of one size.

        Raises:
            UserError: they are of several sizes, or the prior lacks the class of one.
        """
        job, sizes = self.job, set(self.sizes(images).values())
        if len(sizes) > 1:
            raise UserError(f"{job.observations}: pictures of several sizes are no batch")
        y = torch.stack(list(read_tensors(job.observations, images).values()))
        parts = read_belongings(job.observations, images, job.task)
        if job.assumed_kernel:
            parts[KERNEL] = assumed_kernels(job.assumed_kernel, parts[KERNEL])
        operator = Model.of(job).operator(sizes.pop(), parts)
        purpose = f"restoration/{job.repeat}" if job.repeat else "restoration"
        # While a GPU runs the network, the threads of this job have nothing else to do.
        on_gpu = torch.device(self.device).type == "cuda"
        noise = SeededNoise(
            job.seed,
            images,
            dataset=job.dataset,
            purpose=purpose,
            device=self.device,
            ahead=torch.get_num_threads() if on_gpu else 0,
        )
        return Batch(y.to(self.device), operator.to(self.device), self._prior_of(images), noise)

    def _prior_of(self, images: Sequence[str]) -> ImagePrior | None:
        if self.prior is None or not self.prior.needs_labels:
            return self.prior
        missing = [name for name in images if name not in self._labels]
        if missing:
            raise UserError(
                f"{self.job.observations}: the prior {self.job.prior} needs class labels, but the "
                f"data set gives none for {', '.join(missing)}"
            )
        return self.prior.conditioned_on([self._labels[name] for name in images])


def execution_of(job: Restoring) -> ExecutionSettings:
    """How the network is to be run: as the job says, else the prior's card, else the method.

    Gradients of the network are taken in float32 unless the precision was chosen: in bfloat16 they
    move results by more than 0.03 dB.
    """
    chosen = ExecutionSettings(precision=job.precision, layout=job.layout, compile=job.compile)
    execution = chosen.over(read_card(job.prior).execution) if job.prior else chosen
    if execution.precision is None and METHODS[job.method].differentiates:
        return ExecutionSettings(precision="float32").over(execution)
    return execution


def prior_identity(job: Restoring, device: str) -> list[object]:
    """What a restoration depends on through its prior: card, execution, converted checkpoints."""
    files = [file_content(path) for path in (job.weights, job.classifier) if path]
    card = card_identity(job.prior) if job.prior else ""
    # An interrupted job may go on at a machine that would have chosen another precision.
    execution = execution_of(job)
    precision = execution.precision or str(best_precision(torch.device(device)))
    return [card, [precision, execution.layout, execution.compile], files]


def _prior(job: Restoring, device: str) -> ImagePrior:
    execution = execution_of(job)
    prior = load_prior(
        job.prior,
        device=device,
        dtype=execution.precision or "auto",
        weights=job.weights,
        classifier=job.classifier,
        execution=Execution.of(execution),
    )
    if sides_of(job.image_size) is not None or isinstance(prior, ClosedFormPrior):
        return prior
    if not isinstance(prior, Prior):
        raise UserError(f"{job.prior}: a consistency model takes no pictures of their own sizes")
    return on_tiles(prior, only=prior_limits(read_card(job.prior)).image_size)
