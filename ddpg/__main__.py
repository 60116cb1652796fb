"""The ``ddpg`` command, also as ``python -m ddpg``."""

from __future__ import annotations

import sys

from ddpg.warm.client import delegated


def entry_point() -> None:
    """Let a process that is warm do the work, or else this one."""
    status = delegated(sys.argv[1:])
    if status is None:
        from ddpg.cli import run

        status = run()
    sys.exit(status)


if __name__ == "__main__":
    entry_point()
