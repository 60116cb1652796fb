"""Snakemake's side: start a server for the jobs of a run."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ddpg.warm.protocol import ADDRESS, address
from ddpg.workflow.internals import local_jobs

SWITCH = "DDPG_WARM_START"
"""Environment variable that turns it off with the value 0."""
WORTHWHILE = 4
"""Jobs of a run from which a server pays for its own start."""
BACKLOG = 1024
SERVER = ("-m", "ddpg.warm.server")
GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd")
SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of the server: a process must have no other threads when it is copied."""


def warm_up(workflow: Any) -> None:
    """Start a server for the jobs of this run, where that helps; see :mod:`ddpg.warm`."""
    if is_worthwhile(workflow):
        start()


def is_worthwhile(workflow: Any) -> bool:
    """Whether the jobs run on this machine, in this environment, and are more than a few."""
    return (
        sys.platform == "linux"
        and os.environ.get(SWITCH, "1") != "0"
        and not any(Path(driver).exists() for driver in GPU_DRIVERS)
        and local_jobs(workflow) >= WORTHWHILE
    )


def start(*program: str) -> subprocess.Popen[bytes]:
    """Start a server that ends with this process, and tell the jobs of it.

    Args:
        program: of Python, if not ``-m ddpg.warm.server``; it is given the same argument.
    """
    name = f"ddpg-{os.getpid()}-{secrets.token_hex(8)}"
    # The writing end is never closed but by the end of this process, which the server waits for.
    reading, _writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as listening:
        # Listens from now on: commands that come early wait instead of importing by themselves.
        listening.bind(address(name))
        listening.listen(BACKLOG)
        server = subprocess.Popen(  # noqa: S603
            # -P: it imports what the command does, not what lies in the present folder.
            [sys.executable, "-P", *(program or SERVER), str(listening.fileno())],
            stdin=reading,
            pass_fds=[listening.fileno()],
            env={**os.environ, **SINGLE_THREADED},
            start_new_session=True,  # Ctrl-C is for Snakemake and its jobs
        )
    os.close(reading)
    threading.Thread(target=server.wait, daemon=True).start()  # should it die, it leaves no zombie
    os.environ[ADDRESS] = name
    return server
