"""All that is looked at before the first job, by a run of the workflow as by ``ddpg check``.

That a study fits together is checked where it is read (:class:`ddpg.study.study.Study`); here
follows what only this machine can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ddpg.errors import UserError
from ddpg.priors.checkpoints.records import check_pins
from ddpg.study.study import Study
from ddpg.workflow.checking.given import check_given
from ddpg.workflow.half_precision import refuse_half_precision_without_gpu
from ddpg.workflow.indexes import check_indexes
from ddpg.workflow.own_files import check_own_files, check_own_pictures
from ddpg.workflow.sharing import check_shared


def check_before_jobs(study: Study, workflow: Any = None) -> None:
    """Refuse a study whose jobs would fail for what can be seen now: files, labels, precision.

    Args:
        workflow: Snakemake's; None where jobs would run on this machine. Where it does one job of
            a cluster, that job looks for its own files itself.

    Raises:
        UserError: all that is wrong, one a line.
    """
    checks: list[Callable[[], None]] = [
        partial(refuse_half_precision_without_gpu, workflow, study),
        partial(check_pins, study.called_priors.values()),
        partial(check_shared, study),
    ]
    if workflow is None or workflow.is_main_process:
        checks += [
            partial(check_indexes, study),
            partial(check_own_files, study.called_priors.values()),
            partial(check_own_pictures, study),
            partial(check_given, study),
        ]
    problems = []
    for check in checks:
        try:
            check()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
