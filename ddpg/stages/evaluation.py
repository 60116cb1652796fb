"""Fourth stage: metrics of each restored image, one row per image and metric."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ddpg.errors import MetricUnavailable, MetricUndefined, UserError
from ddpg.files.costs import MEASURES, SETTINGS, failures_among, read_costs
from ddpg.files.long_table import note_of, write_long_table
from ddpg.files.tensors import read_tensors
from ddpg.images import from_uint8
from ddpg.metrics import measures as measure

log = logging.getLogger(__name__)

BATCH_SIZES = {"cpu": 4, "cuda": 16}
"""Images at a time. On a CPU more are slower; LPIPS takes up to 330 MB for each (VGG, 256 px)."""


class Measured(NamedTuple):
    """A metric of one image.

    Attributes:
        value: as text; empty where there is none.
        reason: why it is empty.
        of_image: whether the reason lies in this image; its note then names it.
    """

    value: str
    reason: str = ""
    of_image: bool = True

    def fields(self, image: str) -> dict[str, str]:
        """``value`` and ``note`` of the long table."""
        named = self.reason and self.of_image
        return {"value": self.value, "note": note_of(image, self.reason) if named else self.reason}


def evaluate(
    truth_file: Path,
    restorations: Path,
    costs: Path,
    output: Path,
    *,
    experiment: Mapping[str, str],
    settings: str = "",
    images: Sequence[str],
    metrics: Sequence[str],
    lpips_net: str,
    backbone: Path | None,
    device: str = "cpu",
) -> None:
    """Measure the images of a shard.

    Conventions: float64, RGB, restorations clamped to [0, 1] and not rounded, one value per image.
    A value that cannot be had is empty, and its note says why: of an image whose restoration
    failed all, of one that a metric is not defined for this one. No image changes another's values.

    Args:
        truth_file, restorations, costs: products of the stages before.
        output: CSV file in the long format, columns :data:`ddpg.files.long_table.COLUMNS`.
        experiment: its identity: dataset, task, operator, scale, sigma_y, method, label, prior,
            repeat.
        settings: what the method was run with, in words.
        images: ids, in order.
        metrics: names of metrics.
        lpips_net: LPIPS's network.
        backbone: JSON file that tells where its weights are, or why they are not there.
        device: where to compute; it shows in no decimal that is written.

    Raises:
        UserError: a restoration that did not fail holds values that are not finite.
        CorruptFileError: an input has changed since it was written, or lacks an image.
    """
    spent = read_costs(costs, images)
    failures = failures_among(spent)
    whole = [name for name in images if name not in failures]
    truth, restored = read_tensors(truth_file, images), read_tensors(restorations, whole)
    measured: dict[str, dict[str, Measured]] = {metric: {} for metric in metrics}
    size = BATCH_SIZES.get(torch.device(device).type, 1)
    for first in range(0, len(whole), size):
        batch = whole[first : first + size]
        reference = from_uint8(torch.stack([truth[name] for name in batch]).to(device)).double()
        candidate = torch.stack([restored[name] for name in batch]).to(device).double() / 2 + 0.5
        _refuse_non_finite(candidate, batch, restorations)
        for metric, function in _functions(metrics, lpips_net, backbone).items():
            values = _values(function, candidate.clamp(0, 1), reference)
            measured[metric] |= dict(zip(batch, values, strict=True))
    rows: list[dict[str, object]] = []
    for metric in metrics:
        name = f"lpips_{lpips_net}" if metric == "lpips" else metric
        _tell(name, measured[metric], told=metric == "lpips" and backbone is not None)
        by_image = measured[metric] | {image: Measured("", why) for image, why in failures.items()}
        rows += [
            {**experiment, "image": image, "metric": name, **by_image[image].fields(image)}
            for image in images
        ]
    write_long_table(output, [*rows, *_cost_rows(spent, experiment, settings)])


def _functions(
    metrics: Sequence[str], lpips_net: str, backbone: Path | None
) -> dict[str, Callable[..., Tensor]]:
    """The functions of metrics, by name."""
    known: Mapping[str, Callable[..., Tensor]] = {
        "psnr": measure.psnr,
        "ssim": measure.ssim,
        "haarpsi": measure.haarpsi,
        "lpips": partial(found_lpips, net=lpips_net, backbone=backbone),
    }
    return {metric: known[metric] for metric in metrics}


def _values(
    function: Callable[..., Tensor], candidate: Tensor, reference: Tensor
) -> list[Measured]:
    """A metric of each image of a batch; one that it is not defined for is asked why, alone."""
    alone = len(candidate) == 1
    try:
        values = function(candidate, reference, data_range=1.0).tolist()
    except MetricUnavailable as reason:
        if alone:
            return [Measured("", str(reason), isinstance(reason, MetricUndefined))]
        values = [math.nan] * len(candidate)
    if alone and math.isnan(values[0]):
        return [Measured("", "its value is not a number")]
    return [
        _values(function, candidate[i : i + 1], reference[i : i + 1])[0]
        if math.isnan(value)
        else Measured(f"{value:.6f}")
        for i, value in enumerate(values)
    ]


def _tell(metric: str, measured: Mapping[str, Measured], *, told: bool) -> None:
    """Log why values are empty, each reason once with its images.

    Args:
        metric: its column name.
        measured: image -> value or reason.
        told: who looked for the metric's backbone has warned already, once for the study.
    """
    empty: dict[Measured, list[str]] = {}
    for image, value in measured.items():
        if value.reason:
            empty.setdefault(value, []).append(image)
    for value, names in empty.items():
        level = logging.INFO if told and not value.of_image else logging.WARNING
        of = f" of {', '.join(names)}" * value.of_image
        log.log(level, "%s%s is left empty: %s", metric, of, value.reason)


def found_lpips(
    candidate: Tensor, reference: Tensor, *, data_range: float, net: str, backbone: Path | None
) -> Tensor:
    """LPIPS with the backbone that the first stage found, if it found one."""
    found = json.loads(backbone.read_text(encoding="utf-8")) if backbone else {"file": None}
    if backbone and found["file"] is None:
        raise MetricUnavailable(found["reason"])
    return measure.lpips(
        candidate, reference, data_range=data_range, net=net, backbone=found["file"]
    )


def _refuse_non_finite(candidate: Tensor, batch: Sequence[str], path: Path) -> None:
    for name, image in zip(batch, candidate, strict=True):
        if not bool(image.isfinite().all()):
            raise UserError(f"{path}: image {name!r} holds values that are not finite")


def _cost_rows(
    costs: Sequence[Mapping[str, str]], experiment: Mapping[str, str], settings: str
) -> list[dict[str, object]]:
    """Seconds, network evaluations and memory as rows of the long table.

    What the seconds were measured on is noted beside them, and the method's settings beside the
    number of network evaluations. A restoration that failed has cost as much as another.
    """
    notes = {"network_evaluations": settings}
    return [
        {**experiment, "image": row["image"], "metric": name, "value": row[name], "note": note}
        for row in costs
        for name in MEASURES
        for note in [notes.get(name, row[SETTINGS] if name == "seconds" else "")]
    ]
