"""The workflow on a real SLURM: what is asked of it, and what happens when things die."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm

RESUMED = "1 of 2 images were finished before"


def jobs_of(cluster, rule, since):
    """What SLURM was asked for by the jobs of a rule, the first of its ids being `since`."""
    return [
        job
        for job in cluster.jobs()
        if f"rule_{rule}" in job["StdOut"].split("/") and int(job["JobId"]) >= since
    ]


def next_id(cluster):
    """A number above those of all jobs so far."""
    return 1 + max((int(job["JobId"]) for job in cluster.jobs()), default=0)


def measured(folder: Path) -> dict:
    """The metrics of the first shard of every method that do not depend on the clock."""
    values = {}
    for path in sorted((folder / "results/small/evaluations").rglob("shard-0.csv")):
        with path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                measure = row["metric"] in ("psnr", "ssim", "network_evaluations")
                if measure and row["label"] != "observation":
                    values[row["label"], row["image"], row["metric"]] = row["value"]
    return values


@pytest.mark.usefixtures("warm")
def test_a_study_runs_through_the_profile(cluster, undisturbed, make_small, tmp_path):
    since = next_id(cluster)
    study = make_small(tmp_path, limit=2)
    output = study.submit()
    for product in ("metrics.csv", "index.html", "tables/summary.csv"):
        assert (study.folder / "results/small" / product).stat().st_size > 0, product
    reference = measured(undisturbed.folder)
    assert len(reference) == 3 * 2 * 3
    assert measured(study.folder) == reference
    check_requests(cluster, output, since)


def check_requests(cluster, output, since):
    """Compare what SLURM was asked for with what the rules say."""
    stated = re.search(r"rule restore:.*?resources: (.*?)\n", output, re.DOTALL)
    resources = dict(item.split("=", 1) for item in stated.group(1).split(", "))
    tasks = jobs_of(cluster, "restore", since)
    assert len({task["ArrayJobId"] for task in tasks}) == 1
    assert sorted(task["ArrayTaskId"] for task in tasks) == ["1", "2", "3"]
    for task in tasks:
        assert task["JobState"] == "COMPLETED"
        assert task["TresPerJob"] == "gres:gpu:1"
        assert task["NumNodes"] == task["NumTasks"] == "1"
        memory = int(re.search(r"mem=(\d+)M", task["TRES"]).group(1))
        assert int(resources["mem_mb"]) <= memory <= int(resources["mem_mb"]) + 2
        hours, minutes, _ = map(int, re.split("[-:]", task["TimeLimit"])[-3:])
        assert 60 * hours + minutes == int(resources["runtime"])
    others = jobs_of(cluster, "evaluate", since)
    assert len(others) == 3
    assert not any("TresPerJob" in job for job in others)


def test_a_site_with_partitions_limits_and_a_qos(cluster, study, undisturbed, tmp_path):
    """What the profile offers in comments, switched on, from Snakemake inside a job of its own.

    Results lie on a scratch disk, caches as well, and nothing is written into $HOME.
    """
    since = next_id(cluster)
    paths = study.forget(0, method="pinv")
    measures = paths[0].replace("/restorations/", "/evaluations/").replace(".safetensors", ".csv")
    reference = measured(study.folder)
    (study.folder / measures).unlink()
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    shutil.move(study.folder / "results", scratch)
    (study.folder / "results").symlink_to(scratch / "results")
    edit_profile(study.folder / "profiles/slurm/config.yaml")
    caches = {"HOME": str(home), "XDG_CACHE_HOME": str(scratch / "cache")}
    study.submit_from_a_job(*paths, measures, variables=caches)
    assert measured(study.folder) == reference
    study.assert_equal(undisturbed, 0, method="pinv")
    assert list(home.iterdir()) == []
    assert (study.folder / "modules.txt").read_text().split() == ["loaded"] * 2
    (restoration,) = jobs_of(cluster, "restore", since)
    assert restoration["Partition"] == "accelerated"
    assert restoration["TresPerNode"] == "gres:gpu:a100:1"
    assert restoration["TimeLimit"] == "02:00:00"  # the rule's four hours would be refused
    (evaluation,) = jobs_of(cluster, "evaluate", since)
    assert evaluation["Partition"] == "processors"
    assert re.search(r"mem=(\d+)M", evaluation["TRES"]).group(1) == "3000"
    calls = (cluster.folder / "sbatch.txt").read_text().splitlines()
    assert ["--qos=gpu" in call for call in calls if "rule_restore" in call][-1:] == [True]
    assert ["--qos=normal" in call for call in calls if "rule_evaluate" in call][-1:] == [True]


def edit_profile(path):
    """Make it the profile of the test cluster, as its user would: by its commented lines."""
    text = path.read_text()
    for offered, chosen in (
        ("# slurm_partition: cpu", "slurm_partition: processors"),
        ("# slurm_partition: gpu", "slurm_partition: accelerated"),
        ("# qos: normal", "qos: normal"),
        ("# qos: gpu", "qos: gpu"),
        ("    gpu: 1\n", "    gpu: 0\n"),
        ("# gres: gpu:a100:1", "gres: gpu:a100:1"),
        ("mem_mb: 64000", "mem_mb: 3000"),
        ("runtime: 2880", "runtime: 120"),
        (
            '# precommand: "module purge && module load cuda/13.0"',
            'precommand: "echo loaded >> modules.txt"',
        ),
    ):
        assert text.count(offered) == 1, offered
        text = text.replace(offered, chosen)
    path.write_text(text)


def test_jobs_that_fail_are_tried_again_with_more(cluster, study, undisturbed):
    """One shard is cancelled, one runs out of its time, one out of its memory."""
    since = next_id(cluster)
    paths = study.forget(0, 1, 2)
    run = study.start(
        *paths,
        "--slurm-array-jobs=none",
        "--set-resources",
        "restore:runtime=30 * attempt",
        "restore:mem_mb=300 if wildcards.shard == '2' and attempt == 1 else 2000",
    )
    limits = []

    def hang(restorer):
        restorer.send_signal(signal.SIGSTOP)  # until SLURM ends it
        limits.append(hurry(cluster, restorer))

    study.when_restoring(run, {0: lambda restorer: cancel(cluster, restorer), 1: hang})
    study.finish(run)
    study.assert_equal(undisturbed, 0, 1, 2)
    attempts = {shard: attempts_of(cluster, shard, since) for shard in "012"}
    states = {shard: [job["JobState"] for job in jobs] for shard, jobs in attempts.items()}
    assert states["0"] == ["CANCELLED", "COMPLETED"]
    assert states["1"] == ["TIMEOUT", "COMPLETED"]
    assert states["2"][0] in ("FAILED", "OUT_OF_MEMORY", "CANCELLED")
    assert states["2"][1:] == ["COMPLETED"]
    assert [*limits, attempts["1"][1]["TimeLimit"]] == ["00:30:00", "01:00:00"]
    assert ["mem=300M" in job["TRES"] for job in attempts["2"]] == [True, False]
    assert RESUMED in study.log(0)
    assert RESUMED in study.log(1)


def cancel(cluster, process):
    cluster.run("scancel", process.environ()["SLURM_JOB_ID"])


def hurry(cluster, process):
    """Let the time of a job be up in three seconds; gives the limit that it had.

    A limit that is short enough to wait for, a minute at least, is too short for jobs of a busy
    machine that are to end otherwise.
    """
    number = process.environ()["SLURM_JOB_ID"]
    (limit,) = [job["TimeLimit"] for job in cluster.jobs() if job["JobId"] == number]
    # The controller refuses an end that has passed when it comes to it.
    cluster.run("scontrol", "update", f"JobId={number}", "EndTime=now+3")
    return limit


def attempts_of(cluster, shard, since):
    """The jobs that restored a shard, in order."""
    jobs = jobs_of(cluster, "restore", since)
    mine = [job for job in jobs if Path(job["StdOut"]).parent.name.endswith(f"_{shard}")]
    return sorted(mine, key=lambda job: int(job["JobId"]))


def test_a_job_whose_node_dies_goes_on_elsewhere(cluster, study, undisturbed):
    since = next_id(cluster)
    run = study.start(*study.forget(0), "--slurm-array-jobs=none")
    lost: list[str] = []

    def power_cut(restorer):
        lost.append(restorer.environ()["SLURMD_NODENAME"])
        cluster.kill_node(*lost)

    study.when_restoring(run, {0: power_cut})
    try:
        start_requeued(cluster, since, run)
        study.finish(run)
    finally:
        cluster.start_node(*lost)
        cluster.wait_until_idle()
    study.assert_equal(undisturbed, 0)
    (job,) = jobs_of(cluster, "restore", since)
    assert job["Restarts"] == "1"
    assert job["BatchHost"] not in lost
    assert RESUMED in study.log(0)


def start_requeued(cluster, since, run):
    """SLURM puts the job back with a delay of two minutes, which the test does not wait for."""
    while run.poll() is None:
        for job in jobs_of(cluster, "restore", since):
            if job["JobState"] == "PENDING" and job["Restarts"] == "1":
                cluster.run("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now")
                return
        time.sleep(0.5)


def test_the_controller_can_be_restarted(cluster, study, undisturbed):
    since = next_id(cluster)
    run = study.start(*study.forget(0), "--slurm-array-jobs=none")
    study.when_restoring(run, {0: lambda _: cluster.stop_controller()})
    while cluster.children_of_jobs():  # the job ends meanwhile, and nobody answers Snakemake
        time.sleep(0.2)
    cluster.start_controller()
    study.finish(run)
    study.assert_equal(undisturbed, 0)
    assert [job["JobState"] for job in jobs_of(cluster, "restore", since)] == ["COMPLETED"]


def test_snakemake_killed_and_started_again(cluster, study, undisturbed):
    paths = study.forget(0)
    run = study.start(*paths, "--slurm-array-jobs=none")

    def both(restorer):
        os.killpg(run.pid, signal.SIGKILL)
        cancel(cluster, restorer)

    study.when_restoring(run, {0: both})
    run.wait()
    study.local("--unlock")
    study.submit(*paths)
    study.assert_equal(undisturbed, 0)
    assert RESUMED in study.log(0)


def test_a_job_that_outlives_snakemake_is_not_repeated(cluster, study, undisturbed):
    """The next Snakemake sends another job for the shard, which waits for the old one."""
    since = next_id(cluster)
    paths = study.forget(0)
    killed = study.start(*paths, "--slurm-array-jobs=none")
    old = []

    def halt(restorer):
        os.killpg(killed.pid, signal.SIGKILL)
        restorer.suspend()  # so that it is still there when the new job comes
        old.append(restorer)

    study.when_restoring(killed, {0: halt})
    killed.wait()
    study.local("--unlock")
    run = study.start(*paths, "--slurm-array-jobs=none")
    while "another process is at it; waiting" not in study.log(0):
        assert run.poll() is None, (study.folder / "snakemake.txt").read_text()
        time.sleep(0.2)
    old[0].resume()
    study.finish(run)
    study.assert_equal(undisturbed, 0)
    assert [job["JobState"] for job in jobs_of(cluster, "restore", since)] == ["COMPLETED"] * 2
    assert "2 of 2 images were finished before" in study.log(0)
