"""Why a job would run, in words.

Snakemake's own dry run decides and is quoted; what it says in one long line is taken apart here:
which field of a job's spec has changed from what to what, which input is newer than what was made
from it, which inputs came or went, and which job further up is behind it all. A job whose inputs
are made anew is not looked at for other changes, by Snakemake as by this module.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ddpg.errors import UserError
from ddpg.machine.terminal import SWITCH
from ddpg.study.names import shortened
from ddpg.workflow.records import record_of

_SHOWN = 4
"""So many files are named; of more, the number is told."""

_HEAD = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
_FIELD = re.compile(r"^    (\w+): (.*)$")
_PARAMS = re.compile(
    r"Params have changed since last execution: .*?before: (.*) now: (.*?) ?(?=; Software|$)"
)
_FILES = r": (.*?)(?=; [A-Z]|$)"
_UPSTREAM = re.compile("Input files updated by another job" + _FILES)


@dataclass
class Job:
    """A job of a dry run."""

    rule: str
    input: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    wildcards: str = ""
    """"name=value, ..."; empty without."""
    reason: str = ""
    """What Snakemake says."""

    @property
    def title(self) -> str:
        """The job for people."""
        return f"{self.rule} ({self.wildcards})" if self.wildcards else self.rule

    @property
    def awaited(self) -> list[str]:
        """Inputs that other jobs make anew."""
        match = _UPSTREAM.search(self.reason)
        return _split(match[1]) if match else []


def dry_run(targets: Sequence[str], configfiles: Sequence[str], *, forced: bool = False) -> str:
    """What Snakemake would do for some targets; for the whole study if there are none.

    Args:
        forced: whether all jobs are shown, also those of files that are up to date.

    Raises:
        UserError: it cannot plan; with its own words.
    """
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--nolock", "--nocolor"]
    command += ["--cores", "1", *["--forceall"] * forced]
    if configfiles:
        command += ["--configfile", *configfiles]
    command += ["--", *targets]  # a target may begin with a dash
    environment = {**os.environ, SWITCH: "snakemake"}  # its own words are read here
    result = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    text = result.stdout + "\n" + result.stderr
    if result.returncode:
        raise UserError(_complaint(text))
    return text


def _complaint(text: str) -> str:
    """What a failed plan says, without the banner and without a traceback."""
    _, found, words = text.partition("Building DAG of jobs...\n")
    lines = (words if found else text).strip().splitlines()
    shown = [line.strip() for line in lines if line.strip() and not line.startswith("Using ")]
    return "\n".join(shown[-8:]) or "snakemake cannot plan this"


def parse(text: str) -> list[Job]:
    """The jobs of a dry run's output, in its order."""
    jobs: list[Job] = []
    inside = False
    for line in text.splitlines():
        if head := _HEAD.match(line):
            jobs.append(Job(head[1]))
            inside = True
        elif inside and (match := _FIELD.match(line)):
            name, value = match[1], match[2]
            if name in ("input", "output"):
                setattr(jobs[-1], name, _split(value))
            elif name in ("wildcards", "reason"):
                setattr(jobs[-1], name, value.strip())
        else:
            inside = False
    return jobs


def explain(jobs: Sequence[Job], targets: Sequence[str]) -> list[str]:
    """Lines that say what would run for the targets, and what is behind it."""
    jobs = [job for job in jobs if job.rule != "all"]
    what = ", ".join(targets) or "the study"
    if not jobs:
        return [f"{what}: up to date, nothing would run"]
    lines = [f"{what}: {len(jobs)} job{'s' * (len(jobs) != 1)} would run"]
    makers = {path: job for job in jobs for path in job.output}
    for target in targets:
        if job := makers.get(target):
            lines += _explained(job, makers)
    roots = [job for job in jobs if not job.awaited and not set(job.output) & set(targets)]
    if roots:
        lines += ["", "What is behind it:" if len(roots) < len(jobs) else "Each by itself:"]
        lines += _grouped(roots)
    return lines


def _explained(job: Job, makers: dict[str, Job]) -> list[str]:
    lines = ["", f"{job.title} makes {_first(job.output)}, because"]
    lines += [f"  - {words}" for words in causes(job)]
    by_rule: dict[str, list[str]] = defaultdict(list)
    for path in job.awaited:
        by_rule[makers[path].rule if path in makers else "another job"].append(path)
    lines += [
        f"  - {rule} makes its input anew: {_first(files)}" for rule, files in by_rule.items()
    ]
    return lines


def _grouped(jobs: Iterable[Job]) -> list[str]:
    """The causes of jobs; those that many jobs share are told once."""
    groups: dict[tuple[str, tuple[str, ...]], list[Job]] = defaultdict(list)
    for job in jobs:
        shared = tuple(_without_files(words) for words in causes(job))
        groups[job.rule, shared].append(job)
    lines = []
    for (rule, _), members in groups.items():
        first = members[0]
        others = f" and {len(members) - 1} more" if len(members) > 1 else ""
        lines.append(f"  {first.title if not others else f'{rule}: {first.wildcards}{others}'}")
        lines += [f"    - {words}" for words in causes(first)]
    return lines


def _without_files(words: str) -> str:
    return words.partition(": ")[0] if ": " in words and "->" not in words else words


def causes(job: Job) -> list[str]:
    """Why a job would run by itself, in words; nothing if only its inputs are behind it."""
    reason = job.reason
    why: list[str] = []
    if "Forced execution" in reason:
        why.append("it was asked for")
    for phrase, words in (
        ("Missing output files", "this is not there: {}"),
        ("Incomplete output files", "it was interrupted when it was made: {}"),
        ("Updated input files", "{}"),
    ):
        if (match := re.search(phrase + _FILES, reason)) and (files := _split(match[1])):
            newer = _newer(files, job.output) if phrase.startswith("Updated") else _first(files)
            why.append(words.format(newer))
    if match := _PARAMS.search(reason):
        why += parameter_changes(match[1], match[2])
    if "Set of input files has changed" in reason:
        why += _input_changes(job)
    if "Code has changed" in reason:
        why.append("the command of its rule has changed")
    if "Software environment" in reason:
        why.append("its software environment has changed")
    if not why and not job.awaited:
        why.append(reason[:1].lower() + reason[1:])
    return why


def parameter_changes(before: str, now: str) -> list[str]:
    """What differs between the parameters of two runs, field by field.

    Args:
        before, now: as Snakemake prints them, expressions separated by commas.
    """
    old, new = _fields(before), _fields(now)
    if old is None or new is None:
        return [f"its parameters have changed: {before} -> {now}"]
    changes = []
    for name in [*old, *(name for name in new if name not in old)]:
        left, right = old.get(name), new.get(name)
        if left == right:
            continue
        if name == "code":
            changes.append("the code that it runs has changed")
        elif name not in old or name not in new:
            changes.append(f"its parameter {name} is {'new' if name in new else 'gone'}")
        else:
            changes.append(f"{name}: {_difference(left, right)}")
    return changes or ["its parameters are written otherwise"]


def _fields(text: str) -> dict[str, object] | None:
    """The parameters as one dictionary; None where they are no literals."""
    try:
        values = ast.literal_eval(f"[{text}]") if "<nothing" not in text else []
    except (ValueError, SyntaxError):
        return None
    merged: dict[str, object] = {}
    for number, value in enumerate(values):
        merged |= value if isinstance(value, dict) else {f"option {number + 1}": value}
    return merged


def _difference(old: object, new: object) -> str:
    """Two values; of long texts, lists and named values, the words that differ."""
    old, new = _as_text(old), _as_text(new)
    if not (isinstance(old, str) and isinstance(new, str)):
        return f"{old} -> {new}"
    left, right = (re.split(r"[\s,']+", text) for text in (old, new))
    gone = [word for word in left if word and word not in right]
    come = [word for word in right if word and word not in left]
    if not gone and not come:
        return "the same words in another order"
    return f"{_first(gone, ' ') or 'nothing'} -> {_first(come, ' ') or 'nothing'}"


def _as_text(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(f"{name}={part}" for name, part in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _newer(inputs: list[str], outputs: list[str]) -> str:
    """Which inputs are newer, and than what."""
    words = f"newer than what was made from {'it' if len(inputs) == 1 else 'them'}"
    made = [Path(path).stat().st_mtime for path in outputs if Path(path).exists()]
    times = [Path(path).stat().st_mtime for path in inputs if Path(path).exists()]
    when = f" ({_date(max(times))}, made {_date(min(made))})" if made and times else ""
    return f"{_first(inputs)} {'is' if len(inputs) == 1 else 'are'} {words}{when}"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _input_changes(job: Job) -> list[str]:
    """Which inputs came and went, by Snakemake's record of the last run."""
    record = record_of(job.output[0]) if job.output else None
    if record is None:
        return ["it has other input files than last time"]
    before = [str(path) for path in record.get("input") or []]
    come = [path for path in job.input if path not in before]
    gone = [path for path in before if path not in job.input]
    changes = [f"input that it did not have: {_first(come)}"] if come else []
    changes += [f"input that it no longer has: {_first(gone)}"] if gone else []
    return changes or ["its input files are in another order"]


def _split(text: str) -> list[str]:
    return [part for part in text.strip().split(", ") if part]


def _first(words: Sequence[str], between: str = ", ") -> str:
    """The first of some words, and how many more there are."""
    return shortened(words, _SHOWN, between)
