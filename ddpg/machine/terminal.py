"""Who tells a run on its terminal: each job for itself, or the run for all of them."""

from __future__ import annotations

import os
import sys

SWITCH = "DDPG_TERMINAL"
"""Environment variable: with "snakemake" Snakemake tells a run in its own way; jobs find "words" in
it while :mod:`ddpg.workflow.terminal` does."""
WORDS = "words"
CLEAR = "\r\x1b[J"
"""Back to the beginning of the line, and away with all that stands below."""


def told_in_words() -> bool:
    """Whether this is a job of a run that is told in words: its errors are then shown from its log,
    and it draws no bar."""
    return os.environ.get(SWITCH) == WORDS


def start_of_message() -> str:
    """What stands before a message of a job: what takes the run's changing line away, if there is
    one."""
    return CLEAR if told_in_words() and sys.stderr.isatty() else ""
