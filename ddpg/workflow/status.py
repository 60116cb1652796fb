"""How far a study is, from its files alone: while it runs here, on a cluster, or not at all.

The unit is a shard of an experiment, which is restored by one job and measured by another:

    done      its table of metrics is there
    failed    it is not, and the log of the job that should have made it, or its restorations, ends
              with an error
    running   neither, and that log or the folder of its finished images has been written to within
              the last ten minutes
    left      everything else: jobs that wait, and those that were killed or stopped, which go on
              where they were

A cell is failed or running if one of its shards is, and done if all are. Whether what is there is
still what the study asks for is not looked at: ``ddpg why`` asks Snakemake for that.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ddpg.study.sheet import Experiment
from ddpg.study.study import Study

DONE, RUNNING, FAILED, LEFT = STATES = ("done", "running", "failed", "left")
FRESH = 600.0
"""Seconds without a sign of life after which a job is not taken to be running."""
WINDOW = 3600.0
"""Seconds over which the speed is measured."""

_SHARD = re.compile(r"shard-(\d+)\.(?:csv|safetensors|log)|\.shard-(\d+)\.\w+\.state")
_ERROR = re.compile(r"^\S+ \S+ ERROR (.*)$", re.MULTILINE)
_STOPPED = ("stopped by SIGTERM", "KeyboardInterrupt")
_TAIL = 8192


@dataclass(frozen=True)
class Shard:
    """A shard of an experiment.

    Attributes:
        state: one of :data:`STATES`.
        images: how many it has.
        restored: how many of them are restored.
        finished: when all were, in seconds since 1970; None before.
        error: what the log of a failed one says, with the log's path.
    """

    state: str
    images: int
    restored: int
    finished: float | None = None
    error: str = ""


@dataclass
class Row:
    """The shards of an experiment.

    Attributes:
        experiment: which.
        shards: in order.
        seconds: that an image took, of a shard that is finished; None before.
    """

    experiment: Experiment
    shards: list[Shard] = field(default_factory=list)
    seconds: float | None = None

    @property
    def images_left(self) -> int:
        """How many images are not restored."""
        return sum(shard.images - shard.restored for shard in self.shards)


def read_status(study: Study, results: Path, now: float) -> list[Row]:
    """Look at the files of a study.

    Args:
        study: its definition.
        results: the folder of its results.
        now: seconds since 1970.
    """
    return [_read_row(study, experiment, results, now) for experiment in study.experiments]


def _read_row(study: Study, experiment: Experiment, results: Path, now: float) -> Row:
    path, size = experiment.path, study.config.shard_size
    restored = _times(results / "restorations" / path, ".safetensors")
    signs = _Signs(results, path, now)
    measured = _times(results / "evaluations" / path, ".csv")
    count = study.selections[experiment.cell.dataset].count
    row = Row(experiment)
    for number, first in enumerate(range(0, count, size)):
        images = min(size, count - first)
        if number in measured:
            row.shards.append(Shard(DONE, images, images, restored.get(number, measured[number])))
        elif number in restored:
            state, error = signs.of("evaluate", number)
            row.shards.append(Shard(state, images, images, restored[number], error))
        else:
            state, error = signs.of("restore", number)
            row.shards.append(Shard(state, images, min(images, signs.kept(number)), None, error))
    if restored:
        latest = max(restored, key=restored.__getitem__)
        row.seconds = _seconds(results / "restorations" / path / f"shard-{latest}.csv")
    return row


class _Signs:
    """Signs of life of the jobs of an experiment: logs and folders of finished images."""

    def __init__(self, results: Path, path: str, now: float) -> None:
        self._folder = results / "restorations" / path
        self._logs = {verb: results / "logs" / verb / path for verb in ("restore", "evaluate")}
        self._times = {verb: _times(folder, ".log") for verb, folder in self._logs.items()}
        self._states = _times(self._folder, ".state")
        self._now = now

    def of(self, verb: str, number: int) -> tuple[str, str]:
        """The state of a job that has made nothing yet, and its error."""
        written = self._times[verb].get(number)
        if written is not None:
            log = self._logs[verb] / f"shard-{number}.log"
            if error := _last_error(log):
                stopped = any(words in error for words in _STOPPED)
                return (LEFT, "") if stopped else (FAILED, f"{log}: {error}")
        state = self._states.get(number) if verb == "restore" else None
        times = [time for time in (written, state) if time is not None]
        # A clock that differs from the file server's makes files of the future.
        return (RUNNING if times and self._now - max(times) < FRESH else LEFT), ""

    def kept(self, number: int) -> int:
        """How many images are finished of a shard that is not."""
        if number not in self._states:
            return 0
        folders = self._folder.glob(f".shard-{number}.*.state")
        return max((len(list(folder.glob("*.safetensors"))) for folder in folders), default=0)


def _times(folder: Path, suffix: str) -> dict[int, float]:
    """When the shards' files in a folder were written, by number."""
    times: dict[int, float] = {}
    for entry in _entries(folder):
        match = _SHARD.fullmatch(entry.name) if entry.name.endswith(suffix) else None
        if match:
            number = int(match[1] or match[2])
            times[number] = max(times.get(number, 0.0), entry.stat().st_mtime)
    return times


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _last_error(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            text = stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""  # removed this very moment
    found = _ERROR.findall(text)
    return found[-1] if found else ""


def _seconds(costs: Path) -> float | None:
    """Seconds per image of a shard; None if its table cannot be read."""
    try:
        with costs.open(newline="", encoding="utf-8") as stream:
            values = [float(row["seconds"]) for row in csv.DictReader(stream)]
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return sum(values) / len(values) if values else None


# --- sums -----------------------------------------------------------------------------------------


def count_shards(rows: list[Row]) -> Counter[str]:
    """How many shards are in each state."""
    return Counter(shard.state for row in rows for shard in row.shards)


def cell_state(counts: Mapping[str, int]) -> str:
    """The state of a cell from the numbers of its shards."""
    for state in (FAILED, RUNNING, LEFT):
        if counts.get(state):
            return state
    return DONE


def images_per_second(rows: list[Row], now: float) -> float | None:
    """Images restored a second over the last hour, or since the first of them was begun.

    Returns:
        the speed; None if no shard has been finished in that time.
    """
    finished = [(row, shard) for row in rows for shard in _finished_lately(row, now)]
    return sum(shard.images for _, shard in finished) / _span(finished, now) if finished else None


def seconds_to_go(rows: list[Row], now: float) -> float | None:
    """Time until all is restored, if work goes on as fast as in the last hour.

    An image of one row may take a thousand times as long as one of another. So what is counted is
    seconds of work: those that the images left will take, as their row's or else their method's
    others did, against those that were done in the last hour, by however many devices.

    Returns:
        seconds; None if nothing was finished lately or some method has not been seen at all.
    """
    finished = [(row, shard) for row in rows for shard in _finished_lately(row, now)]
    by_method = _seconds_by_method(rows)
    work = 0.0
    for row in rows:
        if row.images_left:
            seconds = row.seconds or by_method.get(row.experiment.method)
            if seconds is None:
                return None
            work += seconds * row.images_left
    if not work:
        return 0.0
    done = sum((row.seconds or 0.0) * shard.images for row, shard in finished)
    return work / done * _span(finished, now) if done else None


def _finished_lately(row: Row, now: float) -> list[Shard]:
    return [s for s in row.shards if s.finished is not None and now - s.finished < WINDOW]


def _span(finished: list[tuple[Row, Shard]], now: float) -> float:
    """Seconds in which shards were finished, from the beginning of the first."""
    begun = min((s.finished or now) - (row.seconds or 0.0) * s.images for row, s in finished)
    return max(1.0, min(WINDOW, now - begun))


def _seconds_by_method(rows: list[Row]) -> dict[str, float]:
    known: dict[str, list[float]] = {}
    for row in rows:
        if row.seconds is not None:
            known.setdefault(row.experiment.method, []).append(row.seconds)
    return {method: sum(values) / len(values) for method, values in known.items()}


# --- words ----------------------------------------------------------------------------------------


def lines(study: Study, rows: list[Row], now: float, errors: int = 10) -> list[str]:
    """The status for people.

    Args:
        study: its definition.
        rows: of :func:`read_status`.
        now: seconds since 1970.
        errors: so many failures are told.
    """
    by_cell: dict[str, list[Row]] = {path: [] for path in study.cells}
    for row in rows:
        by_cell[row.experiment.cell.path].append(row)
    counts = {path: count_shards(found) for path, found in by_cell.items()}
    width = max(map(len, [*counts, "all shards"]), default=0)
    cells = Counter(cell_state(found) for found in counts.values())
    failures = [shard.error for row in rows for shard in row.shards if shard.error]
    return [
        f"{study.config.name}: {_counted(cells)} of {len(counts)} cells",
        "",
        f"{'shards':{width}} {''.join(f'{state:>9}' for state in STATES)}",
        *(f"{path:{width}} {_columns(found)}" for path, found in counts.items()),
        f"{'all shards':{width}} {_columns(count_shards(rows))}",
        "",
        _speed(rows, now),
        *(["", f"failed ({len(failures)}):", *failures[:errors]] if failures else []),
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts.get(state, 0)} {state}" for state in STATES)


def _columns(counts: Mapping[str, int]) -> str:
    return "".join(f"{counts.get(state, 0):9}" for state in STATES)


def _speed(rows: list[Row], now: float) -> str:
    total = sum(shard.images for row in rows for shard in row.shards)
    left = sum(row.images_left for row in rows)
    words = f"{total - left} of {total} images restored"
    if not left:
        return words
    speed, seconds = images_per_second(rows, now), seconds_to_go(rows, now)
    if speed is None:
        return f"{words}; none finished in the last hour"
    to_go = "not known yet" if seconds is None else _duration(seconds)
    return f"{words}, {speed:.3g} a second in the last hour; time to go: {to_go}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
