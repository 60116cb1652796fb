"""FTP through pooch, from a server of a few lines; DOIs with pooch's own answer faked."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pooch
import pytest
import requests

from ddpg.fetching import FetchError

Get = Callable[..., Path]


class _FtpHandler(socketserver.StreamRequestHandler):
    """As much of RFC 959 as ftplib needs to retrieve one file."""

    server: Any

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 ready")
        for line in self.rfile:
            verb, _, argument = line.decode().strip().partition(" ")
            self.server.said.append((verb, argument))
            if verb == "QUIT":
                return self.say("221 bye")
            if verb == "PASV":
                self.data = socketserver.TCPServer(
                    ("127.0.0.1", 0), socketserver.BaseRequestHandler
                )
                port = self.data.server_address[1]
                self.say(f"227 ok (127,0,0,1,{port // 256},{port % 256})")
            elif verb == "RETR":
                self.retrieve(argument)
            else:
                self.say({"USER": "331 password", "PASS": "230 in"}.get(verb, "200 ok"))
        return None

    def retrieve(self, name: str) -> None:
        contents = self.server.files.get(name)
        if contents is None:
            self.data.server_close()
            return self.say("550 no such file")
        self.say("150 here it comes")
        connection, _ = self.data.socket.accept()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        connection.sendall(contents[:cut])
        connection.close()
        self.data.server_close()
        return self.say("226 done" if cut is None else "426 broken")


@pytest.fixture
def ftp(data: bytes) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _FtpHandler) as server:
        server.daemon_threads = True
        server.files = {"/data.bin": data}  # type: ignore[attr-defined]
        server.said, server.cuts = [], []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_ftp(ftp: Any, get: Get, data: bytes) -> None:
    address = f"127.0.0.1:{ftp.server_address[1]}/data.bin"
    target = get(f"ftp://me:secret@{address}")
    assert target.read_bytes() == data
    assert ("USER", "me") in ftp.said
    assert ("PASS", "secret") in ftp.said
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]


def test_ftp_that_breaks_is_tried_again(
    ftp: Any, get: Get, data: bytes, sums: dict[str, Any]
) -> None:
    address = f"ftp://127.0.0.1:{ftp.server_address[1]}/data.bin"
    ftp.cuts = [100, 200_000]
    assert get(address, **sums).read_bytes() == data
    ftp.cuts = [1, 2, 3]
    with pytest.raises(FetchError, match=r"ftp://.*: the connection broke: 426 .*\(3 attempts\)"):
        get(address, sha256="0" * 64)


def test_ftp_without_the_file(ftp: Any, get: Get) -> None:
    with pytest.raises(FetchError, match="answers 550 no such file"):
        get(f"ftp://127.0.0.1:{ftp.server_address[1]}/none")
    assert sum(verb == "RETR" for verb, _ in ftp.said) == 1


def test_ftp_that_is_not_there(get: Get) -> None:
    with pytest.raises(FetchError, match=r"ftp://127\.0\.0\.1:9/x: cannot be reached: Conn"):
        get("ftp://me:secret@127.0.0.1:9/x", retries=0)


def test_ftp_of_another_file_is_kept_aside(ftp: Any, get: Get, sums: dict[str, Any]) -> None:
    ftp.files["/data.bin"] = b"w" * sums["size"]
    with pytest.raises(FetchError, match="is not the expected file"):
        get(f"ftp://127.0.0.1:{ftp.server_address[1]}/data.bin", **sums)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("Invalid DOI"), "doi:10.5281/zenodo.1/data.bin: Invalid DOI"),
        (requests.ConnectionError("no network"), "cannot be reached: no network"),
    ],
)
def test_dois(
    get: Get, data: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    """Pooch asks doi.org and Zenodo, which are not here: only what it brings or raises is tried."""
    outcomes: list[Exception | None] = [error, None]

    def retrieve(_: object, url: str, output: str, __: object) -> None:
        assert url == "doi:10.5281/zenodo.1/data.bin"
        if outcome := outcomes.pop(0):
            raise outcome
        Path(output).write_bytes(data)

    monkeypatch.setattr(pooch.DOIDownloader, "__call__", retrieve)
    with pytest.raises(FetchError, match=message):
        get("doi:10.5281/zenodo.1/data.bin", retries=0)
    assert get("doi:10.5281/zenodo.1/data.bin").read_bytes() == data


def test_sftp_without_paramiko_says_what_is_missing(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pooch.downloaders.paramiko", None)
    with pytest.raises(FetchError, match="Missing package 'paramiko'"):
        get("sftp://127.0.0.1/data.bin")
