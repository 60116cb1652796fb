"""The protocol by which hyper-parameters are chosen: the same pictures and budget for every method.

Each row of a study is tuned by itself: a method in a cell, its first trial the row's own setting.
What the sheet gives stays. A trial restores every tuning picture once and is scored by the mean of
one criterion; the best mean wins, of equal ones the earliest. A trial that diverges on a picture
has no score. All methods that call a network may spend the same number of evaluations in a cell;
the others have a number of trials. What was tried is written down after every trial, beside the
record, and a run that is started again goes on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ddpg.datasets.cards import DatasetCard, read_card
from ddpg.datasets.index import Row
from ddpg.datasets.places import pictures_folder, root_folder
from ddpg.datasets.survey import survey
from ddpg.errors import UserError
from ddpg.files.tensors import read_tensors
from ddpg.files.writing import write_json
from ddpg.images import from_uint8
from ddpg.jobs.code import restoration_code
from ddpg.jobs.observation import Observation
from ddpg.jobs.restoration import Restoring, network_kinds
from ddpg.metrics.catalogue import METRICS
from ddpg.plugins import load_object
from ddpg.samplers.base import Sampler
from ddpg.samplers.building import build_sampler
from ddpg.samplers.hyper_parameters import Value
from ddpg.samplers.problem import State, divergences
from ddpg.stages.batches import Restorer
from ddpg.stages.observations import observe
from ddpg.stages.preparation import prepare_rows
from ddpg.stages.sizes.shapes import Part
from ddpg.stages.tuning.search import space_of, trials_of
from ddpg.study.config import TuningConfig
from ddpg.study.names import number_name
from ddpg.study.settings.tuned import PROTOCOL, overlap, read_tuned
from ddpg.study.sheet import Experiment
from ddpg.study.sizes.sides import size_word
from ddpg.study.study import Study

log = logging.getLogger(__name__)

MOST_TRIALS = 4096
"""Of a method in a cell, whatever the budget."""


def tune(study: Study, output: Path, *, device: str = "cpu") -> dict[str, Any]:
    """Tune every row of a study whose method has a space to search, and write the record.

    Args:
        study: its configuration has a section ``tuning``; rows of ``settings: tuned`` are left out.
        output: the record (JSON); what it, or an unfinished one beside it, has of these rows is
            kept.

    Returns:
        the record.

    Raises:
        UserError: there is nothing to tune, a picture is one of the study's, or the budget is too
            small for one restoration of every picture.
    """
    plan = study.config.tuning
    if plan is None:
        raise UserError(
            f"{study.file}: has no section 'tuning', which says on what to tune, see docs/tuning.md"
        )
    card = read_card(plan.card)
    if card.source.prior or card.observations:
        what = "drawn from a prior" if card.source.prior else "observations"
        raise UserError(
            f"{study.file}: tuning: card: the pictures of {card.name} are {what}; settings are "
            "chosen on pictures that are given, with their truth"
        )
    pictures = survey(card, root_folder(card))[: plan.limit]
    _refuse_overlap(study, card, pictures)
    rows = [row for row in study.experiments if row.repeat == 0 and _is_tuned_here(row)]
    if not rows:
        raise UserError(f"{study.config.experiments}: has no row with something to tune")
    content: dict[str, Any] = {
        "protocol": PROTOCOL,
        "study": study.config.name,
        "criterion": plan.criterion,
        "evaluations": plan.evaluations,
        "most_trials": plan.trials,
        "seed": plan.seed,
        "dataset": card.name,
        "pictures": {row.id: row.sha256 for row in pictures},
        "rows": [],
    }
    going_on = output.with_name(f"{output.name}.part")
    before = _kept(going_on if going_on.exists() else output, content)
    with TemporaryDirectory() as folder:
        for row in rows:
            tuning = _Row(study, row, plan, card, pictures, Path(folder), device)
            entry = tuning.begun(before)
            content["rows"].append(entry)
            for _ in tuning.going_on(entry):
                write_json(going_on, content, indent=1)
            log.info("%s: the best of %d trials", row.path, len(entry["trials"]))
    write_json(output, content, indent=1)
    going_on.unlink(missing_ok=True)
    return content


def _is_tuned_here(row: Experiment) -> bool:
    told = set(row.origins.values())
    if row.given or row.assumed.given:  # what is told wrongly is compared, not tuned for
        return False
    return bool(space_of(row.method, _fixed(row))) and not any(o.startswith("tuned") for o in told)


def _fixed(row: Experiment) -> list[str]:
    """The hyper-parameters that sheet or configuration give."""
    return [name for name, told in row.origins.items() if told in ("sheet", "configuration")]


def _refuse_overlap(study: Study, card: DatasetCard, pictures: Sequence[Row]) -> None:
    """Refuse pictures of the study, by what they hold."""
    found = overlap({row.id: row.sha256 for row in pictures}, study.picture_contents())
    if found:
        raise UserError(
            f"tuning: {card.name}: settings are chosen on pictures that no study contains, but "
            f"{'; '.join(found[:5])}"
        )


def _kept(output: Path, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an earlier run of the same tuning; none of another one."""
    if not output.exists():
        return []
    before = read_tuned(output).content
    same = ("criterion", "seed", "pictures")
    if differing := [name for name in same if before.get(name) != content[name]]:
        raise UserError(
            f"{output}: is the record of a tuning with another {' and '.join(differing)}; give "
            "another --output, or remove it"
        )
    return list(before["rows"])


@dataclass
class _Row:
    """The tuning of one row."""

    study: Study
    row: Experiment
    plan: TuningConfig
    card: DatasetCard
    pictures: Sequence[Row]
    folder: Path
    device: str

    def begun(self, before: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The entry of the row, with the trials of an earlier run of the same code and prior."""
        row, cell = self.row, self.row.cell
        kinds = network_kinds(self.study, row)
        prior = self.study.prior_of(row).identity if row.prior else ""
        entry: dict[str, Any] = {
            "method": row.method,
            "degradation": cell.degradation.key,
            "sigma_y": number_name(cell.sigma_y),
            "prior": row.prior,
            "image_size": size_word(self.study.entries[cell.dataset].image_size),
            "identity": [prior, restoration_code(row.method, cell.degradation, kinds)],
            "fixed": _fixed(row),
            "space": {r.parameter: r.in_words for r in space_of(row.method, _fixed(row))},
            "start": _plain(row.hyper_parameters),
        }
        for old in before:
            if all(old.get(name) == value for name, value in entry.items()):
                return entry | {"trials": list(old["trials"]), "best": old["best"]}
        return entry | {"trials": [], "best": None}

    def going_on(self, entry: dict[str, Any]) -> Iterator[None]:
        """Make the trials that are left; the entry grows by each.

        Raises:
            UserError: the budget is too small for one trial.
        """
        start, fixed = self.row.hyper_parameters, _fixed(self.row)
        count = MOST_TRIALS if self.row.prior else self.plan.trials
        trials = trials_of(self.row.method, start, fixed, count, self.plan.seed)
        restorer: Restorer | None = None
        for values in trials[len(entry["trials"]) :]:
            sampler = build_sampler(self.row.method, **values)
            planned = sampler.network_evaluations * len(self.pictures)
            spent = sum(trial["evaluations"] for trial in entry["trials"])
            if spent + planned > self.plan.evaluations:
                if not entry["trials"]:
                    raise UserError(
                        f"tuning: evaluations: one trial of {self.row.method} takes {planned}, "
                        f"the budget is {self.plan.evaluations}"
                    )
                break
            restorer = restorer or self._restorer()
            entry["trials"].append(self._trial(restorer, sampler, values))
            entry["best"] = _best(entry["trials"], METRICS[self.plan.criterion].direction)
            yield

    def _restorer(self) -> Restorer:
        """What restores the tuning pictures, which are prepared and observed here."""
        study, cell = self.study, self.row.cell
        images = tuple(row.id for row in self.pictures)
        root = pictures_folder(self.card, root_folder(self.card))
        size = size_word(study.entries[cell.dataset].image_size)
        truth, observed = self.folder / "truth.safetensors", self.folder / "observed.safetensors"
        prepare_rows(self.pictures, root, truth, image_size=size, crop=self.card.crop)
        own = {"dataset": self.card.name, "seed": self.plan.seed}
        degraded = Observation.cell_settings(study, cell.path) | own | self._drawn(len(images))
        observe(Observation(**degraded, images=images, truth=truth, output=observed))
        settings: dict[str, Any] = Restoring.row_settings(study, self.row.path)
        settings.pop("besides", None)
        files = study.prior_of(self.row).files if self.row.prior else {}
        settings |= {part: Path(path) for part, path in files.items() if Path(path).is_file()}
        settings |= own | {"observations": observed}
        return Restorer(Restoring(**settings), self.device)

    @property
    def _measured(self) -> Part:
        """What of a picture is measured, as in the study."""
        cell = self.row.cell
        return Part(cell.degradation.scale or 1, self.study.margin(cell.path))

    def _drawn(self, count: int) -> dict[str, Any]:
        """Kernels, masks and noise of so many pictures, as fields of their observation."""
        degradation, kernel = self.row.cell.degradation, self.study.config.motion_kernel
        seeds = tuple(10 * number for number in range(count))
        fields: dict[str, Any] = {"noise_model": degradation.noise}
        if degradation.task == "motion_deblur":
            fields |= {"kernel_size": kernel.size, "kernel_intensity": kernel.intensity}
            fields["kernel_seeds"] = seeds
        if degradation.card or degradation.is_drawn_for_each:
            fields |= {"kernel": degradation.kernel, "mask": degradation.mask}
            fields["kernel_side"] = self.study.kernel_sides.get(degradation.kernel, 0)
            fields["picture_seeds"] = seeds if degradation.is_drawn_for_each else ()
        return fields

    def _trial(
        self, restorer: Restorer, sampler: Sampler, values: Mapping[str, Value]
    ) -> dict[str, Any]:
        """Restore every picture; the mean of the criterion, or why there is none."""
        truth = read_tensors(self.folder / "truth.safetensors", [p.id for p in self.pictures])
        scores, note, evaluations = [], "", 0
        for image, pixels in truth.items():
            counted = 0

            def count(state: State) -> None:
                nonlocal counted
                counted += sum(state.calls)

            try:
                sigma_y = self.row.cell.sigma_y
                restored = restorer.batch([image]).restored(sampler, sigma_y, count)
                failed = divergences(self.row.method, restored)
                note = note or "".join(f"{image}: {why}" for why in failed.values())
            except FloatingPointError as error:
                note = note or f"{image}: {' '.join(str(error).split()) or 'diverged'}"
            evaluations += counted or sampler.network_evaluations
            if note:
                break
            measured = self._measured.compared(restored, from_uint8(pixels)[None])
            scores.append(_score(self.plan.criterion, *measured))
        mean = sum(scores) / len(scores) if scores and not note else math.nan
        if not note and math.isnan(mean):
            note = f"{self.plan.criterion} is not a number"
        told = {"values": _plain(values), "score": None if note else f"{mean:.6f}"}
        return told | {"evaluations": evaluations, "note": note}


def _score(criterion: str, restored: torch.Tensor, truth: torch.Tensor) -> float:
    """The criterion of one picture."""
    metric = METRICS[criterion]
    function = load_object(metric.function, f"metric {metric.name!r}")
    candidate = (restored.double() / 2 + 0.5).clamp(0, 1)
    return float(function(candidate, truth.double(), data_range=1.0, **metric.options)[0])


def _best(trials: Sequence[Mapping[str, Any]], direction: int) -> int | None:
    """The place of the best trial, of equal ones the first; None where none has a score."""
    scored = [n for n, trial in enumerate(trials) if trial["score"] is not None]
    return max(scored, key=lambda n: direction * float(trials[n]["score"]), default=None)


def _plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Hyper-parameters as JSON has them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
