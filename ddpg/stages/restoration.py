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
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from ddpg.files.contents import sha256_of
from ddpg.files.costs import FAILURE, SETTINGS, at_a_time
from ddpg.files.locking import locked
from ddpg.files.tensors import read_ids
from ddpg.jobs.restoration import Restoration
from ddpg.machine.hardware import device_name
from ddpg.machine.progress import steps_bar
from ddpg.priors.execution import best_batch_size
from ddpg.samplers.problem import NonFiniteError, State, divergences
from ddpg.stages.batches import Restorer, execution_of, prior_identity
from ddpg.stages.finished import FinishedImages
from ddpg.stages.sizes.shapes import by_size
from ddpg.study.sizes.sides import sides_of

log = logging.getLogger(__name__)

WITHOUT_NETWORK = 16
"""Images at a time of methods that call no network."""
SQUARE = 256
"""Side of pictures of which so many are no burden; of larger ones of their own sizes fewer are."""


def restore_shard(job: Restoration, *, device: str) -> None:
    """Restore a shard.

    Writes the restorations on [-1, 1], not clipped, keyed by id, without those that failed; a CSV
    file of seconds, network evaluations and peak memory (MiB) of each image, how the network was
    run, and why there is no restoration, where there is none; and a folder with a PNG of each.

    Args:
        job: what to restore, and where to write. Its batch size changes a result by rounding at
            most; without one it is what the prior's card says, else as many as fit on a GPU, one
            on a CPU.
        device: where to compute.

    Raises:
        UserError: the input is not as it must be.
        torch.OutOfMemoryError: not even one image fits into the device's memory.
    """
    # The job of a scheduler that died may still be at the shard, and a new one sent to it.
    with locked(job.output, optional=True):
        images = job.images or tuple(read_ids(job.observations))
        finished = FinishedImages(job.output, digest(job, device), getattr(torch, job.dtype))
        waiting = finished.waiting(images)
        if waiting:
            _ShardRestorer(job, device, len(images)).restore(waiting, finished)
        finished.assemble(images, job.costs, job.pictures)


def digest(job: Restoration, device: str) -> str:
    """Names the job: its settings, input, prior, code and kind of device."""
    settings = {name: getattr(job, name) for name in Restoration.setting_names()}
    execution = ("prior", "precision", "layout", "compile")
    parameters = {name: value for name, value in settings.items() if name not in execution}
    identity = [
        parameters,
        prior_identity(job, device),
        sha256_of(job.observations),
        torch.device(device).type,
    ]
    text = json.dumps(identity, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _ShardRestorer(Restorer):
    """Restores a shard batch by batch, and keeps what is finished."""

    def __init__(self, job: Restoration, device: str, images: int) -> None:
        super().__init__(job, device)
        self._images = images
        self._evaluations: list[int] = []
        self._asked_batch_size = job.batch_size

    def restore(self, waiting: Sequence[str], finished: FinishedImages) -> None:
        """Restore images, keeping each batch as soon as it is done."""
        steps = max(1, self.sampler.network_evaluations)
        sizes = self.sizes(waiting)
        with steps_bar(self.job.method, len(waiting) * steps) as bar:
            for group in by_size(sizes):
                self._restore_group(group, sizes[group[0]], finished, bar)

    def _restore_group(
        self, images: Sequence[str], size: tuple[int, int], finished: FinishedImages, bar: tqdm
    ) -> None:
        """Restore images of one size."""
        rest, batch_size = list(images), self._batch_size_of(size)
        if self.prior is not None:
            steps = max(1, self.sampler.network_evaluations)
            self.prior.expect(-(-len(rest) // batch_size) * steps)
            settings = ", ".join(f"{name} {value}" for name, value in self.prior.settings.items())
            log.info("the prior: %s; %d images at a time", settings, batch_size)
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

    def _batch_size_of(self, size: tuple[int, int]) -> int:
        """Images of a size at a time."""
        if self._asked_batch_size:
            return self._asked_batch_size
        if self.prior is None:
            fitting = WITHOUT_NETWORK * SQUARE**2 // (size[0] * size[1])
            own = sides_of(self.job.image_size) is None
            return max(1, min(WITHOUT_NETWORK, fitting)) if own else WITHOUT_NETWORK
        given = execution_of(self.job).batch_size
        return given or best_batch_size(self.prior, size)

    def _restore_batch(
        self, batch: Sequence[str], finished: FinishedImages, bar: tqdm, batch_size: int
    ) -> None:
        started = time.perf_counter()
        self._evaluations = [0] * len(batch)
        try:
            restored, failures = self._restored(batch, bar)
        except FloatingPointError:
            # A method that cannot say which image it was: each is tried alone.
            for name in batch:
                self._restore_batch([name], finished, bar, 1)
            return
        cost = {
            "seconds": f"{(time.perf_counter() - started) / len(batch):.4f}",
            "peak_memory_mib": f"{peak_memory_mib(torch.device(self.device)):.0f}",
            SETTINGS: self._settings(min(batch_size, self._images)),
        }
        for position, (name, image) in enumerate(zip(batch, restored, strict=True)):
            failure = failures.get(position, "")
            if failure:
                log.warning("image %s is left out: %s", name, failure)
            # A method without steps cannot be watched.
            evaluations = self._evaluations[position] or self.sampler.network_evaluations
            counted = {"network_evaluations": evaluations}
            finished.keep(name, image, cost | counted | {FAILURE: failure})

    def _restored(self, batch: Sequence[str], bar: tqdm) -> tuple[Tensor, dict[int, str]]:
        """The restorations, and position -> reason of those that failed.

        A batch goes on to its end with an image that has diverged, as if that were any other: so
        its neighbours are the same to the last bit, whatever became of it.
        """
        method, failures = self.job.method, {}
        try:
            counting = partial(self._count, bar)
            restored = self.batch(batch).restored(self.sampler, self.job.told_sigma_y, counting)
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
        reason = " ".join(str(error).split()) or "a floating-point error"
        size = self.sizes(batch)[batch[0]]
        return torch.full((1, 3, *size), torch.nan), {0: f"{self.job.method} diverged: {reason}"}

    def _count(self, bar: tqdm, state: State) -> None:
        """Add the calls of the network in a step to those of each image."""
        self._evaluations = [sum(pair) for pair in zip(self._evaluations, state.calls, strict=True)]
        bar.update(sum(state.calls))

    def _settings(self, images: int) -> str:
        """How the network was run, and on what, in words; nothing without a network."""
        if self.prior is None:
            return ""
        settings = self.prior.settings
        compiled = {"yes": ["compiled"], "no": ["not compiled"]}.get(settings.get("compiled", ""))
        words = [settings["precision"], settings.get("layout", "").replace("_", " ")]
        tiles = [f"tiles of {settings['tiles']}"] if "tiles" in settings else []
        words += [*(compiled or []), *tiles, at_a_time(images)]
        return f"{', '.join(filter(None, words))} on {device_name(self.device)}"


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device so far, or of the process on a CPU, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
