"""How far a study is: made-up files, every state, speed and time to go, and ten thousand shards."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from cProfile import Profile
from pathlib import Path

import pytest

from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import Preparation
from ddpg.jobs.restoration import Restoration
from ddpg.study.study import Study
from ddpg.validation import merged
from ddpg.workflow.status import (
    FRESH,
    Shard,
    cell_state,
    count_shards,
    images_per_second,
    lines,
    read_status,
    seconds_to_go,
)

RESULTS = Path("results/made-up")
DDPG = "ddpg/dead-leaves"
NOW = 1_700_000_000.0
CALLS = 150
"""Of functions, for each shard; there are 97."""
BLUR = "many/deblur_gauss-fft/0.05"
SR = "many/sr_bicubic-x4-svd/0"


def study_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, images: int, size: int, labels: int = 1
) -> Study:
    """Two cells: ``labels`` rows of DDPG and one of the pseudo-inverse, and one of DDPG."""
    monkeypatch.chdir(folder)
    cards = Path("config/cards/datasets")
    cards.mkdir(parents=True)
    (cards / "many.yaml").write_text(
        f"name: many\nsource: {{folder: pictures}}\nimages: {{count: {images}}}\n"
    )
    rows = ["dataset\ttask\tsigma_y\tmethod\tlabel"]
    rows += [f"many\tdeblur_gauss\t0.05\tddpg\tddpg-{k}" for k in range(labels)]
    rows += ["many\tdeblur_gauss\t0.05\tpinv\t", "many\tsr_bicubic\t0\tddpg\t"]
    Path("sheet.tsv").write_text("\n".join(rows) + "\n")
    config = {
        "name": "made-up",
        "experiments": "sheet.tsv",
        "datasets": [{"card": "many", "image_size": 64}],
        "shard_size": size,
        "metrics": ["psnr"],
    }
    return Study(config)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Ten images in shards of four, three experiments."""
    return study_of(tmp_path, monkeypatch, images=10, size=4)


def write(path: str, text: str = "", age: float = 0.0) -> Path:
    file = RESULTS / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (NOW - age, NOW - age))
    return file


def restored(path: str, number: int, *, seconds: float = 1.0, age: float = 0.0) -> None:
    write(f"restorations/{path}/shard-{number}.safetensors", age=age)
    costs = f"image,seconds,crc32\na,{seconds},0\nb,{seconds},0\n"
    write(f"restorations/{path}/shard-{number}.csv", costs, age)


def shards(study: Study, label: str) -> list[Shard]:
    rows = read_status(study, RESULTS, NOW)
    (row,) = [row for row in rows if row.experiment.path == label]
    return row.shards


def states(study: Study, label: str) -> list[str]:
    return [shard.state for shard in shards(study, label)]


ERROR = "2026-11-23 17:00:00,000 ERROR ddpg job restore: no memory\n"


def test_a_study_without_files_is_left(study: Study) -> None:
    rows = read_status(study, RESULTS, NOW)
    assert [[(s.state, s.images, s.restored) for s in row.shards] for row in rows] == [
        [("left", 4, 0), ("left", 4, 0), ("left", 2, 0)]
    ] * 3


def test_a_shard_is_done_when_it_is_measured(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    restored(path, 0)
    restored(path, 2)
    write(f"evaluations/{path}/shard-2.csv", age=5)
    assert states(study, path) == ["left", "left", "done"]
    assert [shard.restored for shard in shards(study, path)] == [4, 0, 2]


def test_restorations_that_were_removed_after_measuring_are_not_missed(study: Study) -> None:
    write(f"evaluations/{SR}/{DDPG}/shard-0.csv")
    assert shards(study, f"{SR}/{DDPG}")[0] == Shard("done", 4, 4, NOW)


@pytest.mark.parametrize(("age", "expected"), [(FRESH - 1, "running"), (FRESH + 1, "left")])
@pytest.mark.parametrize("verb", ["restore", "evaluate"])
def test_a_job_runs_as_long_as_its_log_is_fresh(
    study: Study, verb: str, age: float, expected: str
) -> None:
    path = f"{SR}/{DDPG}"
    if verb == "evaluate":
        restored(path, 1)
    write(f"logs/{verb}/{path}/shard-1.log", "2026-11-23 17:00:00,000 INFO 3 evals\n", age)
    assert states(study, path) == ["left", expected, "left"]


def test_finished_images_are_a_sign_of_life_and_count(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    write(f"logs/restore/{path}/shard-0.log", age=2 * FRESH)
    for name in "ab":
        write(f"restorations/{path}/.shard-0.0123456789abcdef.state/{name}.safetensors", age=5)
    os.utime(Path(f"{RESULTS}/restorations/{path}/.shard-0.0123456789abcdef.state"), (NOW, NOW))
    assert shards(study, path)[0] == Shard("running", 4, 2)


def test_an_error_at_the_end_of_the_log_is_a_failure_and_is_told(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    log = write(f"logs/restore/{path}/shard-0.log", "x" * 20_000 + "\n" + ERROR)
    assert shards(study, path)[0] == Shard(
        "failed", 4, 0, None, f"{log}: ddpg job restore: no memory"
    )
    restored(path, 0)  # a later job made it
    assert states(study, path)[0] == "left"
    write(f"logs/evaluate/{path}/shard-0.log", ERROR)
    assert states(study, path)[0] == "failed"
    write(f"evaluations/{path}/shard-0.csv")
    assert states(study, path)[0] == "done"


@pytest.mark.parametrize(
    "words", ["stopped by SIGTERM; what is finished is kept", "KeyboardInterrupt"]
)
def test_a_job_that_was_stopped_has_not_failed(study: Study, words: str) -> None:
    write(
        f"logs/restore/{SR}/{DDPG}/shard-0.log", f"2026-11-23 17:00:00,000 ERROR ddpg x: {words}\n"
    )
    assert states(study, f"{SR}/{DDPG}")[0] == "left"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"done": 3}, "done"),
        ({"done": 2, "left": 1}, "left"),
        ({"running": 1, "left": 1}, "running"),
        ({"running": 1, "failed": 1}, "failed"),
    ],
)
def test_the_state_of_a_cell(counts: dict[str, int], expected: str) -> None:
    assert cell_state(counts) == expected


def test_speed_and_time_to_go(study: Study) -> None:
    # The blur: 4 images of 10 s and 8 of 1 s in the last 100 s; the second of DDPG's began first.
    restored(f"{BLUR}/ddpg-0/dead-leaves", 0, seconds=10, age=60)
    for number in (0, 1):
        restored(f"{BLUR}/pinv", number, seconds=1, age=number)
    rows = read_status(study, RESULTS, NOW)
    assert images_per_second(rows, NOW) == pytest.approx(12 / 100)
    # Left: 6 + 10 images of DDPG, of 10 s, and 2 of 1 s; done in the 100 s: 4 x 10 + 8 x 1.
    assert seconds_to_go(rows, NOW) == pytest.approx((160 + 2) / 48 * 100)
    assert "12 of 30 images restored, 0.12 a second in the last hour; time to go: 6 min" in lines(
        study, rows, NOW
    )


def test_the_time_to_go_is_told_roughly_before_every_method_has_been_seen(study: Study) -> None:
    restored(f"{BLUR}/pinv", 0, seconds=1)
    rows = read_status(study, RESULTS, NOW)
    # 6 images of 1 s are left, and 20 of a method that calls a network 100 times.
    assert seconds_to_go(rows, NOW) == pytest.approx((6 + 20 * 100) / 4 * 4)
    assert any("time to go: roughly 33 min" in line for line in lines(study, rows, NOW))
    restored(f"{SR}/{DDPG}", 0, seconds=10)
    rows = read_status(study, RESULTS, NOW)
    assert not any("roughly" in line for line in lines(study, rows, NOW))


def test_a_method_that_has_not_been_seen_takes_by_its_calls_of_the_network(study: Study) -> None:
    path = next(e for e in study.experiments if e.method == "pinv").cell.path
    assert path == BLUR
    restored(f"{SR}/{DDPG}", 0, seconds=20)
    rows = read_status(study, RESULTS, NOW)
    # The pseudo-inverse calls no network: it is taken for one call.
    assert seconds_to_go(rows, NOW) == pytest.approx(16 * 20 + 10 * 20 / 100)


def test_nothing_is_told_before_the_first_picture(study: Study) -> None:
    rows = read_status(study, RESULTS, NOW)
    assert seconds_to_go(rows, NOW) is None
    assert lines(study, rows, NOW)[-1] == "0 of 30 images restored; none finished in the last hour"


def test_a_study_that_rests_has_no_speed(study: Study) -> None:
    for path in (f"{BLUR}/ddpg-0/dead-leaves", f"{BLUR}/pinv"):
        restored(path, 0, age=7200)
    rows = read_status(study, RESULTS, NOW)
    assert images_per_second(rows, NOW) is None
    assert lines(study, rows, NOW)[-1] == "8 of 30 images restored; none finished in the last hour"


def test_files_of_the_future_are_no_trouble(study: Study) -> None:
    for path in (f"{BLUR}/ddpg-0/dead-leaves", f"{BLUR}/pinv"):
        restored(path, 0, age=-3600)
    write(f"logs/restore/{SR}/{DDPG}/shard-0.log", age=-3600)
    rows = read_status(study, RESULTS, NOW)
    assert count_shards(rows)["running"] == 1
    assert (images_per_second(rows, NOW) or 0) > 0
    assert (seconds_to_go(rows, NOW) or -1) > 0


def test_images_of_a_shard_that_is_not_complete_count_in_the_speed(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    for number, name in enumerate("abc"):
        file = f"restorations/{path}/.shard-0.0123456789abcdef.state/{name}.safetensors"
        header = json.dumps({"__metadata__": {"cost": '{"seconds": 20}'}}).encode()
        written = write(file)
        written.write_bytes(struct.pack("<Q", len(header)) + header)
        os.utime(written, (NOW - 20 * number, NOW - 20 * number))
    folder = f"{RESULTS}/restorations/{path}/.shard-0.0123456789abcdef.state"
    os.utime(folder, (NOW, NOW))
    restored(f"{BLUR}/pinv", 0, seconds=0.5, age=10)
    rows = read_status(study, RESULTS, NOW)
    assert images_per_second(rows, NOW) == pytest.approx((3 + 4) / 60)
    # Left: 7 images of 20 s and 10 of DDPG's other row, 6 of half a second.
    assert seconds_to_go(rows, NOW) == pytest.approx((17 * 20 + 6 * 0.5) / (60 + 2) * 60)
    text = lines(study, rows, NOW)
    assert "7 of 30 images restored, 0.117 a second in the last hour; time to go: 6 min" in text
    assert text[-1] == (
        "an image that is left takes 14.9 s of work on average, one of the last hour took 8.86 s"
    )


def test_of_a_long_shard_only_the_last_hour_counts(study: Study) -> None:
    restored(f"{SR}/{DDPG}", 0, seconds=1800)  # four images in two hours
    rows = read_status(study, RESULTS, NOW)
    assert images_per_second(rows, NOW) == pytest.approx(2 / 3600)
    # The pseudo-inverse has not been seen: it is taken for one call of the network, of 100.
    assert seconds_to_go(rows, NOW) == pytest.approx((16 + 10 / 100) * 1800 / 3600 * 3600)
    restored(f"{BLUR}/pinv", 0, seconds=1800)
    rows = read_status(study, RESULTS, NOW)
    assert images_per_second(rows, NOW) == pytest.approx(4 / 3600)
    assert seconds_to_go(rows, NOW) == pytest.approx(22 / 4 * 3600)
    assert lines(study, rows, NOW)[-1].endswith("time to go: 5 h 30 min")  # they agree: no remark


def record(output: str, *params: object) -> None:
    """What Snakemake writes down of a job."""
    name = urlsafe_b64encode(output.encode()).decode()
    path = Path(".snakemake/metadata", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"params": [repr(value) for value in params]}))


@pytest.mark.parametrize("stage", ["pictures", "observations", "restorations", "evaluations"])
def test_what_another_study_made_is_not_counted(study: Study, stage: str) -> None:
    path = f"{SR}/{DDPG}"
    jobs = {
        "pictures": (
            f"{RESULTS}/images/many/shard-{{}}.safetensors",
            Preparation.planned(study, "many", 0),
        ),
        "observations": (
            f"{RESULTS}/observations/{SR}/shard-{{}}.safetensors",
            Observation.planned(study, SR, 0),
        ),
        "restorations": (
            f"{RESULTS}/restorations/{path}/shard-{{}}.safetensors",
            Restoration.planned(study, path),
        ),
        "evaluations": (
            f"{RESULTS}/evaluations/{path}/shard-{{}}.csv",
            Evaluation.planned(study, path),
        ),
    }
    for number in (0, 1):
        restored(path, number)
        write(f"evaluations/{path}/shard-{number}.csv")
    for file, spec in jobs.values():
        record(file.format(0), " --another parameter", spec)
    assert states(study, path) == ["done", "done", "left"]
    file, spec = jobs[stage]
    record(file.format(0), {**spec, "code": "another"})
    assert states(study, path) == ["left", "done", "left"]
    measured_only = stage == "evaluations"
    assert shards(study, path)[0].restored == (
        shards(study, path)[0].images if measured_only else 0
    )
    text = lines(study, read_status(study, RESULTS, NOW), NOW)
    made = "measured" if measured_only else "made"
    assert text[-1].startswith(
        f"1 shard was {made} by another study, or by this one before a change"
    )


def test_a_measurement_of_another_study_without_its_restoration_is_restored_anew(
    study: Study,
) -> None:
    path = f"{SR}/{DDPG}"
    write(f"evaluations/{path}/shard-0.csv")
    assert states(study, path)[0] == "done"
    record(
        f"{RESULTS}/evaluations/{path}/shard-0.csv",
        {**Evaluation.planned(study, path), "metrics": ("mae",)},
    )
    assert states(study, path)[0] == "left"
    assert shards(study, path)[0].restored == 0


def test_restorations_that_were_removed_by_hand_are_told(study: Study) -> None:
    for number in range(3):
        write(f"evaluations/{SR}/{DDPG}/shard-{number}.csv")
    restored(f"{SR}/{DDPG}", 0)
    text = lines(study, read_status(study, RESULTS, NOW), NOW)
    assert text[-1] == (
        "2 shards were measured, and the restorations are gone, which Snakemake does not miss; "
        f"`snakemake --cores all {RESULTS}/restorations/{SR}/{DDPG}/shard-1.safetensors` makes one "
        "again"
    )


ENDED = "2026-11-26 03:30:38,611 DEBUG took 0.1 s of processor time, at most 505 MiB of memory\n"


def test_measurements_that_were_removed_by_hand_do_not_run(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    for number in range(3):
        restored(path, number)
        write(f"logs/evaluate/{path}/shard-{number}.log", ENDED if number < 2 else "begun\n", 5)
    write(f"evaluations/{path}/shard-0.csv", age=5)
    assert states(study, path) == ["done", "left", "running"]
    rows = read_status(study, RESULTS, NOW)
    assert lines(study, rows, NOW, configfiles=["my 'x'.yaml"])[-1] == (
        "1 shard was measured, and the measurements are gone, which Snakemake does not miss; "
        f"`snakemake --cores all {RESULTS}/evaluations/{path}/shard-1.csv --configfile "
        "'my '\"'\"'x'\"'\"'.yaml'` makes one again"
    )


def test_a_job_that_failed_after_its_last_line_has_failed(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    restored(path, 0)
    write(f"logs/evaluate/{path}/shard-0.log", ERROR + ENDED)
    assert states(study, path)[0] == "failed"


def test_a_shard_that_is_restored_anew_is_not_done(study: Study) -> None:
    path = f"{SR}/{DDPG}"
    write(f"evaluations/{path}/shard-0.csv", age=5000)
    write(f"restorations/{path}/.shard-0.0123456789abcdef.state/a.safetensors", age=5)
    os.utime(Path(f"{RESULTS}/restorations/{path}/.shard-0.0123456789abcdef.state"), (NOW, NOW))
    assert shards(study, path)[0] == Shard("running", 4, 1)


def test_the_words(study: Study) -> None:
    write(f"logs/restore/{SR}/{DDPG}/shard-0.log", ERROR)
    for number in range(3):
        for label in ("ddpg-0/dead-leaves", "pinv"):
            restored(f"{BLUR}/{label}", number)
            write(f"evaluations/{BLUR}/{label}/shard-{number}.csv")
    text = lines(study, read_status(study, RESULTS, NOW), NOW)
    assert text[0] == "made-up: 1 done, 0 running, 1 failed, 0 left of 2 cells"
    assert [line.split() for line in text[3:6]] == [
        [BLUR, "6", "0", "0", "0"],
        [SR, "0", "0", "1", "2"],
        ["all", "shards", "6", "0", "1", "2"],
    ]
    assert text[-2:] == [
        "failed (1):",
        f"{RESULTS}/logs/restore/{SR}/{DDPG}/shard-0.log: ddpg job restore: no memory",
    ]


def test_images_that_could_not_be_restored_are_told(study: Study) -> None:
    for number in range(3):
        restored(f"{BLUR}/pinv", number)
        write(f"evaluations/{BLUR}/pinv/shard-{number}.csv")
    table = f"restorations/{BLUR}/pinv/shard-1.csv"
    write(table, "image,seconds,failure\na,1,\nb,1,pinv diverged in step 3\n")
    text = lines(study, read_status(study, RESULTS, NOW), NOW)
    assert any(line.startswith("9 of 30 images restored, 1 could not be, ") for line in text)
    assert text[-2:] == [
        "images without a restoration (1):",
        f"{RESULTS}/{table}: b: pinv diverged in step 3",
    ]


@pytest.mark.slow
def test_ten_thousand_shards_take_a_few_calls_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of functions, also those in C, stand for the time, a second of a core."""
    study = study_of(tmp_path, monkeypatch, images=10_000, size=10, labels=8)
    for row in study.experiments:
        for stage, suffix in (("restorations", "safetensors"), ("evaluations", "csv")):
            folder = RESULTS / stage / row.path
            folder.mkdir(parents=True)
            for number in range(0, 1000, 2):
                (folder / f"shard-{number}.{suffix}").touch()
        folder = RESULTS / "logs/restore" / row.path
        folder.mkdir(parents=True)
        for number in range(0, 1000, 5):
            (folder / f"shard-{number}.log").write_text(ERROR)
    with Profile(subcalls=False) as profile:
        rows = read_status(study, RESULTS, time.time())
        text = lines(study, rows, time.time())
    assert count_shards(rows) == {"done": 5000, "failed": 1000, "left": 4000}
    assert "failed (1000):" in text
    assert sum(entry.callcount for entry in profile.getstats()) < 10_000 * CALLS


def test_configurations_are_merged_as_snakemake_does() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}
    assert merged(base, {"a": {"y": 5}, "b": [9]}) == {"a": {"x": 1, "y": 5}, "b": [9], "c": 3}
    assert base["a"] == {"x": 1, "y": 2}


@pytest.mark.workflow
def test_a_study_that_has_run_is_done(finished) -> None:
    command = [sys.executable, "-m", "ddpg", "status"]
    told = subprocess.run(command, **finished.process_options(), check=True).stdout
    assert "12 of 12 images restored" in told
    assert "another study" not in told


def test_further_draws_are_done_when_they_are_restored(study: Study) -> None:
    sheet = Path("sheet.tsv").read_text().replace("label\n", "label\tdraws\n")
    Path("sheet.tsv").write_text(
        sheet.replace("\tsr_bicubic\t0\tddpg\t", "\tsr_bicubic\t0\tddpg\t\t2")
    )
    drawn = Study(study.config.model_dump())
    first, second = f"{SR}/{DDPG}", f"{SR}/{DDPG}/repeat-1"
    for path in (first, second):
        restored(path, 0)
    assert states(drawn, first) == ["left", "left", "left"]  # it is not measured yet
    assert states(drawn, second) == ["done", "left", "left"]
    assert len(read_status(drawn, RESULTS, NOW)) == 4
