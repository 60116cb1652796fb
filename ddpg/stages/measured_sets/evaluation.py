"""Fourth stage, of sets: all restorations of an experiment against all truths, a value for each
metric and the number of pictures.

A picture without a restoration is left out on both sides. What cannot be computed is empty, with
its reason; the number of pictures is there all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import MetricUnavailable, UserError
from ddpg.files.costs import failures_among, read_costs
from ddpg.files.long_table import write_long_table
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.jobs.evaluation import SetEvaluation
from ddpg.metrics.catalogue import SET_METRICS, SetMetric
from ddpg.metrics.sets import features
from ddpg.plugins import load_object
from ddpg.stages.evaluation import found_backbone, reference_of, unit_batch
from ddpg.stages.sizes.shapes import by_size, inner, scale_of

log = logging.getLogger(__name__)

COUNT = "pictures"
"""The measure that tells of how many pictures the others are."""
AT_A_TIME = 8
"""Images; the network takes 299 x 299 of each."""


def evaluate_sets(job: SetEvaluation, *, device: str) -> None:
    """Measure all restorations of an experiment together.

    Args:
        job: what is measured, by what, and where to write: the long format, whose column ``image``
            is empty.
        device: where to compute.

    Raises:
        UserError: there are not as many files of truths and costs as of restorations, or a
            restoration holds values that are not finite.
        CorruptFileError: an input has changed since it was written, or lacks an image.
    """
    if not len(job.truth) == len(job.restorations) == len(job.costs):
        raise UserError(
            f"{len(job.restorations)} files of restorations have {len(job.truth)} of truths and "
            f"{len(job.costs)} of costs"
        )
    shards = list(zip(job.truth, job.restorations, job.costs, strict=True))
    whole = [_whole(restorations, costs) for _, restorations, costs in shards]
    count = sum(map(len, whole))
    metrics = [SET_METRICS[name] for name in job.metrics]
    enough = [metric for metric in metrics if count >= metric.least]
    seen: tuple[Tensor, Tensor] | None = None
    reason = ""
    if enough:
        try:
            file = found_backbone({p.stem: p for p in job.backbones}.get(enough[0].weights))
            seen = _features(job, list(zip(shards, whole, strict=True)), file, device)
        except MetricUnavailable as error:
            reason = str(error)
    rows: list[dict[str, object]] = []
    for metric in metrics:
        value, why = "", reason if metric in enough else too_few(metric)
        if seen is not None and metric in enough:
            function = load_object(metric.function, f"metric {metric.name!r}")
            value, why = f"{function(*seen):.6f}", ""
        rows.append(
            {**job.columns, "image": "", "metric": metric.name, "value": value, "note": why}
        )
    told = {"metric": COUNT, "value": str(count), "note": ""}
    write_long_table(job.output, [*rows, {**job.columns, "image": "", **told}])
    log.info("%s: measured %d pictures together", job.output, count)


def too_few(metric: SetMetric) -> str:
    """Why a metric has no value; how many pictures there are stands beside it."""
    return f"it needs at least {metric.least} pictures"


def _whole(restorations: Path, costs: Path) -> list[str]:
    """The pictures of a shard that have been restored."""
    images = read_ids(restorations)
    failed = failures_among(read_costs(costs, images))
    return [name for name in images if name not in failed]


def _features(
    job: SetEvaluation,
    shards: list[tuple[tuple[Path, Path, Path], list[str]]],
    backbone: str | None,
    device: str,
) -> tuple[Tensor, Tensor]:
    """The features of all restorations and of their truths."""
    pairs = [
        (features(restored, backbone), features(truth, backbone))
        for (truths, restorations, _), images in shards
        for restored, truth in _batches(job, truths, restorations, images, device)
    ]
    restored, truth = zip(*pairs, strict=True)
    return torch.cat(restored).cpu(), torch.cat(truth).cpu()


def _batches(
    job: SetEvaluation, truths: Path, restorations: Path, images: list[str], device: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Restorations and truths of a shard on [0, 1], in batches of one size."""
    truth, restored = read_tensors(truths, images), read_tensors(restorations, images)
    scale = scale_of(job.columns)
    for group in by_size({n: (x.shape[-2], x.shape[-1]) for n, x in restored.items()}):
        for first in range(0, len(group), AT_A_TIME):
            batch = group[first : first + AT_A_TIME]
            candidate = unit_batch(restored, batch, restorations)
            reference = reference_of(truth, batch, candidate.shape[-2:], scale)
            shown = (candidate.clamp(0, 1), reference)
            yield tuple(inner(x, job.margin).to(device) for x in shown)  # type: ignore[misc]
