"""A run: the jobs of its study, one after the other; pictures are written shard by shard."""

from __future__ import annotations

import logging
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.long_table import read_long_table
from ddpg.files.writing import replacing
from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import Preparation, Survey
from ddpg.jobs.restoration import Restoration
from ddpg.published.flags import FLAGS
from ddpg.published.layout import Layout, checkpoints
from ddpg.published.pictures import Taken, taken_pictures
from ddpg.published.studies import PSEUDO_INVERSE, SHARDS, write_study
from ddpg.published.translation import Translation
from ddpg.study.places import Places
from ddpg.study.sheet import Experiment
from ddpg.study.study import Study

log = logging.getLogger(__name__)

CarryOut = Callable[[str, Sequence[str]], None]
"""Carries out a job, named as a verb of ``ddpg job``, with the words of its command line."""
_LPIPS = "lpips_alex"


@dataclass(frozen=True)
class Machine:
    """Where restorations run.

    Attributes:
        device, threads: as of ``ddpg job restore``; None for its own choice.
    """

    device: str | None = None
    threads: int | None = None

    @property
    def words(self) -> list[str]:
        """As options of a job that restores."""
        device = ["--device", self.device] if self.device else []
        return [*device, *(["--threads", str(self.threads)] if self.threads else [])]

    @property
    def kind(self) -> str:
        """What computes: "cpu" or "gpu"."""
        if self.device is not None:
            return "cpu" if self.device == "cpu" else "gpu"
        import torch

        return "gpu" if torch.cuda.is_available() else "cpu"


def run(translation: Translation, machine: Machine, carry_out: CarryOut) -> list[str]:
    """Restore the pictures that flags ask for, and write what the script writes.

    Args:
        translation: of the flags.
        machine: where to compute.
        carry_out: what does a job.

    Returns:
        the averages in words, a line each.

    Raises:
        UserError: pictures or checkpoints are not there, or do not fit.
    """
    taken = taken_pictures(translation)
    layout = Layout.of(translation.flags)
    shard = SHARDS[machine.kind]
    parts = checkpoints(translation)
    study = write_study(translation, taken, parts, layout, shard)
    with _logged(layout.log):
        _tell_flags(translation)
        numbers = range(taken.first, taken.first + len(taken.entries))
        if stale := layout.left_over(numbers):
            log.warning(
                "%s: %d pictures of an earlier run stay beside the new ones, %s among them",
                layout.samples,
                len(stale),
                stale[0].name,
            )
        return _Run(translation, taken, parts, study, layout, machine, carry_out).whole()


@dataclass(frozen=True)
class _Run:
    translation: Translation
    taken: Taken
    checkpoints: Mapping[str, Path]
    study: Study
    layout: Layout
    machine: Machine
    carry_out: CarryOut

    @property
    def places(self) -> Places:
        """Where the files of the jobs lie."""
        return Places.below(self.layout.study / "results")

    @property
    def dataset(self) -> str:
        """The data set's name in the study."""
        return self.translation.dataset

    def whole(self) -> list[str]:
        """All shards; returns the averages in words."""
        surveyed = Survey.planned(self.study, self.dataset).options
        self._job("survey-dataset", surveyed, output=self.places.index(self.dataset))
        weights = self._converted()
        backbone = self.layout.study / "lpips.json"
        self._job("find-backbone", "", net="alex", output=backbone)
        scores: dict[str, list[float]] = {metric: [] for metric in ("psnr", _LPIPS)}
        notes: dict[str, str] = {}
        for shard in range(self.study.shard_count(self.dataset)):
            for row in self._shard(shard, weights, backbone):
                if row["metric"] not in scores:
                    continue
                if row["value"]:
                    scores[row["metric"]].append(float(row["value"]))
                else:
                    notes[row["metric"]] = row["note"]
        return _averages(scores, notes, len(self.taken.entries))

    def _converted(self) -> dict[str, Path]:
        """The checkpoints of the prior, ready to be loaded, by part."""
        dtype = self.study.executions[self.dataset].precision or "float32"
        prior = self.study.entries[self.dataset].prior
        made = {}
        for part, file in self.checkpoints.items():
            made[part] = self.layout.weights(self.translation.prior_name, part, dtype)
            words = shlex.join(["--prior", prior, "--part", part, "--dtype", dtype])
            self._job("convert-checkpoint", words, checkpoint=file, output=made[part])
        return made

    def _shard(
        self, shard: int, weights: dict[str, Path], backbone: Path
    ) -> Iterator[dict[str, str]]:
        """Restore and measure the pictures of a shard and write them; gives their measurements."""
        places, dataset = self.places, self.dataset
        main, *others = self.study.experiments
        truth = places.images(dataset, shard)
        observations = places.observations(main.cell.path, shard)
        prepared = Preparation.planned(self.study, dataset, shard)
        self._job("prepare-images", prepared.options, output=truth)
        seen = Observation.planned(self.study, main.cell.path, shard)
        self._job("observe", seen.options, truth=truth, output=observations)
        for row in (main, *others):
            self._restore(row, shard, observations, weights if row is main else {})
        measured = places.evaluations(main.path, shard)
        self._job(
            "evaluate",
            Evaluation.planned(self.study, main.path).options,
            truth=truth,
            restorations=places.restorations(main.path, shard),
            costs=places.restorations(main.path, shard, "csv"),
            backbones=backbone,
            output=measured,
        )
        rows = read_long_table(Path(measured))
        self._write_pictures(shard, rows)
        yield from rows

    def _restore(
        self, row: Experiment, shard: int, observations: str, weights: dict[str, Path]
    ) -> None:
        places, planned = self.places, Restoration.planned(self.study, row.path)
        words = f"{planned.options} {shlex.join(self.machine.words)}"
        batch = self.study.executions[self.dataset].batch_size or 0
        self._job(
            "restore",
            f"{words} --batch-size {batch}",
            observations=observations,
            output=places.restorations(row.path, shard),
            costs=places.restorations(row.path, shard, "csv"),
            pictures=places.restorations(row.path, shard, "png"),
            **weights,
        )

    def _write_pictures(self, shard: int, rows: list[dict[str, str]]) -> None:
        """Put the pictures of a shard where the script does, and tell of each."""
        selection = self.study.shard(self.dataset, shard)
        main, *others = self.study.experiments
        for place, entry in zip(selection.positions, selection.entries or (), strict=True):
            number = self.taken.first + place
            restored = Path(self.places.restorations(main.path, shard, "png"))
            _copy(restored / f"{entry.id}.png", self.layout.restored(number))
            if others:
                inverse = Path(self.places.restorations(others[0].path, shard, "png"))
                target = self.layout.beside(PSEUDO_INVERSE, number)
                _copy(inverse / f"{entry.id}.png", target)
            values = {row["metric"]: row for row in rows if row["image"] == entry.id}
            log.info("%d (%s): %s", number, entry.file, _scores(values))
        if self.translation.flags.save_y:
            self._write_seen(shard)

    def _write_seen(self, shard: int) -> None:
        """Write the truths and, where they are pictures, the observations of a shard."""
        from ddpg.files.tensors import read_tensors
        from ddpg.images import from_uint8, save_png

        selection = self.study.shard(self.dataset, shard)
        ids = [entry.id for entry in selection.entries or ()]
        numbers = [self.taken.first + place for place in selection.positions]
        truths = read_tensors(Path(self.places.images(self.dataset, shard)), ids)
        cell = self.study.experiments[0].cell.path
        seen = read_tensors(Path(self.places.observations(cell, shard)), ids)
        for name, number in zip(ids, numbers, strict=True):
            save_png(self.layout.beside("orig", number), from_uint8(truths[name]))
            if self.translation.degradation.seen:
                y = seen[name].float() / 2 + 0.5
                save_png(self.layout.beside("y", number), y.expand(3, -1, -1))

    def _job(self, verb: str, options: str, **files: str | Path) -> None:
        words = [word for name, path in files.items() for word in (f"--{name}", str(path))]
        self.carry_out(verb, [*shlex.split(options), *words])


def _copy(source: Path, target: Path) -> None:
    """Copy a picture; one whose restoration failed is not there, nor is an older one then."""
    if not source.is_file():
        target.unlink(missing_ok=True)
        return
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def _scores(values: dict[str, dict[str, str]]) -> str:
    """The measurements of a picture in words."""
    psnr, lpips = values["psnr"], values.get(_LPIPS)
    if not psnr["value"]:
        return f"not restored: {psnr['note']}"
    text = f"PSNR {float(psnr['value']):.2f} dB"
    return f"{text}, LPIPS {float(lpips['value']):.4f}" if lpips and lpips["value"] else text


def _averages(scores: dict[str, list[float]], notes: dict[str, str], count: int) -> list[str]:
    psnr, lpips = scores["psnr"], scores[_LPIPS]
    lines = []
    if psnr:
        lines.append(f"mean PSNR: {sum(psnr) / len(psnr):.2f} dB")
    if lpips:
        lines.append(f"mean LPIPS: {sum(lpips) / len(lpips):.4f}")
    elif _LPIPS in notes:
        lines.append(f"mean LPIPS: none, {notes[_LPIPS]}")
    restored = len(psnr)
    return [*lines, f"pictures: {restored}" + ("" if restored == count else f" of {count}")]


def _tell_flags(translation: Translation) -> None:
    """Write into the log what was asked for, and what is not as in the script."""
    for flag in FLAGS:
        log.debug("%s: %r", flag.written, getattr(translation.flags, flag.key))
    log.info("configuration %s: %s", translation.flags.config, translation.config.origin)
    for note in translation.notes:
        log.warning("%s", note)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Within, what is told stands in a file as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("ddpg")
    try:
        handler = logging.FileHandler(path, mode="w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    handler.setFormatter(logging.Formatter("%(levelname)s - %(asctime)s - %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
