"""What a command and the server say to each other, over a local socket.

Every job's command imports this: dataclasses would be a fifth of its time.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from ddpg.files.shipped import package_files

_PACKAGE = Path(__file__).parent.parent

ADDRESS = "DDPG_WARM_SERVER"
"""Environment variable with the server's address, a name in Linux's abstract namespace: there is
no file that could be left behind, and who is at the other end is checked instead."""

STARTED = b"+"
"""From the copy of the server that does the work, as it begins."""

_LENGTH = struct.Struct("!Q")
_STATUS = struct.Struct("!i")
_CREDENTIALS = struct.Struct("3i")
_STREAMS = 3


class Request(NamedTuple):
    """What a job's process knows of its surroundings."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    code: str
    """What :func:`code_stamp` gives there."""


def address(name: str) -> str:
    """The name as the operating system wants it."""
    return f"\0{name}"


def code_stamp() -> str:
    """The interpreter, and every file of the package with its size and time of change.

    It takes a millisecond or two; a server that was started with another stamp is not used. Where
    packages are looked for is part of it: a plug-in may lie in two places.
    """
    python = " ".join([sys.prefix, *sys.version.split()])
    entries = [python, os.environ.get("PYTHONPATH", ""), str(_PACKAGE)]
    for path in package_files(_PACKAGE):
        status = os.stat(path)  # noqa: PTH116 - a third of the time
        entries.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(entries)


def difference(held: str, wanted: str) -> str:
    """What differs between the code that a server holds and that of a command, in words.

    Args:
        held, wanted: what :func:`code_stamp` gave in the two.
    """
    theirs, ours = held.splitlines(), wanted.splitlines()
    for place, what in enumerate(("Python", "PYTHONPATH", "package")):
        if theirs[place] != ours[place]:
            return f"its {what} is {theirs[place] or 'empty'}, theirs {ours[place] or 'empty'}"
    files = {line.rsplit(" ", 2)[0] for line in {*theirs} ^ {*ours}}
    return f"changed since it was started: {', '.join(sorted(files)[:3])}"


def is_same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(raw)[1] == os.getuid()


def send_request(connection: socket.socket, request: Request) -> None:
    """Send a request, and with it this process's standard streams."""
    content = json.dumps(request._asdict()).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(content))], range(_STREAMS))
    connection.sendall(content)


def receive_request(connection: socket.socket) -> tuple[Request, list[int]]:
    """A request, and the descriptors of the three streams.

    Raises:
        ConnectionError: the other end closed, or sent no streams.
    """
    header, streams, _flags, _address = socket.recv_fds(connection, _LENGTH.size, _STREAMS)
    if len(header) < _LENGTH.size or len(streams) != _STREAMS:
        for stream in streams:
            os.close(stream)
        raise ConnectionError("a request came without its length or its streams")
    content = receive(connection, *_LENGTH.unpack(header))
    return Request(**json.loads(content)), streams


def receive(connection: socket.socket, length: int) -> bytes:
    """Exactly so many bytes.

    Raises:
        ConnectionError: the other end closed before.
    """
    content = bytearray()
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ConnectionError("the other end closed the connection")
        content += part
    return bytes(content)


def send_status(connection: socket.socket, status: int) -> None:
    """Send a command's exit status."""
    connection.sendall(_STATUS.pack(status))


def receive_status(connection: socket.socket) -> int:
    """A command's exit status."""
    return _STATUS.unpack(receive(connection, _STATUS.size))[0]
