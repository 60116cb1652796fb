"""``python -m snakemake`` that asks SLURM for the states of jobs every second.

The executor asks after 3, 13, 23, ... seconds, each time ten later, as suits a cluster that others
use as well: a job of 20 s is found to be done after 39. It (2.8) forgets all jobs about which it
gets no answer, so that nothing is asked while the controller is away.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def one_second(_executor: RemoteExecutor) -> None:
    """The pause between two questions; longer while nobody would answer."""
    await asyncio.sleep(1)
    while (
        "UP" not in subprocess.run(["scontrol", "ping"], stdout=subprocess.PIPE, text=True).stdout
    ):
        await asyncio.sleep(1)


if __name__ == "__main__":
    if not hasattr(RemoteExecutor, "sleep"):
        sys.exit("snakemake's RemoteExecutor pauses otherwise than these tests expect")
    RemoteExecutor.sleep = one_second
    # What jobs are started with: copies of a process, where a test asks for these.
    sys.executable = os.environ.get("DDPG_TESTS_PYTHON", sys.executable)
    sys.path.pop(0)  # where this file lies; Snakemake adds the folder of the study itself
    main()
