"""Kill a study at random moments, go on, and see whether anything is lost, repeated or left over.

SIGKILL goes to the scheduler (its jobs live on), to a running job, to the process whose copies do
the work of jobs (ddpg.warm) or one of the copies, or to all processes at once; then the same
command runs again, until the study is complete and a fresh one takes its place. Every complete
study is compared with one that nobody disturbed:

- every product is equal byte for byte: tensors, metrics, tables, figures, page. Measured seconds
  and memory are made constant for that, see `kill_recorder.py`;
- a product that Snakemake had reported as finished is never made again;
- no image that was finished is restored again, and of those that were not, at most one batch of a
  shard by each new job;
- no temporary file, lock or state folder is left.

    python benchmarks/kills/harness.py --kills 30 --report report.md     a small study, some minutes
    python benchmarks/kills/harness.py --study shards --targets results/shards/metrics.csv
    python benchmarks/kills/harness.py --study demo --longest 120        the default study

It exits with 1 if any of this does not hold. Kill number k of a seed is always the same draw.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from study import SHEETS, Study, lay_out, verb_of

KINDS = ("scheduler", "job", "server", "everything")
PATIENCE = 3600.0
"""Seconds for a study to end once the last kill is done."""


@dataclass
class Kill:
    """One kill, what was seen at that moment, and what followed until the next."""

    seed: str
    study: int
    seconds: float
    what: str
    finished: int
    kept: int
    problems: list[str] = field(default_factory=list)

    def row(self) -> str:
        """A line of the report."""
        outcome = "; ".join(self.problems) or "nothing lost"
        moment = f"{self.seconds:.1f}"
        cells = (self.seed, self.study, moment, self.what, self.finished, self.kept, outcome)
        return "| " + " | ".join(map(str, cells)) + " |"


@dataclass
class Outcome:
    """A study that was killed and is complete."""

    study: int
    kills: int
    seconds: float
    products: int
    batches: Counter[str]
    problems: list[str]

    def row(self) -> str:
        """A line of the report."""
        counts = (self.batches["kept"], self.batches["begun again"], self.batches["kept again"])
        outcome = "; ".join(self.problems) or "equal, nothing left over"
        cells = (self.study, self.kills, f"{self.seconds:.0f}", *counts, self.products, outcome)
        return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """Kill as often as asked for, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--study", choices=[*SHEETS, "demo"], default="small")
    parser.add_argument("--targets", nargs="*", default=[], help="default: everything")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=25, help="seconds between two kills")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--report", type=Path, help="Markdown; default: standard output")
    parser.add_argument("--folder", type=Path, help="a new one, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        kills, outcomes = attack(options, (options.folder or Path(temporary)).resolve())
    text = report(options, kills, outcomes)
    if options.report:
        options.report.write_text(text)
    else:
        print(text)
    return int(any(item.problems for item in (*kills, *outcomes)))


def attack(options: argparse.Namespace, folder: Path) -> tuple[list[Kill], list[Outcome]]:
    """Kill studies one after the other until there were enough kills."""
    undisturbed = new_study(options, folder / "undisturbed")
    undisturbed.start()
    if undisturbed.run.wait() != 0:
        sys.exit(f"the undisturbed study failed:\n{undisturbed.output.read_text()}")
    print("the undisturbed study is complete", file=sys.stderr, flush=True)
    kills: list[Kill] = []
    outcomes: list[Outcome] = []
    while len(kills) < options.kills:
        number = len(outcomes) + 1
        study = new_study(options, folder / f"study-{number}")
        before, started = len(kills), time.monotonic()
        disturb(study, number, options, kills)
        outcomes.append(examine(study, undisturbed, number, len(kills) - before, started))
        print(outcomes[-1].row(), file=sys.stderr, flush=True)
    return kills, outcomes


def new_study(options: argparse.Namespace, folder: Path) -> Study:
    """A study that has not run."""
    lay_out(folder, options.study)
    return Study(folder, tuple(options.targets), options.cores)


def disturb(study: Study, number: int, options: argparse.Namespace, kills: list[Kill]) -> None:
    """Run a study to its end, killing it as long as kills are left."""
    started = time.monotonic()
    mine: list[Kill] = []
    study.start()
    failures = 0
    while True:
        draw = random.Random(f"{options.seed}/{len(kills)}")  # noqa: S311
        left = len(kills) < options.kills
        code = wait(study, draw.uniform(1, options.longest) if left else PATIENCE)
        if mine:
            mine[-1].problems += [f"made again: {path}" for path in study.note_finished()]
        if code == 0:
            break
        if code is not None:
            # A job was killed: Snakemake gives up, and people start it again.
            failures += 1
            if failures > len(mine):
                sys.exit(f"the study fails by itself:\n{study.output.read_text()[-5000:]}")
            study.start()
            continue
        if not left:
            sys.exit(f"{study.folder}: not complete after {PATIENCE:.0f} s")
        study.note_finished()
        what = strike(study, draw)
        if what:
            seen = len(study.finished), study.kept_images()
            seed = f"{options.seed}/{len(kills)}"
            mine.append(Kill(seed, number, time.monotonic() - started, what, *seen))
            kills.append(mine[-1])
            print(kills[-1].row(), file=sys.stderr, flush=True)
    study.wait_for_orphans(60)


def wait(study: Study, seconds: float) -> int | None:
    """Wait for the run to end; gives its exit status, or None after some seconds."""
    try:
        return study.run.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def strike(study: Study, draw: random.Random) -> str:
    """Kill what the draw says, and start anew where the scheduler was hit; gives it in words."""
    kind = draw.choice(KINDS)
    jobs = study.jobs()
    running = ", ".join(verb_of(job) for job in jobs) or "no job"
    if kind in ("job", "server"):
        candidates = jobs if kind == "job" else study.servers()
        if not candidates:
            return ""
        victim = draw.choice(candidates)
        name = verb_of(victim) or f"{study.part_of(victim)}; running: {running}"
        study.kill([victim])
        return f"{kind}: {name}"
    scheduler = psutil.Process(study.run.pid)
    study.kill([scheduler] if kind == "scheduler" else [scheduler, *study.processes()])
    study.run.wait()
    time.sleep(draw.choice((0, 0, draw.uniform(0, 8))))  # some jobs end before the next run
    study.start()
    return f"{kind}; running: {running}"


def examine(study: Study, undisturbed: Study, number: int, kills: int, started: float) -> Outcome:
    """Compare a complete study with the undisturbed one."""
    batches = study.batches()
    expected = undisturbed.batches()["kept"]
    problems = [f"differs: {name}" for name in study.differences(undisturbed)]
    problems += [f"left over: {name}" for name in study.strays()]
    for count in ("kept again", "beyond one batch"):
        if batches[count]:
            problems.append(f"{count}: {batches[count]}")
    if batches["kept"] - batches["kept again"] != expected:
        problems.append(f"{batches['kept']} images were kept, expected {expected}")
    products = sum(1 for _ in study.products())
    seconds = time.monotonic() - started
    return Outcome(number, kills, seconds, products, batches, problems)


def report(options: argparse.Namespace, kills: Sequence[Kill], outcomes: Sequence[Outcome]) -> str:
    """The report, in Markdown."""
    kinds = Counter(kill.what.partition(":")[0].partition(";")[0] for kill in kills)
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS)
    good = not any(item.problems for item in (*kills, *outcomes))
    return "\n".join(
        [
            f"{len(kills)} kills ({counts}) of the study "
            f"`{options.study}`, seed {options.seed}, on {options.cores} cores, "
            f"{'nothing went wrong' if good else 'with differences, which the tables name'}.",
            "",
            "| study | kills | seconds | images restored | batches begun again | restored twice "
            "| products compared | outcome |",
            "|--:|--:|--:|--:|--:|--:|--:|---|",
            *(outcome.row() for outcome in outcomes),
            "",
            "| seed | study | second | killed | products finished | images kept | until the next |",
            "|---|--:|--:|---|--:|--:|---|",
            *(kill.row() for kill in kills),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
