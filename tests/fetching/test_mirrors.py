"""A mirror may answer any nonsense: it fails in one line and in bounded time, and no other does."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ddpg.fetching import FetchError

Get = Callable[..., Path]

SIZE = 512 << 10
NEVER = "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"

ANSWERS: dict[str, tuple[int, dict[str, str], str]] = {
    "more than the disk": (200, {"Content-Length": str(10**17)}, "not enough space in"),
    "a number of 5000 digits": (200, {"Content-Length": "9" * 5000}, "impossible Content-Length"),
    "a negative number": (200, {"Content-Length": "-5"}, "impossible Content-Length: '-5'"),
    "no number": (200, {"Content-Length": "many"}, "impossible Content-Length: 'many'"),
    "nothing": (200, {"Content-Length": "0"}, "sends an empty file"),
    "a part": (206, {"Content-Range": "bytes 0-12/13"}, "a part of the file, though all of it"),
    "a huge range": (206, {"Content-Range": "bytes 0-1/" + "9" * 5000}, "impossible Content-Range"),
    "a range of words": (206, {"Content-Range": "all of it"}, "impossible Content-Range: 'all"),
    "no range": (206, {}, "impossible Content-Range: ''"),
    "a range backwards": (206, {"Content-Range": "bytes 5-1/9"}, "that contradicts itself"),
    "a range beyond": (206, {"Content-Range": "bytes 0-12/5"}, "that contradicts itself"),
    "an impossible date": (503, {"Retry-After": NEVER}, r"answers 503 .* \(2 attempts\)"),
    "a wait of 5000 digits": (503, {"Retry-After": "9" * 5000}, r"it asks to wait 9+\d* s|10{18}"),
    "a date of words": (503, {"Retry-After": "next year"}, r"answers 503 .* \(2 attempts\)"),
    "brackets": (302, {"Location": "http://[::1"}, r"redirects to http://\[::1, which is no addr"),
    "a port": (302, {"Location": "http://a.org:99999/"}, "which is no address: Port out of range"),
    "a port of words": (302, {"Location": "http://a.org:x/"}, "which is no address"),
    "no server": (302, {"Location": "https:///x"}, "which names no server"),
    "a file": (302, {"Location": "file:///etc/passwd"}, "which is neither http nor https"),
    "a script": (302, {"Location": "javascript:x"}, "which is neither http nor https"),
    "a long label": (302, {"Location": f"http://{'a' * 70}.org/"}, "is no address that can be"),
    "an odd IDN": (302, {"Location": "http://xn--\u00e9..org/"}, "is no address|cannot be reached"),
    "spaces": (302, {"Location": "http://a b/"}, "is no address|cannot be reached"),
    "control characters": (302, {"Location": "http://\x1b[31mred/"}, "is no address|cannot be re"),
    "itself": (302, {"Location": "?again"}, "redirects again and again"),
    "nowhere": (302, {}, "answers 302 Found"),
    "an unknown status": (799, {}, r"answers status 799 \(2 attempts\)"),
    "a page": (200, {"Content-Type": "text/html"}, "a web page instead of the file"),
    "xhtml": (200, {"Content-Type": "application/xhtml+xml"}, "a web page instead of the file"),
    "gzip": (200, {"Content-Encoding": "gzip"}, r"compressed \(gzip\)"),
    "odd coding": (200, {"Content-Encoding": "\x1b[2Jx" * 50}, "compressed .*, though"),
}


def reasons(error: FetchError) -> list[str]:
    """One line for each mirror, in letters that a terminal can show."""
    assert all(reason.isprintable() and len(reason) < 2500 for reason in error.reasons)
    return list(error.reasons)


def cheated(get: Get, bad: str, good: str, match: str, data: bytes, **fields: Any) -> None:
    """The bad mirror is named with its reason if it is alone, and does no harm beside others."""
    options = {"retries": 1, **fields}
    with pytest.raises(FetchError, match=match) as caught:
        get(bad, **options)
    (reason,) = reasons(caught.value)
    assert reason.startswith(f"{bad}: ")
    assert get(bad, good, **options).read_bytes() == data


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_mean_nothing(
    server: Any, get: Get, fault: Any, data: bytes, name: str
) -> None:
    status, headers, match = ANSWERS[name]
    answers = [fault(status, headers)] * 15
    server.files["bad"] = b""

    class Always(list[Any]):
        """The same answer for the bad address, whatever the good one was asked."""

        def __bool__(self) -> bool:
            return server.requests[-1][0].startswith("/bad")

        def pop(self, _: Any = 0) -> Any:
            return answers[0]

    server.faults = Always()
    cheated(get, f"{server.address}/bad", f"{server.address}/data.bin", match, data)
    assert len([path for path, _ in server.requests if path.startswith("/bad")]) <= 2 * 11


def test_the_message_names_every_mirror(server: Any, get: Get, fault: Any) -> None:
    server.faults = [
        fault(302, {"Location": "http://[::1"}),
        fault(200, {"Content-Length": "-1"}),
        fault(404),
    ]
    mirrors = [f"{server.address}/{name}" for name in "abc"]
    with pytest.raises(FetchError) as caught:
        get(*mirrors)
    said = reasons(caught.value)
    assert [reason.partition(": ")[0] for reason in said] == mirrors
    assert all(f"  - {reason}" in str(caught.value).splitlines() for reason in said)


class Raw:
    """A server of bytes: every connection is handed to a function."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.serve, self.connections = serve, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:  # closed
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        try:
            with connection:
                self.serve(connection)
        except OSError:  # the client has gone, which is what is tested
            return


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], Raw]]:
    servers: list[Raw] = []

    def start(serve: Callable[[socket.socket], None]) -> Raw:
        servers.append(Raw(serve))
        return servers[-1]

    yield start
    for running in servers:
        running.listening.close()


def once(answer: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return serve


def dripping(start: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    return serve


OK = b"HTTP/1.1 200 OK\r\n"

CONNECTIONS: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "closes at once": (once(b""), r"cannot be reached: .* \(2 attempts\)"),
    "closes in a header": (once(OK + b"Content-Le"), "."),
    "answers no HTTP": (once(b"SSH-2.0-OpenSSH_9\r\n"), "cannot be reached"),
    "sends a header without end": (once(OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n"), "cannot be"),
    "sends headers without end": (once(OK + b"X: y\r\n" * 300 + b"\r\n"), "cannot be reached"),
    "drips a header": (dripping(OK + b"X: ", b"x"), r"too slow: less than 64 KiB in 0\.6 s"),
    "drips early hints": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "too slow"),
    "drips a body": (dripping(OK + b"Content-Length: 524288\r\n\r\n", b"x"), "too slow: less than"),
    "drips for ever": (dripping(OK + b"\r\n", b"x"), "too slow"),
    "drips chunks": (
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "too slow",
    ),
    "sends chunks of nonsense": (
        once(OK + b"Transfer-Encoding: chunked\r\n\r\nmany\r\nx"),
        "connection broke|cannot be",
    ),
    "sends two lengths": (once(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "Con"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONNECTIONS)
def test_connections_that_bring_nothing(
    server: Any, get: Get, data: bytes, raw: Callable[..., Raw], name: str
) -> None:
    serve, match = CONNECTIONS[name]
    bad = raw(serve)
    start = time.monotonic()
    address = f"http://127.0.0.1:{bad.port}/x"
    good = f"{server.address}/data.bin"
    cheated(get, address, good, match, data, timeout=0.3, size=SIZE)
    assert bad.connections <= 4
    assert time.monotonic() - start < 120  # those that drip would go on for hours


def test_a_body_without_end(
    server: Any,
    get: Get,
    data: bytes,
    raw: Callable[..., Raw],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No size is known: what may come is half of what the disk has left, and is thrown away."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    usage = shutil.disk_usage("/tmp")._replace(free=4 << 20)  # noqa: S108
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    bad = f"http://127.0.0.1:{raw(serve).port}/x"
    cheated(get, bad, f"{server.address}/data.bin", "sends more than 2 MiB, half of what", data)


def test_the_body_of_a_redirect_is_not_read(
    server: Any, get: Get, data: bytes, raw: Callable[..., Raw]
) -> None:
    """It may be without end, or unpack to gigabytes."""
    sent = [0]

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        place = f"Location: {server.address}/data.bin\r\n\r\n"
        connection.sendall(f"HTTP/1.1 302 Found\r\nContent-Length: {1 << 34}\r\n{place}".encode())
        while True:
            sent[0] += connection.send(b"x" * 65536)

    assert get(f"http://127.0.0.1:{raw(serve).port}/x").read_bytes() == data
    assert sent[0] < 64 << 20


def test_a_bomb_of_gzip_is_not_unpacked(
    server: Any, get: Get, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["bomb.gz"] = gzip.compress(bytes(1 << 24))
    server.headers_of["bomb.gz"] = {"Content-Encoding": "gzip"}
    monkeypatch.setattr("gzip.decompress", None)
    cheated(get, f"{server.address}/bomb.gz", f"{server.address}/data.bin", "compressed", data)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>log in", b"\xef\xbb\xbf\n <HTML>x"])
def test_a_page_that_is_called_a_file(server: Any, get: Get, data: bytes, page: bytes) -> None:
    server.files["page"] = page
    bad, good = f"{server.address}/page", f"{server.address}/data.bin"
    cheated(get, bad, good, "sends a web page instead of the file", data)
    assert sorted(path.name for path in get(good).parent.iterdir()) == ["data.bin"]


def test_a_name_that_no_server_has(server: Any, get: Get, data: bytes) -> None:
    good = f"{server.address}/data.bin"
    cheated(get, f"http://{'a' * 64}.org/x", good, "is no address that can be reached", data)
    get(good).unlink()
    cheated(get, "http://nowhere.invalid/x", good, "cannot be reached", data)


@pytest.mark.slow
def test_certificates_that_are_not_trusted(
    server: Any, get: Get, data: bytes, raw: Callable[..., Raw], tmp_path: Path
) -> None:
    good = f"{server.address}/data.bin"
    plain = good.replace("http:", "https:")
    cheated(get, plain, good, "cannot be trusted", data)
    (tmp_path / "in" / "data.bin").unlink()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out"
    made = subprocess.run(
        ["openssl", *words.split(), "certificate.pem"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl makes no certificate here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            once(OK + b"Content-Length: 1\r\n\r\nx")(wrapped)

    own = f"https://127.0.0.1:{raw(serve).port}/x"
    cheated(get, own, good, "cannot be trusted: .*self[- ]signed certificate", data)


@pytest.mark.parametrize("validator", ["none", "always the same", "always another"])
def test_a_line_that_breaks_and_a_file_that_is_another_end(
    server: Any, get: Get, data: bytes, raw: Callable[..., Raw], validator: str
) -> None:
    """Each attempt brings bytes, and each whole is wrong: attempts are counted all the same."""
    count = [0]

    def serve(connection: socket.socket) -> None:
        asked = connection.recv(65536).decode()
        count[0] += 1
        tag = {"none": "", "always the same": 'ETag: "1"\r\n'}.get(validator)
        tag = f'ETag: "{count[0]}"\r\n' if tag is None else tag
        start = int(asked.partition("Range: bytes=")[2].partition("-")[0] or 0)
        kind = f"206 Partial Content\r\nContent-Range: bytes {start}-{SIZE - 1}/{SIZE}"
        kind = kind if start else "200 OK"
        head = f"HTTP/1.1 {kind}\r\n{tag}Content-Length: {SIZE - start}\r\n\r\n"
        connection.sendall(head.encode() + b"w" * (SIZE - start if start else SIZE // 2))

    bad = raw(serve)
    sums = {"sha256": hashlib.sha256(data).hexdigest()}
    good = f"{server.address}/data.bin"
    cheated(
        get, f"http://127.0.0.1:{bad.port}/x", good, r"\(\d attempts\)|is not the", data, **sums
    )
    assert count[0] <= 8


def test_attempts_are_counted_though_each_brings_megabytes(
    get: Get, raw: Callable[..., Raw]
) -> None:
    def serve(connection: socket.socket) -> None:
        asked = connection.recv(65536).decode()
        start = int(asked.partition("Range: bytes=")[2].partition("-")[0] or 0)
        size = 1 << 40
        kind = f"206 Partial Content\r\nContent-Range: bytes {start}-{size - 1}/{size}"
        head = f'HTTP/1.1 {kind if start else "200 OK"}\r\nETag: "1"\r\n'
        connection.sendall(f"{head}Content-Length: {size - start}\r\n\r\n".encode())
        connection.sendall(b"x" * (2 << 20))

    bad = raw(serve)
    usage = shutil.disk_usage("/tmp")._replace(free=1 << 41)  # noqa: S108
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(FetchError, match=r"too early; .* \(4 attempts\)"):
            get(f"http://127.0.0.1:{bad.port}/x", retries=3)
    assert bad.connections == 4
