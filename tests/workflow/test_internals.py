"""What is asked of Snakemake beyond its interfaces, and what happens where it is not there."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from snakemake.scheduling.job_scheduler import JobRateLimiter, JobScheduler
from snakemake.settings.types import MaxJobsPerTimespan

from ddpg.workflow.internals import lift_idle_limit, local_jobs


def workflow(limit: str | None, local: bool = True) -> SimpleNamespace:
    """As much of a workflow as is looked at, with a limit of Snakemake's own."""
    limiter = JobRateLimiter(MaxJobsPerTimespan.parse_choice(limit)) if limit else None
    scheduler = SimpleNamespace(job_rate_limiter=limiter)
    return SimpleNamespace(scheduler=scheduler, local_exec=local)


@pytest.mark.parametrize(
    ("limit", "local", "stays"),
    [
        ("100/1s", True, False),  # Snakemake's default
        ("50/1s", True, True),
        ("100/1m", True, True),
        ("100/1s", False, True),
        ("1000000/1s", False, False),
        (None, True, False),
    ],
)
def test_a_limit_stays_where_it_limits(limit, local, stays):
    changed = workflow(limit, local)
    lift_idle_limit(changed)
    assert (changed.scheduler.job_rate_limiter is not None) is stays


def test_snakemake_looks_again_because_of_the_limit():
    source = inspect.getsource(JobScheduler.schedule)
    assert "self.job_rate_limiter is not None" in source


def run(**changes: object) -> SimpleNamespace:
    """As much of a workflow that runs three jobs here as is looked at."""
    deployment = SimpleNamespace(deployment_method=changes.pop("deployment", frozenset()))
    values = {"is_main_process": True, "local_exec": True, "touch": False, "dag": range(3)}
    return SimpleNamespace(**{**values, "deployment_settings": deployment, **changes})


def test_jobs_of_this_machine_and_environment_are_counted():
    assert local_jobs(run()) == 3
    elsewhere = ({"local_exec": False}, {"touch": True}, {"is_main_process": False})
    assert [local_jobs(run(**change)) for change in elsewhere] == [0, 0, 0]
    assert local_jobs(run(deployment={"apptainer"})) == 0


@pytest.mark.parametrize("name", ["is_main_process", "dag", "deployment_settings", "local_exec"])
def test_a_version_that_lacks_an_internal_runs_without_the_gain(name):
    other = run()
    delattr(other, name)
    assert local_jobs(other) == 0
    lift_idle_limit(SimpleNamespace())


@pytest.mark.slow
def test_this_version_has_every_internal():
    from snakemake.api import Workflow

    for name in ("is_main_process", "local_exec", "touch", "scheduler", "dag"):
        assert hasattr(Workflow, name), name
