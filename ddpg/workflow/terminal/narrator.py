"""What is said of a run: from Snakemake's records to lines for people."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddpg.study.cost import evaluations
from ddpg.workflow.terminal.endings import end_of_log, was_stopped
from ddpg.workflow.terminal.pace import Pace
from ddpg.workflow.terminal.screen import Screen
from ddpg.workflow.terminal.words import (
    OF_THE_WHOLE,
    Job,
    counted,
    duration,
    finished,
    kind,
    pictures_of,
    stages,
    title,
)

if TYPE_CHECKING:
    from ddpg.study.study import Study

NOTHING = "Nothing to be done"
_DETAILS = (
    "Activating singularity image",
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Complete log(s)",
    "Conda environments: ignored",
    "Config file ",
    "Elapsed time",
    "Exiting because a job execution failed",
    "At least one job did not complete successfully",
    "Execute ",
    "Finished ",
    "Group jobs: inactive",
    "Provided cores",
    "Provided remote nodes",
    "Provided resources",
    "Reasons:",
    "Rules claiming more threads",
    "Select jobs to execute",
    "Singularity containers: ignored",
    "Some jobs were triggered by provenance",
    "Storing output in storage",
    "This was a dry-run",
    "Using shell",
    "host: ",
)
"""Beginnings of what Snakemake says that is of no use beside the rest."""
_CHANGED = "Rules with provenance triggered jobs: "
_STOPPING = ("Terminating processes on user request", "Cancelling snakemake on user request")
_COMMAND = re.compile(r"RuleException:\s+CalledProcessError in file ")
_STATUS = re.compile(r"' (died with \S+ \d+>|returned non-zero exit status \d+)\.\s*\Z")
_INTERRUPTED = ("Signals.SIGINT", "status 130")
_SILENT = ("all",)
"""Rules whose jobs do nothing."""


class Narrator:
    """Tells a run.

    Args:
        screen: where.
        dry: whether it only plans.

    Attributes:
        study: what the run is of, once it is known.
    """

    def __init__(self, screen: Screen, dry: bool = False) -> None:
        self.screen = screen
        self.study: Study | None = None
        self.pace = Pace()
        self._dry = dry
        self._running: dict[int, Job] = {}
        self._begun = time.time()
        self._planning = False
        self._planned: list[Job] = []
        self._stats: Mapping[str, int] | None = None
        self._nothing_to_do = self._stopped = self._complained = False
        self._failed: dict[int, tuple[str, str]] = {}
        """Title of each job that failed, and its log."""
        self._reckoned = 0.0
        self._to_go = ""
        self._commands: list[str] = []
        """What is said of commands that failed, before their jobs are told."""

    # what Snakemake tells

    def expect(self, jobs: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """The jobs that there will be: rules and wildcards."""
        with self.screen.lock:
            self.pace.expect(kind(rule, wildcards, self.study) for rule, wildcards in jobs)

    def tell(self, record: logging.LogRecord) -> None:
        """Tell what a record says."""
        with self.screen.lock:
            self._tell(record)

    def _tell(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        tellers = {
            "run_info": self._tell_plan,
            "job_info": self._tell_begin,
            "job_finished": self._tell_end,
            "job_error": self._tell_failure,
            "group_error": self._tell_group_failure,
            "progress": self._count,
        }
        if event is None or str(event) == "error":
            self._tell_message(record)
        elif teller := tellers.get(str(event)):
            teller(record)
        elif record.levelno >= logging.WARNING:
            self._tell_message(record)

    def _tell_message(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip("\n")
        if record.levelno < logging.INFO or not text or text == "None":
            return
        self._planning = text.startswith("Building DAG")
        if text.startswith(_STOPPING):
            if not self._stopped:
                self.screen.write("Stopping: jobs that are at work keep the pictures that are done")
            self._stopped = True
        elif text.startswith(NOTHING):
            self._nothing_to_do = True
            self.screen.write(text)
        elif text.startswith(_CHANGED):
            rules = text.removeprefix(_CHANGED).strip()
            self.screen.write(f"Their values, inputs or code have changed: {rules}")
        elif _COMMAND.match(text):
            self._commands.append(text)
        elif "At least one job did not complete successfully" in text:
            pass  # all of them have been told
        elif record.levelno >= logging.ERROR and not text.startswith(_DETAILS):
            self._complained = True
            self.screen.write(text, "red")
        elif record.levelno >= logging.WARNING and not text.startswith(_DETAILS):
            self.screen.write(text, "yellow")
        elif not text.startswith(_DETAILS) and not hasattr(record, "quietness"):
            self.screen.write(text)

    def _tell_plan(self, record: Any) -> None:
        self._planning = False
        if self._stats is not None:
            return  # a dry run tells it twice
        self._stats = dict(record.stats)
        self.pace.total = int(self._stats.get("total", 0))
        if self._dry:
            self.screen.write(record.getMessage().strip("\n"))
            return
        rules = Counter({r: n for r, n in self._stats.items() if r not in ("total", *_SILENT)})
        shown = ", ".join(f"{count:,} {rule}" for rule, count in rules.most_common())
        self.screen.write(f"{counted(self.pace.total, 'job')}: {shown}" if shown else "1 job")

    def _tell_begin(self, record: Any) -> None:
        job = Job(record.rule_name, record.wildcards, record.output, record.created)
        if self._dry:
            self._planned.append(job)
            return
        self._running[record.jobid] = job
        self.pace.begin(kind(job.rule, job.wildcards, self.study), record.created)

    def _tell_end(self, record: Any) -> None:
        job = self._running.pop(record.job_id, None)
        self._failed.pop(record.job_id, None)  # another attempt has done it
        if job is None or job.rule in _SILENT:
            return
        seconds = record.created - job.begun
        text, pictures = finished(job, self.study, seconds)
        self.pace.finish(kind(job.rule, job.wildcards, self.study), seconds, pictures)
        self.screen.write(text)

    def _count(self, record: Any) -> None:
        self.pace.done, self.pace.total = record.done, record.total

    def _tell_failure(self, record: Any) -> None:
        running = self._running.pop(record.jobid, None)
        if running is None and record.jobid in self._failed:
            return  # versions of Snakemake repeat them all at the end
        job = running or Job(record.rule_name, {}, record.output)
        name = title(job, self.study)
        ends = {str(path): end_of_log(path) for path in record.log}
        status = self._status_of(ends)
        interrupted = any(words in status for words in _INTERRUPTED)
        if self._stopped or interrupted or any(was_stopped(lines) for lines in ends.values()):
            return
        self._failed[record.jobid] = name, ", ".join(ends)
        what = name if name == job.rule else f"{job.rule}: {name}"
        self.screen.write(f"FAILED {what}{status and f' ({status})'}", "red")
        for path, lines in ends.items():
            words = ", which ends:" if lines else ", which is empty or not there"
            self.screen.write("\n".join([f"  log {path}{words}", *(f"    {x}" for x in lines)]))
        for what, value in (record.aux or {}).items():
            self.screen.write(f"  {what}: {value}")
        if not any(ends.values()) and record.rule_msg:
            self.screen.write(f"  {record.rule_msg}")

    def _status_of(self, logs: Iterable[str]) -> str:
        """How the command ended that wrote these logs; nothing where that was not told."""
        for text in self._commands:
            if any(log in text for log in logs):
                self._commands.remove(text)
                match = _STATUS.search(text)
                return match[1].replace("returned non-zero ", "") if match else ""
        return ""

    def _tell_group_failure(self, record: Any) -> None:
        self._complained = True
        self.screen.write(f"FAILED {record.getMessage()}", "red")
        for path in record.aux_logs or []:
            lines = end_of_log(path)
            self.screen.write("\n".join([f"  log {path}", *(f"    {line}" for line in lines)]))

    # what changes

    def live(self) -> str:
        """How far it is, in a line; nothing before it has begun."""
        with self.screen.lock:
            return self._live()

    def _live(self) -> str:
        if self._planning:
            return f"planning, for {duration(time.time() - self._begun)} so far"
        if self._dry or self._stats is None or self._nothing_to_do:
            return ""
        now, running = time.time(), list(self._running.values())
        parts = [f"{self.pace.done:,} of {counted(self.pace.total, 'job')} done"]
        if failed := len(self._failed):
            parts.append(f"{failed} failed")
        if (speed := self.pace.pictures_per_second(now)) is not None:
            parts.append(f"{speed:.2g} pictures/s")
        if to_go := self._to_go_in_words(now, running):
            parts.append(to_go)
        if running:
            others = f" and {len(running) - 1} more" if len(running) > 1 else ""
            job, now_at = running[0], title(running[0], self.study)
            rule = "" if job.rule in OF_THE_WHOLE else f"{job.rule} "
            parts.append(f"now {rule}{now_at}{others}".replace("\n", " "))
        return " | ".join(parts)

    def _to_go_in_words(self, now: float, running: Iterable[Job]) -> str:
        """How long it will take, reckoned once a second: it looks at all kinds of jobs. What nobody
        can know yet, such as how long the page takes, is named instead."""
        if not self._to_go or now - self._reckoned > 1:
            self._reckoned = now
            begun = ((kind(job.rule, job.wildcards, self.study), job.begun) for job in running)
            left = self.pace.seconds_to_go(now, begun)
            unknown = self.pace.unknown
            rest = stages(unknown)
            if left is not None:
                seconds = f"about {duration(max(1.0, round(left)))} to go"
                self._to_go = f"{seconds}, then {rest}" if rest else seconds
            else:
                self._to_go = f"{rest} to go" if rest and "restore" not in unknown else ""
        return self._to_go

    # the end

    def end(self) -> None:
        """Say how it ended and where to look."""
        self.screen.end()
        for line in self._closing():
            self.screen.write(line)

    def _closing(self) -> list[str]:
        if self._dry:
            return self._closing_of_dry_run()
        if self._nothing_to_do:
            return self._where_to_look()
        if self._stats is None:
            return []
        done = f"{self.pace.done:,} of {counted(self.pace.total, 'job')}"
        if self._stopped:
            return [
                f"Stopped after {done}. What they made is kept, and of unfinished restorations "
                "every picture that was done.",
                f"How far it is:  ddpg status{self._study_argument()}",
                "To go on:       the same command again",
            ]
        took = duration(time.time() - self._begun)
        if self._failed:
            return [
                "",
                f"{done} done in {took}, {len(self._failed)} failed; what waits for them is not "
                "made:",
                *(f"  {name}: {log}" for name, log in [*self._failed.values()][:10]),
                *(["  ..."] if len(self._failed) > 10 else []),
                "What is done is kept: once that is mended, the same command makes the rest.",
            ]
        if self._complained or self.pace.done < self.pace.total:
            return ["", f"{done} done in {took}; the same command makes the rest."]
        return ["", f"{done} done in {took}", *self._where_to_look()]

    def _closing_of_dry_run(self) -> list[str]:
        if not self._planned:
            return self._where_to_look() if self._nothing_to_do else []
        restored = [job for job in self._planned if job.rule == "restore"]
        lines = []
        if restored and self.study is not None:
            pictures = evaluated = 0.0
            for job in restored:
                count = pictures_of(job, self.study)
                pictures += count
                if experiment := self.study.by_path.get(job.wildcards.get("experiment", "")):
                    evaluated += count * evaluations(experiment)
            text = f"{counted(int(pictures), 'picture')} to restore"
            lines.append(f"{text}, about {evaluated:,.0f} network evaluations")
        return [
            *lines,
            "A dry run: nothing was changed. Why: ddpg why. Every job: --dry-run --verbose.",
        ]

    def _study_argument(self) -> str:
        return f" {self.study.config.name}" if self.study is not None else ""

    def _where_to_look(self) -> list[str]:
        """What is there of the study's products."""
        if self.study is None:
            return []
        places = self.study.places
        names = [n for n in ("tables.md", "tables.tex", "summary.csv") if _is(places.table(n))]
        tables = ", ".join([places.table(names[0]), *names[1:]]) if names else ""
        figures = f"{places.stage('figures')}/"
        found = {
            "The page with everything:": places.page if _is(places.page) else "",
            "The tables:": tables,
            "The figures:": figures if _is(figures) else "",
            "Every measurement:": places.metrics if _is(places.metrics) else "",
        }
        return [f"{what:<26} {where}" for what, where in found.items() if where]


def _is(path: str) -> bool:
    return Path(path).exists()
