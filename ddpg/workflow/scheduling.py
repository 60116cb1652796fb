"""Keeping Snakemake's scheduler from looking at jobs again and again that cannot start yet.

Where jobs per timespan are limited, and by default they are, each look of the scheduler at the
ready jobs arranges the next one a timespan later, and so does each job that ends. After a hundred
jobs it looks a hundred times a second (Snakemake 9.27): in the default study that took 14 % of a
core, and with thousands of jobs it would take a whole one. Without a limit it looks when a job has
ended.
"""

from __future__ import annotations

from typing import Any

LOCAL_STARTS = 100
"""Jobs a second. One machine starts fewer (docs/scaling.md), so such a limit says nothing."""
CLUSTER_STARTS = 1_000_000
"""Jobs a second that stand for "no limit" where jobs are submitted, as profiles/slurm has it."""


def lift_idle_limit(workflow: Any) -> None:
    """Take away a limit of jobs per timespan that limits nothing; others stay as they are.

    Args:
        workflow: Snakemake's, about to run its jobs.
    """
    limit = workflow.scheduler.job_rate_limiter
    if limit is None:
        return
    possible = LOCAL_STARTS if workflow.local_exec else CLUSTER_STARTS
    if limit.max_jobs >= possible * limit.timespan:
        workflow.scheduler.job_rate_limiter = None
