"""The ``ddpg`` command's side: let the server do the work, if there is one."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ddpg.warm.protocol import (
    ADDRESS,
    STARTED,
    Request,
    address,
    code_stamp,
    is_same_user,
    receive,
    receive_status,
    send_request,
)

PATIENCE = 60.0
"""Seconds that a server may take to begin; it may still be importing."""
KILLED = 128 + signal.SIGKILL
"""The exit status that a shell reports for a process that ended by SIGKILL."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def delegated(arguments: Sequence[str]) -> int | None:
    """Have a command done by the server.

    Returns:
        its exit status, or None where it was not begun: there is no server, or it is not fit for
        this process.
    """
    name = os.environ.get(ADDRESS)
    if not name or sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        if not _begun(connection, name, arguments):
            return None
        with _forwarding(connection):
            try:
                return receive_status(connection)
            except ConnectionError:
                print("ddpg: the process that did the work was killed", file=sys.stderr)
                return KILLED


def _begun(connection: socket.socket, name: str, arguments: Sequence[str]) -> bool:
    """Send the request; gives whether somebody has begun with it."""
    connection.settimeout(PATIENCE)
    try:
        connection.connect(address(name))
        if not is_same_user(connection):
            return False
        request = Request(list(arguments), os.getcwd(), dict(os.environ), code_stamp())  # noqa: PTH109
        send_request(connection, request)
        if receive(connection, len(STARTED)) != STARTED:
            return False
    except OSError:  # nobody there, or gone, or too slow: this process can do it as well
        return False
    connection.settimeout(None)
    return True


@contextmanager
def _forwarding(connection: socket.socket) -> Iterator[None]:
    """Within, signals go to the process that does the work, which then ends as it sees fit."""

    def forward(number: int, _frame: object) -> None:
        connection.sendall(bytes([number]))

    # A command that was started to ignore a signal, as `nohup` does, goes on ignoring it.
    heeded = [number for number in FORWARDED if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
