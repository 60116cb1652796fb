"""Downloads in processes of their own: killed, continued, and two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 300.0
"""Seconds for what takes one or two of a core that nobody else uses."""
SCRIPT = """
import signal, sys
from pathlib import Path
from ddpg.fetching import Remote, fetch
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
address, folder = sys.argv[1:]
fetch(Remote("data.bin", (address,)), Path(folder) / "data.bin", pins=Path(folder) / "pins.yaml")
"""


def start(address: str, folder: Path) -> subprocess.Popen[bytes]:
    """A download in a process of its own."""
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, address, str(folder)],
        env=environment,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_is_continued(
    server: Any, fault: Any, data: bytes, tmp_path: Path, how: signal.Signals
) -> None:
    server.faults = [fault(cut=200_000, then="stall")]  # it is there when the signal comes
    partial = tmp_path / ".data.bin.partial"
    process = start(f"{server.address}/data.bin", tmp_path)
    wait_for(lambda: partial.is_file() and partial.stat().st_size > 100_000)
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, None)
    names = {path.name for path in tmp_path.iterdir()}
    left = {".data.bin.partial", ".data.bin.partial.json"}
    assert left <= names <= left | {".data.bin.lock"}
    there = partial.stat().st_size
    assert partial.read_bytes() == data[:there]
    server.requests.clear()
    again = start(f"{server.address}/data.bin", tmp_path)
    _, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, errors
    assert server.asked_ranges() == [f"bytes={there}-"]  # the missing bytes, nothing else
    assert (tmp_path / "data.bin").read_bytes() == data
    assert {path.name for path in tmp_path.iterdir()} == {"data.bin", "pins.yaml"}


@pytest.mark.slow
def test_two_processes_download_once(server: Any, fault: Any, data: bytes, tmp_path: Path) -> None:
    server.faults = [fault(slow=0.01)]
    both = [start(f"{server.address}/data.bin", tmp_path) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    assert len(server.requests) == 1
    assert (tmp_path / "data.bin").read_bytes() == data
