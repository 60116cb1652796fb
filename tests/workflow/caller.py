"""``python -m snakemake`` in a copy of the process that serves a socket; see ``starter.py``.

python caller.py ADDRESS -m snakemake ARGUMENT...
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from ddpg.warm.protocol import Request, address, receive_status, send_request


def main() -> int:
    """Have it done; gives its exit status."""
    name, *arguments = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address(name))
        send_request(connection, Request(arguments, str(Path.cwd()), dict(os.environ), ""))
        return receive_status(connection)


if __name__ == "__main__":
    sys.exit(main())
