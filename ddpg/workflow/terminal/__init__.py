"""What a run says while it runs: a logger plugin for Snakemake that the profiles switch on.

Snakemake looks for such plugins among the top-level packages of the installation, where those of an
editable one are not found. So the profiles, which are templates, ask :func:`loggers`, which enters
the plugin by itself; where that is not possible, Snakemake speaks as it always does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddpg.study.study import Study

log = logging.getLogger(__name__)

NAME = "ddpg"
"""As ``snakemake --logger`` takes it."""


def loggers() -> list[str] | None:
    """What ``logger:`` of a profile says: this plugin; None where Snakemake cannot take it."""
    try:
        from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

        from ddpg.workflow.terminal import handler

        LoggerPluginRegistry().register_plugin(f"snakemake_logger_plugin_{NAME}", handler)
    except (ImportError, AttributeError, TypeError) as error:
        log.debug("Snakemake speaks for itself: %s", error)
        return None
    return [NAME]


def introduce(workflow: Any, study: Study) -> None:
    """Tell the terminal of a run which study it is of, so that it finds the words for its jobs."""
    for handler in _handlers(workflow):
        handler.narrator.study = study
        if getattr(workflow, "local_exec", False):
            handler.speak_for_jobs()


def announce(workflow: Any) -> None:
    """Tell the terminal of a run which jobs there will be, from which it reckons the time to go."""
    for handler in _handlers(workflow):
        jobs = ((job.rule.name, job.wildcards_dict) for job in workflow.dag.needrun_jobs())
        handler.narrator.expect(jobs)


def _handlers(workflow: Any) -> list[Any]:
    """The plugin's handlers in a run; none where it is not switched on."""
    try:
        found = workflow.logger_manager.get_log_handlers()
    except AttributeError as error:
        log.debug("the terminal is not told: %s", error)
        return []
    return [handler for handler in found if hasattr(handler, "narrator")]
