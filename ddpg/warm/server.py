"""The process that has everything imported, and its copies that do the work of jobs.

    python -m ddpg.warm.server DESCRIPTOR

It is given a socket that listens, and ends when its standard input does: Snakemake holds the other
end of that pipe, so that even SIGKILL to Snakemake ends it. Copies that are at work go on, as jobs
of a killed Snakemake do.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence

from ddpg.files.fingerprint import PACKAGE
from ddpg.jobs.same_code import package_digest
from ddpg.warm.protocol import (
    STARTED,
    Request,
    code_stamp,
    difference,
    is_same_user,
    receive_request,
    send_status,
)

IMPORTED = (
    "ddpg.cli",
    "ddpg.cli.jobs",
    "ddpg.comparison.figures.grid",
    "ddpg.comparison.figures.kernel",
    "ddpg.comparison.figures.plots",
    "ddpg.comparison.figures.trajectory",
    "ddpg.comparison.page.page",
    "ddpg.comparison.paragraph",
    "ddpg.comparison.tables.writing",
    "ddpg.datasets.survey",
    "ddpg.machine.devices",
    "ddpg.operators.building",
    "ddpg.priors.loading",
    "ddpg.samplers",
    "ddpg.stages.evaluation",
    "ddpg.stages.observations",
    "ddpg.stages.observed.evaluation",
    "ddpg.stages.preparation",
    "ddpg.stages.provenance",
    "ddpg.stages.restoration",
    "ddpg.stages.trajectory",
    "filelock",
    "matplotlib.backends.backend_pdf",  # with what cuts fonts down
    "piq",
    "seaborn",
    "skimage.metrics._structural_similarity",  # which skimage.metrics imports late
)
"""What the jobs of a study import between them."""
_REFUSAL = (
    "ddpg: jobs start by themselves, which takes some seconds more for each, because the process "
    "that waits to do their work holds other code than they run: {}"
)
REQUEST_TIMEOUT = 10.0
"""Seconds that a command may take to send what it has ready; others wait behind it."""


def main(arguments: Sequence[str]) -> None:
    """Import, and serve until standard input ends."""
    (descriptor,) = arguments
    stamp = code_stamp()
    with socket.socket(fileno=int(descriptor)) as listening:
        for module in IMPORTED:
            if _is_over():
                return
            importlib.import_module(module)
        _know_formats()
        package_digest(PACKAGE)  # of what is held here; the copies need not compute it
        gc.collect()
        gc.freeze()  # collections in the copies must not touch, and so copy, these pages
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
        serve(listening, stamp)


def _know_formats() -> None:
    """Import what Pillow imports for the first picture that it saves, or cannot place at once."""
    from PIL import Image

    Image.init()


def _is_over() -> bool:
    """Whether Snakemake has ended."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def serve(listening: socket.socket, stamp: str) -> None:
    """Hand each connection to a copy of this process."""
    refused: set[str] = set()
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listening.accept()
        with connection:
            other = _handle(connection, listening, stamp)
        if other and other not in refused:
            refused.add(other)
            print(_REFUSAL.format(difference(stamp, other)), file=sys.stderr, flush=True)


def _handle(connection: socket.socket, listening: socket.socket, stamp: str) -> str:
    """Read a request and begin with it, if it comes from this user and for this code.

    Returns:
        the stamp of the code for which it came, if that is another; else nothing.
    """
    if not is_same_user(connection):
        return ""
    connection.settimeout(REQUEST_TIMEOUT)
    try:
        request, streams = receive_request(connection)
    except OSError:
        return ""  # the command is gone, or will do it by itself
    try:
        if request.code != stamp:
            return request.code
        if os.fork() == 0:
            listening.close()
            connection.settimeout(None)
            _work(connection, request, streams)
    finally:
        for stream in streams:
            os.close(stream)
    return ""


def _work(connection: socket.socket, request: Request, streams: Sequence[int]) -> None:
    """In a copy: become the command's process, run it, and end."""
    status = 1
    try:
        _move_in(request, streams)
        connection.sendall(STARTED)
        threading.Thread(target=_obey, args=(connection,), daemon=True).start()
        status = _run(request.arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        send_status(connection, status)
    except ConnectionError:
        status = 1  # the command was killed: nobody is left to tell
    finally:
        os._exit(status)


def _move_in(request: Request, streams: Sequence[int]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # The command passes on what it heeds itself, whatever was ignored when the server started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.argv = ["ddpg", *request.arguments]
    import torch

    # PyTorch reads the variable when it is imported, which was too early.
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "") or os.cpu_count() or 1))


def _obey(connection: socket.socket) -> None:
    """Pass on the signals that the command gets; when it is gone, go as well, at once."""
    while number := connection.recv(1):
        os.kill(os.getpid(), number[0])
    os.kill(os.getpid(), signal.SIGKILL)


def _run(arguments: Sequence[str]) -> int:
    """The command, as its own process would run it, and its exit status."""
    from ddpg.cli import run

    try:
        return run(arguments)
    except SystemExit as end:  # from argparse
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # what the interpreter does at its end
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # nothing is open, and taking everything down again takes a second
