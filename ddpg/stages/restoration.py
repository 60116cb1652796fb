"""Third stage: one method on one shard of observations.

A shard is restored in batches. Each finished image is kept at once in a state folder beside the
output, named after everything the job depends on, so that a job that was killed goes on where it
stopped. The folder goes when the shard is complete.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import resource
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ddpg.files import replacing
from ddpg.images import save_png
from ddpg.noise import SeededNoise
from ddpg.operators import LinearOperator
from ddpg.priors import Prior, load_prior
from ddpg.priors.cards import card_identity
from ddpg.progress import steps_bar
from ddpg.samplers import Sampler, build_sampler
from ddpg.stages.observations import observation_operator, read_observations
from ddpg.tensors import read_tensors, write_tensors

log = logging.getLogger(__name__)

COST_COLUMNS = ("image", "seconds", "network_evaluations", "peak_memory_mib")


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
        prior: name or card of the prior; empty for methods without one.
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
    hyper_parameters: Mapping[str, int | float]
    seed: int
    prior: str
    dtype: str

    def digest(self, observations: Path, code: str, device: str) -> str:
        """Names the job: its parameters, input, prior, code and device."""
        content = hashlib.sha256(observations.read_bytes()).hexdigest()
        weights = card_identity(self.prior) if self.prior else ""
        identity = [asdict(self), content, weights, code, device]
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
    batch_size: int,
) -> None:
    """Restore a shard.

    Args:
        job: what to compute.
        observations: safetensors file of the stage before.
        output: safetensors file: restored images on [-1, 1], not clipped, keyed by id.
        costs: CSV file: seconds, network evaluations and peak memory (MiB) of each image.
        pictures: folder that receives a PNG of each image.
        code: fingerprint of the code, part of the state folder's name.
        device: where to compute.
        batch_size: images at a time; it never changes a result.

    Raises:
        FloatingPointError: the network returned NaN or infinity; names the step.
    """
    state = output.with_name(f".{output.stem}.{job.digest(observations, code, device)}.state")
    _drop_other_states(state, output.stem)
    waiting = [name for name in job.images if not _finished(state, name)]
    if len(waiting) < len(job.images):
        log.info(
            "%d of %d images were finished before", len(job.images) - len(waiting), len(job.images)
        )
    if waiting:
        _restore_images(job, observations, waiting, state, device, batch_size)
    _assemble(job, state, output, costs, pictures)
    shutil.rmtree(state)


def _restore_images(
    job: RestorationJob,
    observations: Path,
    waiting: Sequence[str],
    state: Path,
    device: str,
    batch_size: int,
) -> None:
    """Restore the images that are not finished, keeping each batch as soon as it is done."""
    values: dict[str, Any] = dict(job.hyper_parameters)
    sampler = build_sampler(job.method, **values)
    prior = load_prior(job.prior, device=device) if job.prior else None
    with steps_bar(f"{job.method}", len(waiting) * max(1, sampler.network_evaluations)) as bar:
        for first in range(0, len(waiting), batch_size):
            batch = waiting[first : first + batch_size]
            y, kernels = read_observations(observations, batch, task=job.task)
            operator = observation_operator(
                job.task, job.image_size, job.backend, job.scale, kernels
            ).to(device)
            started = time.perf_counter()
            restored = _restore_batch(job, sampler, prior, operator, y.to(device), batch, bar)
            seconds = (time.perf_counter() - started) / len(batch)
            _keep(job, state, batch, restored, seconds, sampler.network_evaluations)


def _restore_batch(
    job: RestorationJob,
    sampler: Sampler,
    prior: Prior | None,
    operator: LinearOperator,
    y: Tensor,
    batch: Sequence[str],
    bar: tqdm,
) -> Tensor:
    # Drawn on the CPU wherever the network runs: a GPU gives the same restoration, and a mixed
    # cluster one study.
    noise = SeededNoise(job.seed, batch, dataset=job.dataset)
    restored = sampler.restore(
        y,
        operator,
        prior,
        sigma_y=job.sigma_y,
        noise=noise,
        callback=lambda _state: bar.update(len(batch)),
    )
    return restored.cpu()


def _keep(
    job: RestorationJob,
    state: Path,
    batch: Sequence[str],
    restored: Tensor,
    seconds: float,
    evaluations: int,
) -> None:
    """Keep each image with its cost; the tensor is written last and means "finished"."""
    peak = peak_memory_mib(restored.device)
    for name, image in zip(batch, restored, strict=True):
        row = {
            "image": name,
            "seconds": f"{seconds:.4f}",
            "network_evaluations": evaluations,
            "peak_memory_mib": f"{peak:.0f}",
        }
        with replacing(state / f"{name}.json") as path:
            path.write_text(json.dumps(row), encoding="utf-8")
        write_tensors({name: image.to(getattr(torch, job.dtype))}, _tensor_file(state, name))


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device so far, or of the process on a CPU, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _tensor_file(state: Path, name: str) -> Path:
    return state / f"{name}.safetensors"


def _finished(state: Path, name: str) -> bool:
    return _tensor_file(state, name).is_file()


def _drop_other_states(state: Path, stem: str) -> None:
    """Remove what jobs with other parameters left of this shard."""
    for other in state.parent.glob(f".{stem}.*.state"):
        if other != state:
            shutil.rmtree(other)


def _assemble(job: RestorationJob, state: Path, output: Path, costs: Path, pictures: Path) -> None:
    """Make the shard's products from the finished images."""
    tensors = {name: read_tensors(_tensor_file(state, name), [name])[name] for name in job.images}
    rows = [json.loads((state / f"{name}.json").read_text()) for name in job.images]
    pictures.mkdir(parents=True, exist_ok=True)
    for name, image in tensors.items():
        save_png(pictures / f"{name}.png", image.float() / 2 + 0.5)
    with replacing(costs) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COST_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_tensors(tensors, output)
