"""The ``ddpg`` command, also as ``python -m ddpg``."""

from __future__ import annotations

import signal
import sys


def entry_point() -> None:
    """Let a process that is warm do the work, or else this one.

    Ctrl-C before there is anything to tell ends it without a word, whatever it is importing.
    """
    heeds = signal.getsignal(signal.SIGINT) == signal.default_int_handler
    if heeds:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ddpg.warm.client import delegated

    status = delegated(sys.argv[1:])
    if status is None:
        from ddpg.cli import run

        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = run()
    sys.exit(status)


if __name__ == "__main__":
    entry_point()
