"""The plugin as Snakemake knows it: a handler of its log records."""

from __future__ import annotations

import os
import sys
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase

from ddpg.machine.terminal import SWITCH, WORDS
from ddpg.workflow.terminal.narrator import Narrator
from ddpg.workflow.terminal.screen import Screen


class LogHandler(LogHandlerBase):
    """Tells a run in words; where it is asked for details, it leaves that to Snakemake."""

    writes_to_file = False  # Snakemake's own log file has every detail
    has_filter = True  # it takes all records, and chooses
    has_formatter = True  # it has words of its own
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings = self.common_settings
        detailed = (settings.verbose, settings.printshellcmds, settings.debug_dag, settings.quiet)
        self.speaks = not any(detailed) and os.environ.get(SWITCH) != "snakemake"
        stream = sys.stdout if settings.stdout else sys.stderr
        self.narrator = Narrator(Screen(stream, colours=not settings.nocolor), settings.dryrun)
        if self.speaks:
            self.narrator.screen.begin(self.narrator.live)

    def speak_for_jobs(self) -> None:
        """Have the jobs of this machine leave their errors, which are shown from their logs, and
        their bars to this terminal."""
        if self.speaks:
            os.environ[SWITCH] = WORDS

    def emit(self, record: LogRecord) -> None:
        """Tell what a record says, if it says anything to people."""
        if not self.speaks:
            return
        try:
            self.narrator.tell(record)
        except Exception:  # as every handler of logging does: what cannot be told stops no run
            self.handleError(record)

    def close(self) -> None:
        """Say how it ended, and where to look."""
        if self.speaks:
            self.speaks = False
            self.narrator.end()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Else Snakemake writes there itself."""
        return self.speaks
