"""A web server of our own that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ddpg.fetching import Remote, fetch
from ddpg.fetching.remote import PublishedFile

DATA = bytes(range(256)) * 2048  # 512 KiB
STALL = 60.0
"""Seconds that a connection stays silent, should nobody give it up before."""


class Served:
    """What the server offers, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.validators, self.ranges, self.if_range, self.lengths = True, True, True, True
        self.headers: dict[str, str] = {}
        self.headers_of: dict[str, dict[str, str]] = {}
        self.over = threading.Event()
        self.address = ""

    def asked_ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [headers.get("Range") for _, headers in self.requests]


@dataclass
class Fault:
    """One answer that is not as it should be; the next request gets the next one."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Send so many bytes of the body, then do ``then``."""
    then: str = "close"  # or "stall"
    body: bytes | None = None
    ignore_range: bool = False
    slow: float = 0.0
    """Seconds between blocks of 16 KiB."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, served: Served, *arguments: Any) -> None:
        self.served = served
        super().__init__(*arguments)

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        served = self.served
        served.requests.append((self.path, dict(self.headers)))
        fault = served.faults.pop(0) if served.faults else Fault()
        if fault.status is not None:
            return self._plain(fault)
        body = served.files.get(self.path.lstrip("/")) if fault.body is None else fault.body
        if body is None:
            return self._plain(Fault(404))
        return self._file(body, fault)

    def _plain(self, fault: Fault) -> None:
        self.send_response(fault.status or 200)
        body = fault.body or b"an error page"
        for name, value in {"Content-Length": str(len(body)), **fault.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _file(self, body: bytes, fault: Fault) -> None:
        served, tag = self.served, f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        wanted = served.ranges and not fault.ignore_range and match is not None
        if served.if_range and self.headers.get("If-Range", tag) != tag:
            wanted = False
        start = int(match[1]) if match and wanted else 0
        if wanted and start >= len(body):
            return self._plain(Fault(416, {"Content-Range": f"bytes */{len(body)}"}))
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if served.validators:
            self.send_header("ETag", tag)
        if served.lengths:
            self.send_header("Content-Length", str(len(body) - start))
        else:
            self.send_header("Connection", "close")
        more = served.headers_of.get(self.path.lstrip("/"), {})
        for name, value in {**served.headers, **more, **fault.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send(body[start:], fault)
        return None

    def _send(self, body: bytes, fault: Fault) -> None:
        sent = body if fault.cut is None else body[: fault.cut]
        step = 1 << 14 if fault.slow else max(1, len(sent))
        try:
            for place in range(0, len(sent), step):
                self.wfile.write(sent[place : place + step])
                self.wfile.flush()
                time.sleep(fault.slow)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if fault.cut is not None and fault.then == "stall":
            self.served.over.wait(STALL)
        if fault.cut is not None or not self.served.lengths:
            self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what these tests are about."""


@pytest.fixture
def server() -> Iterator[Served]:
    """A server on this machine with the file ``data.bin``."""
    served = Served()
    served.files["data.bin"] = DATA
    with _Server(("127.0.0.1", 0), partial(_Handler, served)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.address = f"http://127.0.0.1:{running.server_port}"
        yield served
        served.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def fault() -> type[Fault]:
    """How the server is told to misbehave."""
    return Fault


@pytest.fixture
def data() -> bytes:
    """The contents of ``data.bin``."""
    return DATA


@pytest.fixture
def sums() -> dict[str, Any]:
    """Size and sha256 of ``data.bin``, as a card gives them."""
    return {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


@pytest.fixture
def get(server: Served, tmp_path: Path) -> Callable[..., Path]:
    """Fetch ``data.bin`` from the server to ``tmp_path/in/data.bin``, without long waits."""

    def get(*mirrors: str, **fields: Any) -> Path:
        options = {name: fields.pop(name) for name in ("retries", "timeout") if name in fields}
        kind = PublishedFile if "prefix" in fields else Remote
        remote = kind("data.bin", mirrors or (f"{server.address}/data.bin",), **fields)
        arguments = {"retries": 2, "timeout": 0.5, "backoff": 0.01, **options}
        target = tmp_path / "in" / "data.bin"
        return fetch(remote, target, pins=tmp_path / "pins.yaml", key="data", **arguments)

    return get
