"""Third stage: one method on one shard of observations.

A shard is restored in batches; what is finished survives a job that is killed, see
:mod:`ddpg.stages.finished`. A batch that does not fit into the device's memory is halved. An image
whose restoration diverges is recorded as failed, with the reason, and the others go on untouched.
"""

from __future__ import annotations

import hashlib
import json
import logging
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ddpg.files.contents import file_content
from ddpg.files.costs import FAILURE, SETTINGS, at_a_time
from ddpg.files.locking import locked
from ddpg.files.tensors import read_labels
from ddpg.machine.hardware import device_name
from ddpg.machine.progress import steps_bar
from ddpg.noise import SeededNoise
from ddpg.priors.base import Prior
from ddpg.priors.batching import best_batch_size
from ddpg.priors.cards.card import card_identity, read_card
from ddpg.priors.execution import Execution, best_precision
from ddpg.priors.loading import load_prior
from ddpg.samplers.base import Sampler
from ddpg.samplers.building import build_sampler
from ddpg.samplers.methods import METHODS
from ddpg.samplers.problem import NonFiniteError, divergences
from ddpg.stages.finished import FinishedImages
from ddpg.stages.observations import observation_operator, read_observations
from ddpg.study.config import Compile, ExecutionSettings, Layout, Precision

log = logging.getLogger(__name__)

WITHOUT_NETWORK = 16
"""Images at a time of methods that call no network."""


@dataclass(frozen=True)
class PriorChoice:
    """The prior of a job.

    Attributes:
        card: name or path of its card; empty for methods without a prior.
        precision, layout, compile: how the network is run; the card's, else the device's
            defaults if None.
        weights, classifier: converted checkpoints, where the card's own file is not meant.
    """

    card: str = ""
    precision: Precision | None = None
    weights: Path | None = None
    classifier: Path | None = None
    layout: Layout | None = None
    compile: Compile | None = None

    @property
    def execution(self) -> ExecutionSettings:
        """How the network is to be run, as far as the choice or else the card says."""
        chosen = ExecutionSettings(
            precision=self.precision, layout=self.layout, compile=self.compile
        )
        return chosen.over(read_card(self.card).execution) if self.card else chosen

    def load(self, device: str) -> Prior:
        """The prior on a device."""
        execution = self.execution
        return load_prior(
            self.card,
            device=device,
            dtype=execution.precision or "auto",
            weights=self.weights,
            classifier=self.classifier,
            execution=Execution.of(execution),
        )

    def identity(self, device: str) -> list[object]:
        """What a restoration by this prior depends on."""
        files = [file_content(path) for path in (self.weights, self.classifier) if path]
        card = card_identity(self.card) if self.card else ""
        # An interrupted job may go on at a machine that would have chosen another one.
        execution = self.execution
        precision = execution.precision or str(best_precision(torch.device(device)))
        how = [precision, execution.layout, execution.compile]
        return [card, how, files]


@dataclass(frozen=True)
class RestorationJob:
    """Everything that decides what a restoration job computes.

    Attributes:
        dataset: name of the data set, part of the noise's seed.
        images: ids, in order.
        image_size: side of the pictures.
        task, backend, scale, sigma_y: the degradation, as it was observed.
        method, hyper_parameters: the sampler.
        seed: the study's seed.
        repeat: which of the restorations of an image this is; each has its own noise.
        prior: the denoiser.
        dtype: "float16" or "float32", how the restorations are stored.
    """

    dataset: str
    images: Sequence[str]
    image_size: int
    task: str
    backend: str
    scale: int | None
    sigma_y: float
    method: str
    hyper_parameters: Mapping[str, int | float | str]
    seed: int
    prior: PriorChoice = field(default_factory=PriorChoice)
    dtype: str = "float16"
    repeat: int = 0

    @property
    def chosen_prior(self) -> PriorChoice:
        """The prior as the method wants it: gradients of the network are taken in float32, unless
        the precision was chosen. In bfloat16 they move results by more than 0.02 dB."""
        precision = self.prior.execution.precision
        if precision is None and METHODS[self.method].differentiates:
            return replace(self.prior, precision="float32")
        return self.prior

    def digest(self, observations: Path, code: str, device: str) -> str:
        """Names the job: its parameters, input, prior, code and kind of device."""
        content = hashlib.sha256(observations.read_bytes()).hexdigest()
        parameters = {**asdict(self), "prior": self.chosen_prior.identity(device)}
        identity = [parameters, content, code, torch.device(device).type]
        text = json.dumps(identity, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def restore_shard(
    job: RestorationJob,
    observations: Path,
    *,
    output: Path,
    costs: Path,
    pictures: Path,
    code: str,
    device: str,
    batch_size: int | None = None,
) -> None:
    """Restore a shard.

    Args:
        job: what to compute.
        observations: safetensors file of the stage before.
        output: safetensors file: restored images on [-1, 1], not clipped, keyed by id; without
            those that failed.
        costs: CSV file: seconds, network evaluations and peak memory (MiB) of each image, how the
            network was run, and why there is no restoration, where there is none.
        pictures: folder that receives a PNG of each restored image.
        code: fingerprint of the code, part of the state folder's name.
        device: where to compute.
        batch_size: images at a time, which changes a result by rounding at most; if None as the
            prior's card says, else as many as fit on a GPU, one on a CPU.

    Raises:
        ValueError: the batch size is not positive.
        torch.OutOfMemoryError: not even one image fits into the device's memory.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    digest = job.digest(observations, code, device)
    # The job of a scheduler that died may still be at the shard, and a new one sent to it.
    with locked(output, optional=True):
        finished = FinishedImages(output, digest, getattr(torch, job.dtype))
        waiting = finished.waiting(job.images)
        if waiting:
            _Restorer(job, observations, device).restore(waiting, finished, batch_size)
        finished.assemble(job.images, costs, pictures)


class _Restorer:
    """What the batches of a shard share: sampler, prior, labels."""

    def __init__(self, job: RestorationJob, observations: Path, device: str) -> None:
        values: dict[str, Any] = dict(job.hyper_parameters)
        self._job, self._observations, self._device = job, observations, device
        self._sampler: Sampler = build_sampler(job.method, **values)
        self._prior = job.chosen_prior.load(device) if job.prior.card else None
        wanted = self._prior is not None and self._prior.needs_labels
        self._labels = read_labels(observations) if wanted else {}

    def restore(
        self, waiting: Sequence[str], finished: FinishedImages, batch_size: int | None
    ) -> None:
        """Restore images, keeping each batch as soon as it is done."""
        steps = max(1, self._sampler.network_evaluations)
        rest = list(waiting)
        if batch_size is None:
            batch_size = self._best_batch_size()
        if self._prior is not None:
            self._prior.expect(-(-len(rest) // batch_size) * steps)
            settings = ", ".join(f"{name} {value}" for name, value in self._prior.settings.items())
            log.info("the prior: %s; %d images at a time", settings, batch_size)
        with steps_bar(self._job.method, len(rest) * steps) as bar:
            while rest:
                batch = rest[:batch_size]
                try:
                    self._restore_batch(batch, finished, bar, batch_size)
                except torch.OutOfMemoryError:
                    if len(batch) == 1:
                        raise
                    batch_size = len(batch) // 2
                    torch.cuda.empty_cache()
                    log.warning(
                        "out of memory with %d images at a time; going on with %d",
                        len(batch),
                        batch_size,
                    )
                else:
                    rest = rest[len(batch) :]

    def _best_batch_size(self) -> int:
        if self._prior is None:
            return WITHOUT_NETWORK
        given = self._job.prior.execution.batch_size
        return given or best_batch_size(self._prior, self._job.image_size)

    def _restore_batch(
        self, batch: Sequence[str], finished: FinishedImages, bar: tqdm, batch_size: int
    ) -> None:
        started = time.perf_counter()
        try:
            restored, failures = self._restored(batch, bar)
        except FloatingPointError:
            # A method that cannot say which image it was: each is tried alone.
            for name in batch:
                self._restore_batch([name], finished, bar, 1)
            return
        cost = {
            "seconds": f"{(time.perf_counter() - started) / len(batch):.4f}",
            "network_evaluations": self._sampler.network_evaluations,
            "peak_memory_mib": f"{peak_memory_mib(torch.device(self._device)):.0f}",
            SETTINGS: self._settings(min(batch_size, len(self._job.images))),
        }
        for position, (name, image) in enumerate(zip(batch, restored, strict=True)):
            failure = failures.get(position, "")
            if failure:
                log.warning("image %s is left out: %s", name, failure)
            finished.keep(name, image, cost | {FAILURE: failure})

    def _restored(self, batch: Sequence[str], bar: tqdm) -> tuple[Tensor, dict[int, str]]:
        """The restorations, and position -> reason of those that failed.

        A batch goes on to its end with an image that has diverged, as if that were any other: so
        its neighbours are the same to the last bit, whatever became of it.

        Raises:
            FloatingPointError: some image of several has failed, it is not known which.
        """
        method, failures = self._job.method, {}
        try:
            restored = self._compute(batch, bar)
        except NonFiniteError as error:
            if error.restored is None:
                return self._failed(batch, error)
            restored, failures = error.restored.cpu(), error.failures
        except FloatingPointError as error:
            return self._failed(batch, error)
        return restored, divergences(method, restored) | failures

    def _failed(
        self, batch: Sequence[str], error: FloatingPointError
    ) -> tuple[Tensor, dict[int, str]]:
        """A batch of one image that failed, as :meth:`_restored` returns it; raises for several."""
        if len(batch) > 1:
            raise error
        size = self._job.image_size
        reason = " ".join(str(error).split()) or "a floating-point error"
        return torch.full((1, 3, size, size), torch.nan), {
            0: f"{self._job.method} diverged: {reason}"
        }

    def _compute(self, batch: Sequence[str], bar: tqdm) -> Tensor:
        job = self._job
        y, kernels = read_observations(self._observations, batch, task=job.task)
        operator = observation_operator(job.task, job.image_size, job.backend, job.scale, kernels)
        # Drawn on the CPU wherever the network runs: a GPU gives the same restoration, and a
        # mixed cluster one study.
        purpose = f"restoration/{job.repeat}" if job.repeat else "restoration"
        noise = SeededNoise(job.seed, batch, dataset=job.dataset, purpose=purpose)
        return self._sampler.restore(
            y.to(self._device),
            operator.to(self._device),
            self._prior_of(batch),
            sigma_y=job.sigma_y,
            noise=noise,
            callback=lambda _state: bar.update(len(batch)),
        ).cpu()

    def _settings(self, images: int) -> str:
        """How the network was run, and on what, in words; nothing without a network."""
        if self._prior is None:
            return ""
        settings = self._prior.settings
        compiled = {"yes": ["compiled"], "no": ["not compiled"]}.get(settings.get("compiled", ""))
        words = [settings["precision"], settings.get("layout", "").replace("_", " ")]
        words += [*(compiled or []), at_a_time(images)]
        return f"{', '.join(filter(None, words))} on {device_name(self._device)}"

    def _prior_of(self, batch: Sequence[str]) -> Prior | None:
        """The prior, told the classes of the batch where it asks for them."""
        if self._prior is None or not self._prior.needs_labels:
            return self._prior
        missing = [name for name in batch if name not in self._labels]
        if missing:
            raise ValueError(
                f"{self._observations}: the prior {self._job.prior.card} needs class labels, but "
                f"the data set gives none for {', '.join(missing)}"
            )
        return self._prior.conditioned_on([self._labels[name] for name in batch])


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device so far, or of the process on a CPU, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
