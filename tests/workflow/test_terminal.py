"""What a run says while it runs, from the records that Snakemake writes."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.profiles import ProfileConfigFileParser
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_interface_logger_plugins.tests import MockOutputSettings

from ddpg.files.costs import write_costs
from ddpg.machine.terminal import SWITCH, WORDS
from ddpg.study.study import Study
from ddpg.validation import read_yaml
from ddpg.workflow import terminal
from ddpg.workflow.terminal.endings import end_of_log
from ddpg.workflow.terminal.handler import LogHandler
from ddpg.workflow.terminal.narrator import Narrator
from ddpg.workflow.terminal.pace import Kind, Pace
from ddpg.workflow.terminal.screen import Screen
from ddpg.workflow.terminal.words import WORDED, duration

ROOT = Path(__file__).parents[2]
IDPG = "photographs/deblur_gauss-fft/0.05/idpg/dead-leaves"
PINV = "photographs/motion_deblur-fft/0.05/pinv"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(event: str | None, message: Any = "", level: int = logging.INFO, **fields: Any) -> Any:
    made = logging.LogRecord("snakemake", level, "", 1, message, (), None)
    made.__dict__.update(fields, event=event)
    return made


def begun(number: int, rule: str, output: tuple[str, ...] = (), **wildcards: str) -> Any:
    return record(
        "job_info", jobid=number, rule_name=rule, wildcards=wildcards, output=output, log=[]
    )


def failed(number: int, rule: str, *logs: Path) -> Any:
    return record(
        "job_error", level=logging.ERROR, jobid=number, rule_name=rule, rule_msg=None, output=[],
        log=list(map(str, logs)), aux={},
    )  # fmt: skip


def command_failed(log: Path, how: str) -> Any:
    words = 'RuleException:\nCalledProcessError in file "x.smk", line 2:\nCommand \'ddpg --log '
    return record("error", f"{words}{log}' {how}.", logging.ERROR, exception="RuleException")


@pytest.fixture(scope="module")
def study() -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return Study(read_yaml("config/config.yaml"), "config/config.yaml")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(study: Study, place: Path) -> Narrator:  # noqa: ARG001
    """A run whose words go to a pipe."""
    narrator = Narrator(Screen(io.StringIO()))
    narrator.study = study
    return narrator


def text(narrator: Narrator) -> str:
    return narrator.screen.stream.getvalue()  # type: ignore[attr-defined]


def costs(*failures: str) -> str:
    rows = [
        {"image": f"{number}", "seconds": "4.4", "failure": failure}
        for number, failure in enumerate(failures)
    ]
    write_costs(Path("costs.csv"), rows)
    return "costs.csv"


def test_a_restoration_is_told_by_method_task_noise_and_time(told: Narrator) -> None:
    output = ("s.safetensors", costs("", "", "", "", "", ""))
    told.tell(record("run_info", stats={"restore": 1, "total": 1}))
    told.tell(begun(3, "restore", output, experiment=IDPG, shard="0"))
    told.tell(record("job_finished", job_id=3))
    assert text(told).splitlines()[1:] == ["idpg, gaussian deblurring 0.05: 6 pictures, 4.4 s each"]


def test_pictures_that_could_not_be_restored_are_told(told: Narrator) -> None:
    told.tell(begun(3, "restore", (costs("", "it diverged"),), experiment=IDPG, shard="0"))
    told.tell(record("job_finished", job_id=3))
    assert "2 pictures, 4.4 s each; 1 of them could not be restored: it diverged" in text(told)


@pytest.mark.parametrize(
    ("rule", "wildcards", "words"),
    [
        ("prepare_images", {"dataset": "photographs", "shard": "0"}, "12 pictures prepared"),
        ("observe", {"cell": PINV.rpartition("/")[0], "shard": "0"}, "12 pictures observed"),
        ("evaluate", {"experiment": PINV, "shard": "0"}, "pinv, motion deblurring 0.05: 12 pic"),
        ("survey_dataset", {"dataset": "photographs"}, "photographs: surveyed"),
        ("tables", {}, "tables, "),
        ("page", {}, "page, "),
        ("a_rule_of_tomorrow", {"thing": "x"}, "x: a_rule_of_tomorrow, "),
    ],
)
def test_every_job_has_a_line(told: Narrator, rule: str, wildcards: dict, words: str) -> None:
    told.tell(begun(1, rule, **wildcards))
    told.tell(record("job_finished", job_id=1))
    (line,) = text(told).splitlines()
    assert words in line


def test_every_rule_has_words() -> None:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = set(re.findall(r"^ *(?:rule|use rule \w+ as) (\w+)(?: with)?:$", text, re.MULTILINE))
    assert rules | {"all"} == WORDED


def test_without_a_study_jobs_are_told_by_their_wildcards() -> None:
    narrator = Narrator(Screen(io.StringIO()))
    narrator.tell(begun(1, "restore", ("none.csv",), experiment=IDPG, shard="2"))
    narrator.tell(record("job_finished", job_id=1))
    assert text(narrator).startswith(f"{IDPG}, shard 2: restored, ")


def test_a_file_gets_lines_without_escape_codes(told: Narrator, place: Path) -> None:
    told.tell(record(None, "a warning", logging.WARNING))
    told.tell(failed(1, "tables", place / "none.log"))
    told.screen.begin(told.live)
    told.end()
    assert "\x1b" not in text(told)
    assert "\r" not in text(told)


@pytest.mark.usefixtures("place")
def test_a_terminal_has_one_line_that_changes_and_goes(study: Study) -> None:
    narrator = Narrator(Screen(Terminal()))
    narrator.study = study
    narrator.screen.begin(narrator.live)
    narrator.expect([("restore", {"experiment": IDPG, "shard": "0"})] * 3)
    narrator.tell(record("run_info", stats={"restore": 3, "total": 3}))
    start = begun(1, "restore", (costs("", ""),), experiment=IDPG, shard="0")
    start.created = time.time() - 10
    narrator.tell(start)
    narrator.tell(record("job_finished", job_id=1))
    narrator.tell(record("progress", done=1, total=3))
    assert narrator.live() == "1 of 3 jobs done | 0.2 pictures/s | about 20 s to go"
    narrator.tell(record(None, "a warning", logging.WARNING))
    assert "1 of 3 jobs done | 0.2 pictures/s" in text(narrator)
    narrator.screen.end()
    assert text(narrator).endswith("\r\x1b[J")


def test_messages_are_told_in_full_and_details_are_not(told: Narrator) -> None:
    told.tell(record(None, "Building DAG of jobs..."))
    told.tell(record(None, "Provided cores: 2"))
    told.tell(record("progress", None, done=0, total=1))
    told.tell(record("shellcmd", "Shell command: ddpg"))
    told.tell(record(None, "Trying to restart job 5."))
    told.tell(record(None, "x" * 500, logging.WARNING))
    told.tell(record("error", "WorkflowError:\nfirst\nsecond", logging.ERROR))
    expected = ["Trying to restart job 5.", "x" * 500, "WorkflowError:", "first", "second"]
    assert text(told).splitlines() == expected


LOG = """\
2026-01-01 00:00:00,000 INFO begun
2026-01-01 00:00:01,000 DEBUG traceback
Traceback (most recent call last):
ValueError: long
2026-01-01 00:00:02,000 ERROR ddpg job tables: a.csv: line 1
2026-01-01 00:00:02,000 ERROR ddpg job tables: b.csv: line 2
2026-01-01 00:00:02,000 DEBUG took 1.0 s of processor time, at most 9 MiB of memory
"""


def test_a_failure_is_told_once_with_the_end_of_its_log(told: Narrator, place: Path) -> None:
    log = place / "tables.log"
    log.write_text(LOG)
    told.tell(record("run_info", stats={"tables": 1, "total": 1}))
    told.tell(begun(1, "tables"))
    told.tell(command_failed(log, "returned non-zero exit status 1"))
    told.tell(failed(1, "tables", log))
    told.tell(failed(1, "tables", log))  # Snakemake repeats it at the end
    told.tell(record(None, "Exiting because a job execution failed. Look below", logging.ERROR))
    told.end()
    lines = text(told).splitlines()[1:]
    assert lines[:4] == [
        "FAILED tables (exit status 1)",
        f"  log {log}, which ends:",
        "    ddpg job tables: a.csv: line 1",
        "    ddpg job tables: b.csv: line 2",
    ]
    assert "0 of 1 job done" in lines[5]
    assert f"  tables: {log}" in lines
    assert len([line for line in lines if line.startswith("FAILED")]) == 1


def test_a_job_that_another_attempt_has_done_has_not_failed(told: Narrator, place: Path) -> None:
    told.tell(record("run_info", stats={"tables": 1, "total": 1}))
    for _ in range(2):
        told.tell(begun(1, "tables"))
        told.tell(failed(1, "tables", place / "none.log"))
        told.tell(record(None, "Trying to restart job 1."))
    told.tell(begun(1, "tables"))
    told.tell(record("job_finished", job_id=1))
    told.tell(record("progress", done=1, total=1))
    told.end()
    assert text(told).count("FAILED tables") == 2  # each attempt is told
    assert "1 of 1 job done in" in text(told)
    assert "failed;" not in text(told)


@pytest.mark.usefixtures("place")
def test_the_end_of_a_log_without_an_error() -> None:
    Path("a.log").write_text("".join(f"2026-01-01 00:00:00,000 INFO {n}\n" for n in range(20)))
    assert end_of_log("a.log") == [str(n) for n in range(10, 20)]
    assert end_of_log("none.log") == []


@pytest.mark.usefixtures("place")
def test_a_bug_is_told_with_its_traceback() -> None:
    first = "2026-01-01 00:00:00,000 ERROR ddpg: this is a bug"
    Path("a.log").write_text(f"{first}\nTraceback\n  here\n")
    assert end_of_log("a.log") == ["ddpg: this is a bug", "Traceback", "  here"]


@pytest.mark.parametrize("how", ["died with <Signals.SIGINT: 2>", "non-zero exit status 130", ""])
def test_ctrl_c_ends_with_three_lines(told: Narrator, place: Path, how: str) -> None:
    log = place / "x.log"
    log.write_text("" if how else "2026-01-01 00:00:00,000 ERROR ddpg job x: KeyboardInterrupt\n")
    told.tell(record("run_info", stats={"tables": 2, "total": 2}))
    told.tell(begun(1, "tables"))
    told.tell(command_failed(log, how.replace("non-zero", "returned non-zero")))
    told.tell(failed(1, "tables", log))
    told.tell(record(None, "Terminating processes on user request, this might", logging.WARNING))
    before = text(told)
    told.tell(record("error", "Cancelling snakemake on user request.", logging.ERROR))
    told.end()
    assert "FAILED" not in text(told)
    lines = text(told)[len(before) :].splitlines()
    assert len(lines) == 3
    assert "kept" in lines[0]
    assert "ddpg status photographs" in lines[1]
    assert "the same command again" in lines[2]


def test_the_end_says_where_to_look(told: Narrator, study: Study) -> None:
    places = study.places
    for path in (places.page, places.table("tables.md"), places.table("summary.csv")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    told.tell(record("run_info", stats={"page": 1, "total": 1}))
    told.tell(record("progress", done=1, total=1))
    told.end()
    assert text(told).splitlines()[-2:] == [
        "The page with everything:  results/photographs/index.html",
        "The tables:                results/photographs/tables/tables.md, summary.csv",
    ]


def test_nothing_to_be_done_says_so_and_where_to_look(told: Narrator, study: Study) -> None:
    Path(study.places.root).mkdir(parents=True)
    Path(study.places.metrics).touch()
    told.tell(record(None, "Nothing to be done (all requested files are present and up to date)."))
    told.end()
    first, second = text(told).splitlines()
    assert first.startswith("Nothing to be done")
    assert second.endswith("results/photographs/metrics.csv")


@pytest.mark.usefixtures("place")
def test_a_dry_run_is_summed_up(study: Study) -> None:
    narrator = Narrator(Screen(io.StringIO()), dry=True)
    narrator.study = study
    for _ in range(2):  # before and after the jobs
        narrator.tell(record("run_info", "Job stats:\nrestore 1", stats={"restore": 1, "total": 1}))
        narrator.tell(begun(1, "restore", experiment=IDPG, shard="0"))
        narrator._planned = narrator._planned[:1]
    narrator.tell(record(None, "Some jobs were triggered by provenance information, see above"))
    narrator.tell(record(None, "Rules with provenance triggered jobs: restore plots\n"))
    narrator.end()
    lines = text(narrator).splitlines()
    changed = lines.pop(2)
    assert changed == "Their values, inputs or code have changed: restore plots"
    assert lines[:3] == [
        "Job stats:",
        "restore 1",
        "12 pictures to restore, about 1,200 network evaluations",
    ]
    assert "nothing was changed" in lines[3]


def test_the_changing_line_waits_until_a_record_has_been_told(
    told: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.tell(record("run_info", stats={"tables": 1, "total": 1}))
    told.tell(begun(1, "tables"))
    looked: list[str] = []
    thread = threading.Thread(target=lambda: looked.append(told.live()))

    def finish(*_: object) -> None:  # what the line counts is being changed
        thread.start()
        thread.join(0.2)
        assert not looked

    monkeypatch.setattr(told.pace, "finish", finish)
    told.tell(record("job_finished", job_id=1))
    thread.join()
    assert looked == ["0 of 1 job done"]


# --- speed and time to go -------------------------------------------------------------------------


def test_the_time_to_go_knows_that_methods_differ() -> None:
    pace = Pace()
    slow, quick = Kind("restore", "dps", "a/dps", 100), Kind("restore", "pinv", "a/pinv", 1)
    pace.expect([slow] * 3 + [quick] * 10)
    pace.begin(quick, 0.0)
    pace.finish(quick, 1.0, 6)
    # The other method is reckoned by its work; once it has been seen, by its time.
    assert pace.seconds_to_go(1.0) == pytest.approx(9 * 1 + 3 * 100)
    pace.finish(slow, 50.0, 6)
    assert pace.seconds_to_go(51.0) == pytest.approx(9 * 1 + 2 * 50)
    # Two at a time, the one that runs having 20 of its 50 seconds left.
    pace.finish(slow, 50.0, 6)
    assert pace.seconds_to_go(51.0, [(slow, 21.0)]) == pytest.approx((9 + 50 - 30) / (131 / 51))


def test_nothing_is_said_of_restorations_before_one_is_done() -> None:
    pace = Pace()
    observe, restore = Kind("observe"), Kind("restore", "ddpg", "a/ddpg", 6)
    pace.expect([observe, restore])
    pace.begin(observe, 0.0)
    assert pace.seconds_to_go(1.0) is None
    pace.finish(observe, 1.0)
    assert pace.seconds_to_go(1.0) is None
    assert pace.pictures_per_second(1.0) is None


def test_a_job_that_takes_longer_than_its_like_has_time_to_go_yet() -> None:
    pace = Pace()
    measure = Kind("evaluate", work=6)
    pace.expect([measure] * 3)
    pace.begin(measure, 0.0)
    pace.finish(measure, 10.0)
    # One is in its 40th second and so takes 4 more; of the other nothing is taken for it.
    assert pace.seconds_to_go(50.0, [(measure, 10.0)]) == pytest.approx(4 + 10)
    pace.finish(measure, 40.0)
    # The last one of two that had a core each has but one.
    pace.begin(measure, 25.0)
    assert pace.seconds_to_go(50.0, [(measure, 25.0)]) == pytest.approx(2.5)


def test_a_recorded_trajectory_is_reckoned_by_the_restorations_of_its_method() -> None:
    pace = Pace()
    restored = Kind("restore", "ddpg", "a/ddpg", 120)
    pace.expect([restored, Kind("trajectory", "ddpg", "a/ddpg", 20)])
    pace.begin(restored, 0.0)
    pace.finish(restored, 60.0, 6)
    assert pace.seconds_to_go(60.0) == pytest.approx(10)


def test_at_the_end_what_is_to_be_made_is_named_and_no_second_made_up(told: Narrator) -> None:
    jobs = [("restore", {"experiment": IDPG, "shard": "0"})] * 2
    jobs += [("plots", {}), ("tables", {}), ("page", {}), ("all", {})]
    told.expect(jobs)
    told.tell(record("run_info", stats={"restore": 2, "total": 6}))
    for number in range(2):
        start = begun(number, "restore", (costs("", ""),), experiment=IDPG, shard="0")
        start.created = time.time() - 10
        told.tell(start)
        told.tell(record("job_finished", job_id=number))
        told._reckoned = 0.0
        if not number:
            assert "about 10 s to go, then figures, tables and the page" in told.live()
    told.tell(begun(2, "plots"))
    told.tell(record("progress", done=2, total=6))
    line = told.live()
    assert line.endswith("figures, tables and the page to go | now figures")
    assert "s to go" not in line


@pytest.mark.slow
def test_what_is_kept_of_a_long_run_grows_with_its_kinds_not_its_jobs(told: Narrator) -> None:
    jobs = 2000
    told.expect(("restore", {"experiment": IDPG, "shard": "0"}) for _ in range(jobs))
    for number in range(jobs):
        told.tell(begun(number, "restore", ("none.csv",), experiment=IDPG, shard="0"))
        told.tell(record("job_finished", job_id=number))
    assert not told._running
    assert len(told.pace._speeds) == 3
    assert not told.pace._left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.04 s"), (4.4, "4.4 s"), (12, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"),
     (180_000, "2 d 2 h")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# --- the plugin -----------------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv(SWITCH, raising=False)
    made = MockOutputSettings()
    made.printshellcmds = False
    yield made
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.mark.parametrize(
    "asked", [{"verbose": True}, {"printshellcmds": True}, {"quiet": {"rules"}}, {}]
)
def test_who_asks_for_details_gets_snakemakes_own(
    settings: Any, asked: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    vars(settings).update(asked)
    if not asked:
        monkeypatch.setenv(SWITCH, "snakemake")
    handler = LogHandler(settings, None)
    assert not handler.writes_to_stream  # so that Snakemake does


def test_the_jobs_of_this_machine_leave_their_errors_to_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch, study: Study
) -> None:
    handler = LogHandler(settings, None)
    assert handler.writes_to_stream
    manager = SimpleNamespace(get_log_handlers=lambda: [handler, logging.NullHandler()])
    monkeypatch.setenv(SWITCH, "")
    terminal.introduce(SimpleNamespace(logger_manager=manager, local_exec=False), study)
    assert not os.environ[SWITCH]
    terminal.introduce(SimpleNamespace(logger_manager=manager, local_exec=True), study)
    assert os.environ[SWITCH] == WORDS
    assert handler.narrator.study is study
    handler.close()


def test_what_cannot_be_told_stops_no_run(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = LogHandler(settings, None)
    handler.emit(record("job_info"))  # without any of its fields
    assert "AttributeError" in capsys.readouterr().err
    handler.close()


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_profiles_switch_it_on_where_it_is(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "profiles" / profile / "config.yaml"
    with file.open() as stream:
        assert ProfileConfigFileParser().parse(stream)["logger"] == ["ddpg"]
    assert LoggerPluginRegistry().is_installed("ddpg")
    # Where it is missing, nothing breaks.
    monkeypatch.setitem(sys.modules, "ddpg.workflow.terminal", None)
    with file.open() as stream:
        parsed = ProfileConfigFileParser().parse(stream)
    assert "logger" not in parsed
    assert parsed["scheduler"] == "greedy"


def test_a_snakemake_that_takes_no_plugin_speaks_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "snakemake_interface_logger_plugins.registry"
    monkeypatch.setitem(sys.modules, name, None)
    assert terminal.loggers() is None
    workflow = SimpleNamespace()  # of a version without a manager of logs
    terminal.introduce(workflow, study=None)  # type: ignore[arg-type]
    terminal.announce(workflow)


# --- for real -------------------------------------------------------------------------------------


@pytest.mark.workflow
def test_a_real_run_is_told_in_words(finished: Any) -> None:
    cell = "results/tiny/evaluations/tiny/motion_deblur-fft/0.05/pinv"
    target = f"{cell}/shard-0.csv"
    (finished.folder / target).unlink()
    dry = finished.snakemake("--dry-run", target)
    assert "rule evaluate" not in dry.stdout + dry.stderr
    assert "nothing was changed" in dry.stdout
    assert "rule evaluate" in finished.snakemake("--dry-run", "--verbose", target).stdout
    done = finished.snakemake(target)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "pinv, motion deblurring 0.05, shard 0: 2 pictures measured, " in said
    assert "1 of 1 job done in " in said
    assert "results/tiny/index.html" in said
    assert "\x1b" not in said
    assert "jobid" not in said
    assert "Finished jobid" in (finished.folder / last_log(finished.folder)).read_text()


def last_log(folder: Path) -> Path:
    return max((folder / ".snakemake/log").iterdir())


@pytest.mark.workflow
def test_a_real_failure_is_told_with_its_log(finished: Any) -> None:
    target = "results/tiny/evaluations/tiny/motion_deblur-fft/0.05/pinv/shard-0.csv"
    (finished.folder / target).unlink()
    costs = target.replace("evaluations", "restorations")
    (finished.folder / costs).write_text("no table\n")
    done = finished.snakemake(target)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "FAILED evaluate: pinv, motion deblurring 0.05, shard 0 (exit status 1)" in said
    log = "results/tiny/logs/evaluate/tiny/motion_deblur-fft/0.05/pinv/shard-0.log"
    assert f"log {log}, which ends:\n    ddpg job evaluate: {costs}" in said
    assert said.count("ddpg job evaluate") == 1
    assert "CalledProcessError" not in said
