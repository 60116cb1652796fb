"""Snakemake's limit of jobs per timespan: taken away only where it limits nothing."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from snakemake.scheduling.job_scheduler import JobRateLimiter, JobScheduler
from snakemake.settings.types import MaxJobsPerTimespan

from ddpg.workflow.scheduling import lift_idle_limit


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
