"""What this package asks of Snakemake beyond its interfaces, all in one place.

Each of these is there to save time. Where another version of Snakemake lacks one, the run goes on
without the gain, and says so at the level of debugging.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

log = logging.getLogger(__name__)

LOCAL_STARTS = 100
"""Jobs a second. One machine starts fewer (docs/scaling.md), so such a limit says nothing."""
CLUSTER_STARTS = 1_000_000
"""Jobs a second that stand for "no limit" where jobs are submitted, as profiles/slurm has it."""


def lift_idle_limit(workflow: Any) -> None:
    """Take away a limit of jobs per timespan that limits nothing; others stay as they are.

    Where jobs per timespan are limited, and by default they are, each look of the scheduler at the
    ready jobs arranges the next one a timespan later, and so does each job that ends. After a
    hundred jobs it looks a hundred times a second (Snakemake 9.27): in the default study that took
    14 % of a core, and with thousands of jobs it would take a whole one. Without a limit it looks
    when a job has ended.
    """
    try:
        limit = workflow.scheduler.job_rate_limiter
        if limit is None:
            return
        possible = LOCAL_STARTS if workflow.local_exec else CLUSTER_STARTS
        if limit.max_jobs >= possible * limit.timespan:
            workflow.scheduler.job_rate_limiter = None
    except AttributeError as error:
        log.debug("the scheduler's limit stays as it is: %s", error)


def local_jobs(workflow: Any) -> int:
    """How many jobs a run does on this machine in Snakemake's own environment.

    0 where jobs go elsewhere, run in another environment, only touch files, or where this is not
    the process that schedules, and where Snakemake does not tell.
    """
    try:
        here = (
            workflow.is_main_process
            and workflow.local_exec
            and not workflow.touch
            and not workflow.deployment_settings.deployment_method
        )
        return len(workflow.dag) if here else 0
    except AttributeError as error:
        log.debug("where jobs run is not known: %s", error)
        return 0


def runs_here(workflow: Any) -> bool:
    """Whether the jobs of this command run on this machine, as far as Snakemake can be asked.

    A dry run has an executor of its own, so the command line is read again: it may name a profile
    with the executor of a cluster. Without a workflow, of `ddpg check`, it is this machine.
    """
    if workflow is None:
        return True
    if not getattr(workflow, "is_main_process", True):
        return False  # a job of a cluster, which looks for itself
    try:
        from snakemake.cli import parse_args
        from snakemake.exceptions import CliException, WorkflowError
    except ImportError as error:
        log.debug("where jobs run is not known: %s", error)
        return False
    try:
        _, arguments = parse_args(sys.argv[1:])
    except (CliException, WorkflowError, OSError, ValueError, SystemExit) as error:
        log.debug("where jobs run is not known: %s", error)
        return False
    return getattr(arguments, "executor", None) in (None, "local", "dryrun")
