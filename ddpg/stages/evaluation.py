"""Fourth stage: metrics of each restored image, one row per image and metric."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ddpg.errors import MetricUnavailable, MetricUndefined, UserError
from ddpg.files.costs import MEASURES, SETTINGS, failures_among, read_costs
from ddpg.files.long_table import ORIGINS, note_of, packed_origins, write_long_table
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.images import unit_pixels
from ddpg.jobs.evaluation import Evaluation, ObservationEvaluation
from ddpg.metrics.catalogue import METRICS, Metric
from ddpg.plugins import load_object
from ddpg.stages.sizes.shapes import by_size, counterpart, inner, scale_of

if TYPE_CHECKING:
    from ddpg.metrics.fidelity import Observed

log = logging.getLogger(__name__)

HALF = "of the restoration in half precision"
"""Stands beside consistencies, which see the digits that are not stored, if there is no noise."""
NO_TRUTH = "the observations came without their truth"
"""Why a metric that asks for the truth is empty."""
COST_UNKNOWN = "restored elsewhere, cost not known"
"""Why there are no seconds, evaluations and memory of what another program has restored."""
BATCH_SIZES = {"cpu": 4, "cuda": 16}
"""Images at a time. On a CPU more are slower; LPIPS takes up to 330 MB for each (VGG, 256 px)."""
LARGEST = 512
"""Side of pictures of which so many are measured at a time; of larger ones fewer are."""


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


@dataclass(frozen=True)
class Pictures:
    """A batch and all that metrics may ask for.

    Attributes:
        restored: (B, 3, H, W) float64, black 0 and white 1, not clamped.
        truth: the same of the truth, in [0, 1]; None where nobody knows it.
        observed: what was observed of it, where a metric asks.
        margin: pixels at each edge that are not measured; what was observed is compared with all.
    """

    restored: Tensor
    truth: Tensor | None
    observed: Observed | None = None
    margin: int = 0

    @property
    def within(self) -> Pictures:
        """What is measured of them: clamped, without the margin, and compared with nothing seen."""
        truth = None if self.truth is None else inner(self.truth, self.margin)
        return Pictures(inner(self.restored.clamp(0, 1), self.margin), truth)

    def __getitem__(self, part: slice) -> Pictures:
        """Some of the pictures, as of a sequence."""
        observed = None if self.observed is None else self.observed[part]
        truth = None if self.truth is None else self.truth[part]
        return Pictures(self.restored[part], truth, observed, self.margin)

    def __len__(self) -> int:
        return len(self.restored)


class Observations:
    """The observations of a shard and their operator, for metrics that ask for them.

    Args:
        file: of the stage before.
        degradation: what they are of: task, operator, scale, share, weights.
        sigma_y: their noise level.
    """

    def __init__(
        self, file: Path, degradation: Mapping[str, str], sigma_y: float, device: str
    ) -> None:
        from ddpg.stages.degrading import Model

        weights = tuple(map(float, degradation.get("weights", "").split()))
        self._model = Model(
            degradation["task"],
            degradation["operator"],
            int(degradation["scale"]) if degradation.get("scale") else None,
            float(degradation["share"]) if degradation.get("share") else None,
            (weights[0], weights[1], weights[2]) if weights else None,
        )
        self._file, self._sigma_y, self._device = file, sigma_y, device

    def kept(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of the part of a picture that was degraded."""
        return self._model.kept(size)

    def of(self, images: Sequence[str], size: tuple[int, int]) -> Observed:
        """Those of some images, whose restorations have a size."""
        from ddpg.metrics.fidelity import Observed
        from ddpg.stages.degrading import MASK, read_belongings

        belongings = read_belongings(self._file, images, self._model.task)
        operator = self._model.operator(size, belongings).to(self._device, torch.float64)
        y = torch.stack(list(read_tensors(self._file, images).values()))
        known = belongings.get(MASK)
        return Observed(
            y.to(self._device, torch.float64),
            operator,
            self._sigma_y,
            None if known is None else known.to(self._device),
        )


def evaluate(job: Evaluation, *, device: str = "cpu") -> None:
    """Measure the images of a shard.

    Conventions: float64, RGB, restorations clamped to [0, 1] and not rounded, one value per image.
    A value that cannot be had is empty, and its note says why: of an image whose restoration
    failed all, of one that a metric is not defined for this one. No image changes another's values.

    Args:
        job: what is measured, by what, and the files; without a truth, which nobody may know,
            metrics that ask for it are empty.

    Raises:
        UserError: a restoration that did not fail holds values that are not finite.
    """
    images = job.images or tuple(read_ids(job.restorations))
    spent = read_costs(job.costs, images)
    failures = failures_among(spent)
    restored = read_tensors(job.restorations, [name for name in images if name not in failures])
    observed = None
    if job.observations is not None and job.degradation:
        sigma_y = float(job.columns["sigma_y"])
        observed = Observations(job.observations, job.degradation, sigma_y, device)
    lost = {image: Measured("", why) for image, why in failures.items()}
    rows = quality_rows(job, images, restored, lost, job.restorations, observed, device)
    rows += _cost_rows(spent, job.columns, job.settings)
    write_long_table(job.output, _with_settings(rows, job), [*(job.hyper_parameters or {})])


def quality_rows(
    job: Evaluation | ObservationEvaluation,
    images: Sequence[str],
    restored: Mapping[str, Tensor],
    failures: Mapping[str, Measured],
    path: Path,
    observed: Observations | None,
    device: str,
) -> list[dict[str, object]]:
    """The rows of metrics of quality, by metric, then by image.

    Args:
        restored: of the images that did not fail, on [-1, 1].
        failures: why the others have no value.
        path: the file of what is measured, for errors.
        observed: what was restored, where a metric asks for it.
    """
    truth = read_tensors(job.truth, images) if job.truth is not None else {}
    backbones = {file.stem: file for file in job.backbones}
    calls = {metric: _call(METRICS[metric], backbones) for metric in job.metrics}
    asked = any("observation" in METRICS[metric].needs for metric in job.metrics)
    measured: dict[str, dict[str, Measured]] = {metric: {} for metric in job.metrics}
    for batch in _batches(restored, BATCH_SIZES.get(torch.device(device).type, 1)):
        candidate = unit_batch(restored, batch, path).to(device)
        sides = (candidate.shape[-2], candidate.shape[-1])
        reference = None
        if truth:
            reference = reference_of(truth, batch, sides, scale_of(job.columns)).to(device)
        seen = observed.of(batch, sides) if observed is not None and asked else None
        pictures = Pictures(candidate, reference, seen, job.margin)
        for metric, call in calls.items():
            values = _values(call, pictures, one_by_one=not METRICS[metric].batch)
            measured[metric] |= dict(zip(batch, values, strict=True))
    rows: list[dict[str, object]] = []
    for metric in job.metrics:
        _tell(metric, measured[metric], told=bool(backbones.keys() & {*METRICS[metric].files}))
        by_image = {**measured[metric], **failures}
        rows += [
            {**job.columns, "image": image, "metric": metric, **by_image[image].fields(image)}
            for image in images
        ]
        if "observation" in METRICS[metric].needs:
            _note_precision(rows[-len(images) :], restored)
    return rows


def unit_batch(restored: Mapping[str, Tensor], batch: Sequence[str], path: Path) -> Tensor:
    """Restorations of one size as (B, 3, H, W) float64 of black 0 and white 1, not clamped.

    Raises:
        UserError: one of them, of this file, holds values that are not finite.
    """
    candidate = torch.stack([restored[name] for name in batch]).double() / 2 + 0.5
    for name, image in zip(batch, candidate, strict=True):
        if not bool(image.isfinite().all()):
            raise UserError(f"{path}: image {name!r} holds values that are not finite")
    return candidate


def reference_of(
    truth: Mapping[str, Tensor], batch: Sequence[str], size: Sequence[int], scale: int
) -> Tensor:
    """What restorations of a size are compared with, (B, 3, H, W) float64 in [0, 1]."""
    parts = [counterpart(truth[name], size, scale) for name in batch]
    return unit_pixels(torch.stack(parts)).double()


def _note_precision(rows: Sequence[dict[str, object]], restored: Mapping[str, Tensor]) -> None:
    """Say of what was compared with observations that it had been stored in half precision."""
    for row in rows:
        if row["value"] and restored[str(row["image"])].dtype == torch.float16:
            row["note"] = HALF


def _batches(images: Mapping[str, Tensor], count: int) -> Iterator[list[str]]:
    """The images in batches of one size, of fewer where they are large."""
    for group in by_size({name: (x.shape[-2], x.shape[-1]) for name, x in images.items()}):
        height, width = images[group[0]].shape[-2:]
        fitting = max(1, min(count, count * LARGEST**2 // (height * width)))
        yield from (group[first : first + fitting] for first in range(0, len(group), fitting))


def _call(metric: Metric, backbones: Mapping[str, Path]) -> Callable[[Pictures], Tensor]:
    """The function of a metric, for a batch."""

    def compute(pictures: Pictures) -> Tensor:
        function = load_object(metric.function, f"metric {metric.name!r}")
        observed = "observation" in metric.needs
        if "truth" in metric.needs and pictures.truth is None:
            raise MetricUnavailable(NO_TRUTH)
        if observed and pictures.observed is None:
            raise MetricUnavailable("no observations were given")
        shown = pictures if observed else pictures.within
        given = {"truth": shown.truth, "observation": shown.observed}
        options = dict(metric.options)
        for keyword, name in (("backbone", metric.weights), ("network", metric.network)):
            if name:
                options[keyword] = found_backbone(backbones.get(name))
        needed = [given[need] for need in metric.needs]
        return function(shown.restored, *needed, data_range=1.0, **options)

    return compute


def found_backbone(record: Path | None) -> str | None:
    """The file that the first stage found, by its record; None where nobody has looked for it.

    Raises:
        MetricUnavailable: it has found none; with its reason.
    """
    found = json.loads(record.read_text(encoding="utf-8")) if record else {"file": None}
    if record and found["file"] is None:
        raise MetricUnavailable(found["reason"])
    return found["file"]


def _values(
    call: Callable[[Pictures], Tensor], pictures: Pictures, *, one_by_one: bool = False
) -> list[Measured]:
    """A metric of each image of a batch; one that it is not defined for is asked why, alone."""
    alone = len(pictures) == 1
    if one_by_one and not alone:
        return [_values(call, pictures[i : i + 1])[0] for i in range(len(pictures))]
    try:
        values = call(pictures).tolist()
    except MetricUnavailable as reason:
        if alone:
            return [Measured("", str(reason), isinstance(reason, MetricUndefined))]
        values = [math.nan] * len(pictures)
    if alone and math.isnan(values[0]):
        return [Measured("", "its value is not a number")]
    return [
        _values(call, pictures[i : i + 1])[0] if math.isnan(value) else Measured(f"{value:.6f}")
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
        known = told or value.reason == NO_TRUTH
        level = logging.INFO if known and not value.of_image else logging.WARNING
        of = f" of {', '.join(names)}" * value.of_image
        log.log(level, "%s%s is left empty: %s", metric, of, value.reason)


def _with_settings(
    rows: Sequence[Mapping[str, object]], job: Evaluation
) -> list[dict[str, object]]:
    """The rows with the values that were used, and where those come from beside the evaluations."""
    told = {ORIGINS: packed_origins(job.origins)} if job.origins else {}
    used = job.hyper_parameters or {}
    return [
        {**row, **used, **(told if row["metric"] == "network_evaluations" else {})} for row in rows
    ]


def _cost_rows(
    costs: Sequence[Mapping[str, str]], experiment: Mapping[str, str], settings: str
) -> list[dict[str, object]]:
    """Seconds, network evaluations and memory as rows of the long table.

    What the seconds were measured on is noted beside them, and the method's settings beside the
    number of network evaluations. A restoration that failed has cost as much as another; what one
    from elsewhere has cost nobody knows.
    """
    notes = {"network_evaluations": settings}
    return [
        {**experiment, "image": row["image"], "metric": name, "value": row[name], "note": note}
        for row in costs
        for name in MEASURES
        for known in [notes.get(name, row[SETTINGS] if name == "seconds" else "")]
        for note in [known if row[name] else COST_UNKNOWN]
    ]
