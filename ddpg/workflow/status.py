"""How far a study is, from its files alone: while it runs here, on a cluster, or not at all.

The unit is a shard of an experiment, which is restored by one job and measured by another. What its
states mean is told by ``ddpg status --help``, see :data:`ddpg.cli.study.STATUS`. Whether a shard
was made from the study's values is looked up in Snakemake's records, of which a file without one
has none; inputs that are newer are not looked for: ``ddpg why`` asks Snakemake for that.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ddpg.files.costs import FAILURE, costs_so_far, mean_seconds
from ddpg.study.cost import work
from ddpg.study.places import Places
from ddpg.study.sheet import Experiment
from ddpg.study.study import Study
from ddpg.workflow.records import Asked
from ddpg.workflow.terminal.endings import STOPPED, text_at_end

DONE, RUNNING, FAILED, LEFT = STATES = ("done", "running", "failed", "left")
FRESH = 600.0
"""Seconds without a sign of life after which a job is not taken to be running."""
WINDOW = 3600.0
"""Seconds over which the speed is measured."""

_SHARD = re.compile(r"shard-(\d+)\.(?:csv|safetensors|log)|\.shard-(\d+)\.\w+\.state")
_ERROR = re.compile(r"^\S+ \S+ ERROR (.*)$", re.MULTILINE)
_VERBS = ("restore", "evaluate")
_OF_GIVEN = {"restore": "take_given"}
"""Where the logs of a verb lie of what was restored elsewhere."""
_ENDED = re.compile(r" of processor time, .*\n?\Z")
"""The last line of the log of a job that has ended."""
_TOLD = 10
"""So many failures are told."""
_TAIL = 8192
_HEADER = 1 << 20
_UNLIKE = 1.25
"""Ratio of the time of images left to that of finished ones from which it is told."""


@dataclass(frozen=True)
class Shard:
    """A shard of an experiment."""

    state: str
    """One of :data:`STATES`."""
    images: int
    """How many it has."""
    restored: int
    """How many of them are restored."""
    finished: float | None = None
    """When all were, in seconds since 1970; None before."""
    error: str = ""
    """What the log of a failed one says, with the log's path."""
    kept: tuple[float, ...] = field(default=(), compare=False)
    """When its images were finished, of one that is not complete."""
    is_other: bool = field(default=False, compare=False)
    """What is there was restored from other values than the study has."""
    is_measured_otherwise: bool = field(default=False, compare=False)
    """What is there was measured from other values than the study has, and will be again."""
    gone: str = field(default="", compare=False)
    """What was there and is not: "restorations" of a shard that is measured, "measurements" of one
    whose job has ended well."""
    failures: tuple[str, ...] = field(default=(), compare=False)
    """Why images could not be restored, each reason with the table that tells it."""


@dataclass
class Row:
    """The shards of an experiment."""

    experiment: Experiment
    shards: list[Shard] = field(default_factory=list)
    seconds: float | None = None
    """That an image took, of the last shard that is finished, or else of images that are finished
    of others; None before."""

    @property
    def images_left(self) -> int:
        """How many images are not restored."""
        return sum(shard.images - shard.restored for shard in self.shards)


def read_status(study: Study, results: Path, now: float) -> list[Row]:
    """Look at the files of a study.

    Args:
        now: seconds since 1970.
    """
    asked, places = Asked(study, results), Places.below(results)
    rows = [_read_row(study, row, places, now, asked) for row in study.experiments]
    further = [
        _read_row(study, row, places, now, asked, is_measured=False) for row in study.further_draws
    ]
    return rows + further


def _read_row(
    study: Study,
    experiment: Experiment,
    places: Places,
    now: float,
    asked: Asked,
    *,
    is_measured: bool = True,
) -> Row:
    """The shards of an experiment; one that is not measured by itself is done when restored."""
    path, size = experiment.path, study.config.shard_size
    restored = _times(Path(places.stage("restorations"), path), ".safetensors")
    signs = _Signs(places, path, now, _OF_GIVEN if experiment.given else {})
    measured = _times(Path(places.stage("evaluations"), path), ".csv") if is_measured else restored
    count = study.selections[experiment.cell.dataset].count
    costs = Path(places.stage("restorations"), path)
    row = Row(experiment)
    for number, first in enumerate(range(0, count, size)):
        images = min(size, count - first)
        there = number in measured or number in restored
        stale = (
            is_measured and number in measured and asked.is_other_measurement(experiment, number)
        )
        if there and (asked.is_other(experiment, number) or (stale and number not in restored)):
            running = signs.of("restore", number)[0] == RUNNING
            row.shards.append(Shard(RUNNING if running else LEFT, images, 0, is_other=True))
        elif number in measured and not stale and (number in restored or not signs.keeps(number)):
            finished = restored.get(number, measured[number])
            row.shards.append(
                Shard(
                    DONE, images, images, finished,
                    gone="" if number in restored else "restorations",
                    failures=_failures(costs / f"shard-{number}.csv"),
                )
            )  # fmt: skip
        elif number in restored:
            state, error = signs.of("evaluate", number)
            gone = not stale and not error and signs.ended("evaluate", number)
            row.shards.append(
                Shard(
                    state, images, images, restored[number], error,
                    is_measured_otherwise=stale,
                    gone="measurements" if gone else "",
                    failures=_failures(costs / f"shard-{number}.csv"),
                )
            )  # fmt: skip
        else:
            state, error = signs.of("restore", number)
            kept = tuple(signs.kept(number))[:images]
            row.shards.append(Shard(state, images, len(kept), None, error, kept))
    if restored:
        latest = max(restored, key=restored.__getitem__)
        row.seconds = mean_seconds(costs_so_far(costs / f"shard-{latest}.csv"))
    if row.seconds is None:
        row.seconds = signs.seconds()
    return row


class _Signs:
    """Signs of life of the jobs of an experiment: logs and folders of finished images."""

    def __init__(
        self, places: Places, path: str, now: float, rules: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._folder = Path(places.stage("restorations"), path)
        logs = Path(places.stage("logs"))
        self._logs = {verb: logs / rules.get(verb, verb) / path for verb in _VERBS}
        self._times = {verb: _times(folder, ".log") for verb, folder in self._logs.items()}
        self._states = _times(self._folder, ".state")
        self._now = now

    def of(self, verb: str, number: int) -> tuple[str, str]:
        """The state of a job that has made nothing yet, and its error."""
        written = self._times[verb].get(number)
        if written is not None:
            log = self._logs[verb] / f"shard-{number}.log"
            if error := _last_error(log):
                stopped = any(words in error for words in STOPPED)
                return (LEFT, "") if stopped else (FAILED, f"{log}: {error}")
            if self.ended(verb, number):
                written = None
        state = self._states.get(number) if verb == "restore" else None
        times = [time for time in (written, state) if time is not None]
        # A clock that differs from the file server's makes files of the future.
        return (RUNNING if times and self._now - max(times) < FRESH else LEFT), ""

    def ended(self, verb: str, number: int) -> bool:
        """Whether the log of a job says that it has ended."""
        log = self._logs[verb] / f"shard-{number}.log"
        return number in self._times[verb] and _ENDED.search(text_at_end(log, _TAIL)) is not None

    def keeps(self, number: int) -> bool:
        """Whether a job has kept images of a shard that is not complete."""
        return number in self._states

    def kept(self, number: int) -> list[float]:
        """When the images were finished of a shard that is not complete."""
        return [file.stat().st_mtime for file in self._images(number)]

    def seconds(self) -> float | None:
        """Seconds per image that is kept; None if there is none that tells."""
        images = (file for number in self._states for file in self._images(number))
        known = [seconds for file in images if (seconds := _seconds_of_image(file)) is not None]
        return sum(known) / len(known) if known else None

    def _images(self, number: int) -> list[Path]:
        if number not in self._states:
            return []
        folders = self._folder.glob(f".shard-{number}.*.state")
        return max(
            (sorted(folder.glob("*.safetensors")) for folder in folders), key=len, default=[]
        )


def _times(folder: Path, suffix: str) -> dict[int, float]:
    """When the shards' files in a folder were written, by number."""
    times: dict[int, float] = {}
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return times
    for entry in entries:
        match = _SHARD.fullmatch(entry.name) if entry.name.endswith(suffix) else None
        if match:
            number = int(match[1] or match[2])
            times[number] = max(times.get(number, 0.0), entry.stat().st_mtime)
    return times


def _last_error(log: Path) -> str:
    errors = _ERROR.findall(text_at_end(log, _TAIL))
    return errors[-1] if errors else ""


def _failures(costs: Path) -> tuple[str, ...]:
    """Why images of a shard have no restoration; nothing where its table cannot be read."""
    rows = costs_so_far(costs)
    return tuple(f"{costs}: {row.get('image')}: {row[FAILURE]}" for row in rows if row.get(FAILURE))


def _seconds_of_image(file: Path) -> float | None:
    """Seconds that a kept image took, from the header of its file; None if it does not tell."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(min(length, _HEADER)))
        return float(json.loads(header["__metadata__"]["cost"])["seconds"])
    except (OSError, KeyError, TypeError, ValueError, struct.error):
        return None


# --- sums -----------------------------------------------------------------------------------------


def count_shards(rows: list[Row]) -> Counter[str]:
    """How many shards are in each state."""
    return Counter(shard.state for row in rows for shard in row.shards)


def cell_state(counts: Mapping[str, int]) -> str:
    """The state of a cell from the numbers of its shards."""
    return next((state for state in (FAILED, RUNNING, LEFT) if counts.get(state)), DONE)


@dataclass(frozen=True)
class _Work:
    """Images that were restored one after the other: when, in seconds since 1970, and how many."""

    begun: float
    ended: float
    images: float

    def since(self, start: float) -> _Work:
        """What falls after a moment, in proportion."""
        length = self.ended - self.begun
        if self.begun >= start or length <= 0:
            return self
        share = (self.ended - start) / length
        return _Work(start, self.ended, self.images * share)

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


def images_per_second(rows: list[Row], now: float) -> float | None:
    """Images restored a second over the last hour, or since the first of them was begun.

    Images of shards that are not complete count as well.

    Returns:
        the speed; None if no image has been finished in that time.
    """
    lately = _lately(rows, now)
    return sum(piece.images for piece in lately) / _span(lately, now) if lately else None


def seconds_to_go(rows: list[Row], now: float) -> float | None:
    """Time until all is restored, if work goes on as fast as in the last hour.

    An image of one row may take a thousand times as long as one of another. So what is counted is
    seconds of work: those that the images left will take, as their row's or else their method's
    others did, against those that were done in the last hour, by however many devices. A method
    that has not been seen takes for each call of the network what the others do.

    Returns:
        seconds; None if nothing was finished lately.
    """
    left = _work_left(rows)
    if not left:
        return left
    lately = _lately(rows, now)
    done = sum(piece.seconds for piece in lately)
    return left / done * _span(lately, now) if done else None


def _work_left(rows: list[Row]) -> float | None:
    """Seconds of work that the images left will take; None if no image has been finished."""
    known: dict[str, list[float]] = {}
    for row in rows:
        if row.seconds is not None:
            known.setdefault(row.experiment.method, []).append(row.seconds)
    calls = _seconds_of_calls(rows)
    if not calls:
        return None if any(row.images_left for row in rows) else 0.0
    left = 0.0
    for row in rows:
        if row.images_left:
            alike = [row.seconds] if row.seconds else known.get(row.experiment.method)
            # A method that has not been seen takes by how often it calls the network.
            has_prior = bool(row.experiment.prior)
            call = calls.get(has_prior, calls.get(not has_prior, 0.0))
            seconds = sum(alike) / len(alike) if alike else call * work(row.experiment)
            left += seconds * row.images_left
    return left


def _seconds_of_calls(rows: list[Row]) -> dict[bool, float]:
    """What a call of the network takes in rows with a prior and in those without, where some image
    has been finished."""
    sums: dict[bool, list[float]] = {}
    for row in rows:
        if row.seconds is not None:
            total = sums.setdefault(bool(row.experiment.prior), [0.0, 0.0])
            total[0] += row.seconds
            total[1] += work(row.experiment)
    return {has_prior: spent / calls for has_prior, (spent, calls) in sums.items()}


def _is_guessed(rows: list[Row]) -> bool:
    """Whether some method that has images left has not been seen."""
    seen = {row.experiment.method for row in rows if row.seconds is not None}
    return any(row.images_left and row.experiment.method not in seen for row in rows)


def _lately(rows: list[Row], now: float) -> list[_Work]:
    """What was restored in the last hour."""
    start = now - WINDOW
    pieces = (piece for row in rows for shard in row.shards for piece in _work_of(row, shard))
    return [piece.since(start) for piece in pieces if piece.ended > start]


def _work_of(row: Row, shard: Shard) -> list[_Work]:
    seconds = row.seconds or 0.0
    if shard.finished is not None:
        return [_Work(shard.finished - seconds * shard.images, shard.finished, shard.images)]
    return [_Work(time - seconds, time, 1) for time in shard.kept]


def _span(pieces: Sequence[_Work], now: float) -> float:
    """Seconds in which images were restored, from the beginning of the first."""
    begun = min(piece.begun for piece in pieces)
    return max(1.0, min(WINDOW, now - begun))


# --- words ----------------------------------------------------------------------------------------


def lines(
    study: Study,
    rows: list[Row],
    now: float,
    configfiles: Sequence[str] = (),
) -> list[str]:
    """The status for people.

    Args:
        now: seconds since 1970.
        configfiles: with which Snakemake has to be called for this study.
    """
    by_cell: dict[str, list[Row]] = {path: [] for path in study.cells}
    for row in rows:
        by_cell[row.experiment.cell.path].append(row)
    counts = {path: count_shards(shards) for path, shards in by_cell.items()}
    width = max(map(len, [*counts, "all shards"]), default=0)
    cells = Counter(cell_state(shards) for shards in counts.values())
    told = ", ".join(f"{cells.get(state, 0)} {state}" for state in STATES)
    failures = [shard.error for row in rows for shard in row.shards if shard.error]
    unrestored = [reason for row in rows for shard in row.shards for reason in shard.failures]
    return [
        f"{study.config.name}: {told} of {len(counts)} cells",
        "",
        f"{'shards':{width}} {''.join(f'{state:>9}' for state in STATES)}",
        *(f"{path:{width}} {_columns(shards)}" for path, shards in counts.items()),
        f"{'all shards':{width}} {_columns(count_shards(rows))}",
        "",
        _speed(rows, now),
        *_remarks(study, rows, now, configfiles),
        *(["", f"failed ({len(failures)}):", *failures[:_TOLD]] if failures else []),
        *(
            ["", f"images without a restoration ({len(unrestored)}):", *unrestored[:_TOLD]]
            if unrestored
            else []
        ),
    ]


def _columns(counts: Mapping[str, int]) -> str:
    return "".join(f"{counts.get(state, 0):9}" for state in STATES)


def _speed(rows: list[Row], now: float) -> str:
    total = sum(shard.images for row in rows for shard in row.shards)
    left = sum(row.images_left for row in rows)
    failed = sum(len(shard.failures) for row in rows for shard in row.shards)
    words = f"{total - left - failed} of {total} images restored"
    if failed:
        words += f", {failed} could not be"
    if not left:
        return words
    speed, seconds = images_per_second(rows, now), seconds_to_go(rows, now)
    if speed is None:
        return f"{words}; none finished in the last hour"
    roughly = "roughly " * _is_guessed(rows)
    to_go = "not known yet" if seconds is None else roughly + _duration(seconds)
    return f"{words}, {speed:.3g} a second in the last hour; time to go: {to_go}"


def _remarks(study: Study, rows: list[Row], now: float, configfiles: Sequence[str]) -> list[str]:
    """What has to be known to read the numbers rightly."""
    remarks = []
    lately, left = _lately(rows, now), _work_left(rows)
    if lately and left and (done := sum(piece.seconds for piece in lately)):
        mean = done / sum(piece.images for piece in lately)
        awaited = left / sum(row.images_left for row in rows)
        if max(mean, awaited) > _UNLIKE * min(mean, awaited):
            remarks.append(
                f"an image that is left takes {awaited:.3g} s of work on average, one of the last "
                f"hour took {mean:.3g} s"
            )
    if other := sum(shard.is_other for row in rows for shard in row.shards):
        remarks.append(
            f"{_number(other)} made by another study, or by this one before a change: counted as "
            f"not restored"
        )
    if otherwise := sum(shard.is_measured_otherwise for row in rows for shard in row.shards):
        remarks.append(
            f"{_number(otherwise)} measured by another study, or by this one before a change: "
            "what is restored stays, and is measured again"
        )
    places = study.places
    files = {"restorations": places.restorations, "measurements": places.evaluations}
    for kind, file_of in files.items():
        gone = [
            file_of(row.experiment.path, number)
            for row in rows
            for number, shard in enumerate(row.shards)
            if shard.gone == kind
        ]
        if gone:
            command = ["snakemake", "--cores", "all", gone[0]]
            command += ["--configfile", *configfiles] if configfiles else []
            remarks.append(
                f"{_number(len(gone))} measured, and the {kind} are gone, which Snakemake does "
                f"not miss; `{shlex.join(command)}` makes one again"
            )
    return remarks


def _number(shards: int) -> str:
    return "1 shard was" if shards == 1 else f"{shards} shards were"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
