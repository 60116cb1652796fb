"""Fourth stage, where pictures are restored several times: the restorations as samples.

docs/posterior.md says what is measured and why.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import MetricUnavailable, UserError
from ddpg.files.costs import failures_among, read_costs
from ddpg.files.long_table import note_of, write_long_table
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.images import unit_pixels
from ddpg.jobs.evaluation import SampleEvaluation
from ddpg.metrics import ensembles
from ddpg.metrics.measures import haarpsi, lpips, psnr
from ddpg.stages.evaluation import found_backbone, unit_batch
from ddpg.stages.sizes.shapes import Part, scale_of

log = logging.getLogger(__name__)

COUNT = "samples"
"""The row of the long table that says how many samples there were; its note, why not more."""
LEVELS = (0.5, 0.9)
"""Nominal coverages."""
ALL_EQUAL = "all its restorations of a picture are equal: they are no samples"

Between = Callable[..., Tensor]
"""A metric of two batches of images."""


def evaluate_samples(job: SampleEvaluation) -> None:
    """Measure the restorations of a shard as samples of the posterior, picture by picture.

    They are clamped to [0, 1] as everywhere else, in float64. A restoration that failed is no
    sample: what is left is measured where two are left, and the note of the row :data:`COUNT` says
    why the others are not there. Where there is nothing to measure, values are empty and say why.

    Raises:
        UserError: there are not as many files of costs as of restorations, or a restoration that
            did not fail holds values that are not finite.
    """
    restorations, images = job.restorations, job.images or tuple(read_ids(job.restorations[0]))
    if len(restorations) != len(job.costs):
        raise UserError(f"{len(restorations)} restorations have {len(job.costs)} tables of costs")
    failures = [failures_among(read_costs(path, images)) for path in job.costs]
    functions = _between(job)
    rows: list[dict[str, object]] = []
    for image in images:
        failed = [reasons[image] for reasons in failures if image in reasons]
        whole = [
            path for path, reasons in zip(restorations, failures, strict=True)
            if image not in reasons
        ]  # fmt: skip
        part = Part(scale_of(job.columns), job.margin)
        values, reason = _measured(job.truth, whole, image, functions, part)
        why = reason or (failed[0] if failed else "")
        if len(whole) < 2:
            why = f"{len(whole)} of {len(restorations)} samples; {failed[0]}" if failed else (
                "one sample, and so no spread"
            )  # fmt: skip
        lost = {"note": note_of(image, failed[0]) if failed else ""}
        of_image: dict[str, object] = {**job.columns, "image": image}
        rows.append({**of_image, "metric": COUNT, "value": str(len(whole)), **lost})
        for metric in measures(functions):
            value = values.get(metric, math.nan)
            missing = isinstance(value, str) or math.isnan(value)
            note = value if isinstance(value, str) else note_of(image, why)
            text = "" if missing else f"{value:.8g}"
            told = {"value": text, "note": note if missing else ""}
            rows.append({**of_image, "metric": metric, **told})
    write_long_table(job.output, rows)
    log.info("%s: measured %d samples of %d pictures", job.output, len(restorations), len(images))


def measures(between: Mapping[str, object]) -> list[str]:
    """Return the names of what is measured, given the metrics between samples."""
    covered = [f"coverage_{100 * level:g}" for level in LEVELS]
    return [
        *("psnr_sample", "psnr_mean", "crps", "spread", "error_of_mean", *covered),
        *("coverage_range", *(f"{name}_between" for name in between)),
    ]


def _measured(
    truth_file: Path,
    samples: Sequence[Path],
    image: str,
    between: Mapping[str, Between],
    part: Part,
) -> tuple[dict[str, float | str], str]:
    """The measures of one picture, or the reason why there are none."""
    if not samples:
        return {}, ""
    truth = unit_pixels(read_tensors(truth_file, [image])[image]).double()
    restored = torch.cat([_sample(path, image) for path in samples])
    restored, truth = part.compared(restored, truth)
    values: dict[str, float | str] = {
        "psnr_sample": _mean(psnr(restored, truth.expand_as(restored), data_range=1.0))
    }
    if len(restored) < 2:
        return values, ""
    if bool((restored == restored[:1]).all()):
        return values, ALL_EQUAL
    values["psnr_mean"] = _mean(psnr(restored.mean(dim=0)[None], truth[None], data_range=1.0))
    values["crps"] = ensembles.crps(restored, truth)
    values["spread"] = ensembles.spread(restored)
    values["error_of_mean"] = ensembles.error_of_mean(restored, truth)
    for level in LEVELS:
        values[f"coverage_{100 * level:g}"] = ensembles.coverage(restored, truth, level)
    values["coverage_range"] = ensembles.coverage_of_range(restored, truth)
    first, second = zip(*ensembles.pairs_of(len(restored)), strict=True)
    for name, function in between.items():
        try:
            likeness = function(restored[list(first)], restored[list(second)], data_range=1.0)
            values[f"{name}_between"] = _mean(likeness)
        except MetricUnavailable as reason:
            values[f"{name}_between"] = str(reason)
    return values, ""


def _sample(path: Path, image: str) -> Tensor:
    """A restoration, (1, 3, H, W) in [0, 1]."""
    return unit_batch(read_tensors(path, [image]), [image], path).clamp(0, 1)


def _between(job: SampleEvaluation) -> dict[str, Between]:
    net = job.lpips_net
    record = {path.stem: path for path in job.backbones}.get(net)
    known: dict[str, Between] = {
        "haarpsi": haarpsi,
        "lpips": partial(_found_lpips, net=net, record=record),
    }
    return {f"lpips_{net}" if name == "lpips" else name: known[name] for name in job.between}


def _found_lpips(
    first: Tensor, second: Tensor, *, data_range: float, net: str, record: Path | None
) -> Tensor:
    """LPIPS with the backbone that the first stage found, if it found one."""
    file = found_backbone(record)
    return lpips(first, second, data_range=data_range, net=net, backbone=file)


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
