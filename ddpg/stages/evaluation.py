"""Fourth stage: metrics of each restored image, one row per image and metric."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.costs import MEASURES, SETTINGS, read_costs
from ddpg.files.long_table import write_long_table
from ddpg.files.tensors import read_tensors
from ddpg.images import from_uint8
from ddpg.metrics import measures as measure

log = logging.getLogger(__name__)

BATCH_SIZES = {"cpu": 4, "cuda": 16}
"""Images at a time. On a CPU more are slower; LPIPS takes up to 330 MB for each (VGG, 256 px)."""


def evaluate(
    truth_file: Path,
    restorations: Path,
    costs: Path,
    output: Path,
    *,
    experiment: Mapping[str, str],
    images: Sequence[str],
    metrics: Sequence[str],
    lpips_net: str,
    backbone: Path | None,
    device: str = "cpu",
) -> None:
    """Measure the images of a shard.

    Conventions: float64, RGB, restorations clamped to [0, 1] and not rounded, one value per image.

    Args:
        truth_file, restorations, costs: products of the stages before.
        output: CSV file in the long format, columns :data:`ddpg.files.long_table.COLUMNS`.
        experiment: its identity: dataset, task, operator, scale, sigma_y, method, label,
            repeat.
        images: ids, in order.
        metrics: names of metrics.
        lpips_net: LPIPS's network.
        backbone: JSON file that tells where its weights are, or why they are not there.
        device: where to compute; it shows in no decimal that is written.

    Raises:
        UserError: a restoration holds values that are not finite.
        CorruptFileError: an input has changed since it was written, or lacks an image.
    """
    truth, restored = read_tensors(truth_file, images), read_tensors(restorations, images)
    rows: dict[str, list[dict[str, object]]] = {metric: [] for metric in metrics}
    size = BATCH_SIZES.get(torch.device(device).type, 1)
    for first in range(0, len(images), size):
        batch = images[first : first + size]
        reference = from_uint8(torch.stack([truth[name] for name in batch]).to(device)).double()
        candidate = torch.stack([restored[name] for name in batch]).to(device).double() / 2 + 0.5
        _refuse_non_finite(candidate, batch, restorations)
        for metric in metrics:
            name, values, note = _values(
                metric, candidate.clamp(0, 1), reference, lpips_net, backbone
            )
            rows[metric] += [
                {**experiment, "image": image, "metric": name, "value": value, "note": note}
                for image, value in zip(batch, values, strict=True)
            ]
    measured = [row for metric in metrics for row in rows[metric]]
    write_long_table(output, [*measured, *_cost_rows(costs, images, experiment)])


def _values(
    metric: str, candidate: Tensor, reference: Tensor, lpips_net: str, backbone: Path | None
) -> tuple[str, list[str], str]:
    """A metric's column name, its values as text, and why they are empty where they are."""
    functions: Mapping[str, Callable[..., Tensor]] = {
        "psnr": measure.psnr,
        "ssim": measure.ssim,
        "haarpsi": measure.haarpsi,
        "lpips": partial(_lpips, net=lpips_net, backbone=backbone),
    }
    name = f"lpips_{lpips_net}" if metric == "lpips" else metric
    try:
        values = functions[metric](candidate, reference, data_range=1.0)
    except measure.MetricUnavailable as reason:
        # Who looked for the backbone has told; here it would be told once for every batch.
        told = metric == "lpips" and backbone is not None
        log.log(logging.INFO if told else logging.WARNING, "%s is left empty: %s", name, reason)
        return name, [""] * len(candidate), str(reason)
    return name, [f"{value:.6f}" for value in values.tolist()], ""


def _lpips(
    candidate: Tensor, reference: Tensor, *, data_range: float, net: str, backbone: Path | None
) -> Tensor:
    """LPIPS with the backbone that the first stage found, if it found one."""
    found = json.loads(backbone.read_text(encoding="utf-8")) if backbone else {"file": None}
    if backbone and found["file"] is None:
        raise measure.MetricUnavailable(found["reason"])
    return measure.lpips(
        candidate, reference, data_range=data_range, net=net, backbone=found["file"]
    )


def _refuse_non_finite(candidate: Tensor, batch: Sequence[str], path: Path) -> None:
    for name, image in zip(batch, candidate, strict=True):
        if not bool(image.isfinite().all()):
            raise UserError(f"{path}: image {name!r} holds values that are not finite")


def _cost_rows(
    costs: Path, images: Sequence[str], experiment: Mapping[str, str]
) -> list[dict[str, object]]:
    """Seconds, network evaluations and memory as rows of the long table.

    What the seconds were measured on is noted beside them.
    """
    return [
        {**experiment, "image": row["image"], "metric": name, "value": row[name], "note": note}
        for row in read_costs(costs, images)
        for name in MEASURES
        for note in [row[SETTINGS] if name == "seconds" else ""]
    ]
