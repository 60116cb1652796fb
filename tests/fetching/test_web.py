"""Downloads from a server that misbehaves: what is asked again, what is given up, what is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ddpg.fetching import FetchError

Get = Callable[..., Path]


def hidden(target: Path) -> list[str]:
    """What lies beside the target."""
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_is_fetched_once_and_nothing_lies_beside_it(
    server: Any, get: Get, data: bytes, sums: dict[str, Any]
) -> None:
    target = get(**sums)
    assert target.read_bytes() == data
    assert get(**sums) == target
    assert len(server.requests) == 1
    assert server.requests[0][1]["Accept-Encoding"] == "identity"
    assert hidden(target) == []


@pytest.mark.parametrize("cuts", [[1], [100_000], [70_000, 0, 200_000]])
def test_truncated_bodies_are_continued(
    server: Any, get: Get, fault: Any, data: bytes, cuts: list[int]
) -> None:
    server.faults = [fault(cut=cut) for cut in cuts]
    assert get(retries=3).read_bytes() == data
    places = [0]
    for cut in cuts:
        places.append(places[-1] + cut)
    assert server.asked_ranges() == [f"bytes={p}-" if p else None for p in places]
    tag = f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324
    assert server.requests[-1][1]["If-Range"] == tag


@pytest.mark.slow
def test_a_stalled_connection_is_given_up_and_continued(
    server: Any, get: Get, fault: Any, data: bytes
) -> None:
    server.faults = [fault(cut=65536, then="stall")]
    start = time.monotonic()
    assert get(timeout=0.3).read_bytes() == data
    assert 0.3 <= time.monotonic() - start < 30  # and not when the server lets go
    assert server.asked_ranges() == [None, "bytes=65536-"]


@pytest.mark.slow
def test_a_server_that_always_stalls_is_named(server: Any, get: Get, fault: Any) -> None:
    server.faults = [fault(cut=0, then="stall")] * 2
    with pytest.raises(FetchError, match=r"was silent for 0\.2 s \(2 attempts\)"):
        get(retries=1, timeout=0.2)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 204, 304])
def test_some_statuses_are_final(server: Any, get: Get, fault: Any, status: int) -> None:
    server.faults = [fault(status, body=b"")]
    with pytest.raises(FetchError, match=f"answers {status}"):
        get()
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_some_statuses_pass(server: Any, get: Get, fault: Any, data: bytes, status: int) -> None:
    server.faults = [fault(status)] * 2
    assert get().read_bytes() == data
    server.faults = [fault(status)] * 9
    with pytest.raises(FetchError, match=rf"answers {status} .*\(3 attempts\)"):
        get(f"{server.address}/data.bin?other", sha256="0" * 64)
    assert len(server.requests) == 3 + 3


@pytest.mark.slow
def test_the_wait_that_a_server_asks_for_is_kept(
    server: Any, get: Get, fault: Any, data: bytes
) -> None:
    server.faults = [fault(429, {"Retry-After": "1"})]
    start = time.monotonic()
    assert get().read_bytes() == data
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize("wait", ["86400", "Fri, 31 Dec 2099 23:59:59 GMT"])
def test_a_wait_of_a_day_is_not(server: Any, get: Get, fault: Any, wait: str) -> None:
    server.faults = [fault(503, {"Retry-After": wait})]
    with pytest.raises(FetchError, match=r"503 Service Unavailable; it asks to wait \d+ s"):
        get()


def test_what_is_no_wait_is_ignored(server: Any, get: Get, fault: Any, data: bytes) -> None:
    server.faults = [fault(503, {"Retry-After": "soon"})]
    assert get().read_bytes() == data


def test_waits_grow(server: Any, get: Get, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append)  # the server goes on sleeping for real
    monkeypatch.setattr("ddpg.fetching.incoming.time", clock)
    server.faults = [fault(500)] * 5
    get(retries=5)
    assert waits == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16], rel=0.26)
    assert waits == sorted(waits)


def test_200_instead_of_206_begins_anew(server: Any, get: Get, fault: Any, data: bytes) -> None:
    server.faults = [fault(cut=100_000), fault(ignore_range=True)]
    assert get().read_bytes() == data
    assert server.asked_ranges() == [None, "bytes=100000-"]


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changes_is_not_glued(
    server: Any, get: Get, fault: Any, data: bytes, if_range: bool
) -> None:
    """With If-Range the server answers 200; one that does not know it is found out by its ETag."""
    old = b"o" * len(data)
    server.if_range = if_range
    server.faults = [fault(cut=100_000, body=old)]
    assert get().read_bytes() == data


def test_without_validator_and_checksum_nothing_is_continued(
    server: Any, get: Get, fault: Any, data: bytes
) -> None:
    server.validators = False
    server.faults = [fault(cut=100_000)]
    assert get().read_bytes() == data
    assert server.asked_ranges() == [None, None]


def test_weak_tags_are_no_validators(server: Any, get: Get, fault: Any, data: bytes) -> None:
    server.validators, server.headers = False, {"ETag": 'W/"1"'}
    server.faults = [fault(cut=100_000)]
    assert get().read_bytes() == data
    assert server.asked_ranges() == [None, None]


def test_a_date_is_a_validator(server: Any, get: Get, fault: Any, data: bytes) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    server.validators, server.if_range, server.headers = False, False, {"Last-Modified": date}
    server.faults = [fault(cut=100_000)]
    assert get().read_bytes() == data
    assert server.requests[1][1]["If-Range"] == date


def test_with_a_checksum_bytes_are_continued_without_validator(
    server: Any, get: Get, fault: Any, data: bytes, sums: dict[str, Any]
) -> None:
    server.validators = False
    server.faults = [fault(cut=100_000)]
    assert get(**sums).read_bytes() == data
    assert server.asked_ranges() == [None, "bytes=100000-"]


def test_glued_bytes_are_found_out_by_the_checksum_and_fetched_anew(
    server: Any, get: Get, fault: Any, data: bytes, sums: dict[str, Any]
) -> None:
    server.validators = False
    server.faults = [fault(cut=100_000, body=b"o" * len(data))]
    target = get(**sums)
    assert target.read_bytes() == data
    assert server.asked_ranges() == [None, "bytes=100000-", None]
    assert hidden(target) == []


def test_another_mirror_continues_what_one_began(
    server: Any, get: Get, fault: Any, data: bytes, sums: dict[str, Any]
) -> None:
    server.files["second.bin"] = data
    server.faults = [fault(cut=100_000), fault(404)]
    mirrors = (f"{server.address}/data.bin", f"{server.address}/second.bin")
    assert get(*mirrors, **sums).read_bytes() == data
    assert [path for path, _ in server.requests] == ["/data.bin", "/data.bin", "/second.bin"]
    assert server.asked_ranges()[-1] == "bytes=100000-"
    assert "If-Range" not in server.requests[-1][1]  # that tag is the first mirror's


def test_joined_bytes_are_not_continued_once_the_checksum_is_gone(
    server: Any, get: Get, fault: Any, data: bytes, sums: dict[str, Any]
) -> None:
    """What came from two mirrors may be of two versions, whatever the second calls its own."""
    server.files["other.bin"] = bytes(len(data))
    first, second = f"{server.address}/other.bin", f"{server.address}/data.bin"
    server.faults = [fault(cut=100_000), fault(cut=100_000)]
    with pytest.raises(FetchError):
        get(first, second, retries=0, **sums)
    assert server.asked_ranges() == [None, "bytes=100000-"]
    server.requests.clear()
    assert get(second, retries=0).read_bytes() == data
    assert server.asked_ranges() == [None]


def test_without_checksum_another_mirror_begins_anew(
    server: Any, get: Get, fault: Any, data: bytes
) -> None:
    server.files["second.bin"] = data
    server.faults = [fault(cut=100_000), fault(404)]
    assert get(f"{server.address}/data.bin", f"{server.address}/second.bin").read_bytes() == data
    assert server.asked_ranges()[-1] is None


def test_a_complete_partial_file_is_not_asked_for_again(
    server: Any, get: Get, fault: Any, data: bytes, tmp_path: Path
) -> None:
    server.faults = [fault(cut=100_000), fault(404)]
    with pytest.raises(FetchError):
        get()
    partial = tmp_path / "in" / ".data.bin.partial"
    assert partial.read_bytes() == data[:100_000]
    partial.write_bytes(data)  # killed just before it got its name
    server.requests.clear()
    assert get().read_bytes() == data
    assert server.requests == []


@pytest.mark.parametrize("rest", [b"", b"more"])
def test_416_means_complete_or_another_file(
    server: Any, get: Get, data: bytes, tmp_path: Path, rest: bytes
) -> None:
    (tmp_path / "in").mkdir()
    tag = f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324
    notes = {
        "mirror": f"{server.address}/data.bin",
        "validator": tag,
    }  # how long it is was not said
    (tmp_path / "in" / ".data.bin.partial").write_bytes(data + rest)
    (tmp_path / "in" / ".data.bin.partial.json").write_text(json.dumps(notes))
    assert get().read_bytes() == data
    asked = f"bytes={len(data + rest)}-"
    assert server.asked_ranges() == ([asked, None] if rest else [asked])


def test_a_partial_file_without_notes_is_not_trusted(
    server: Any, get: Get, data: bytes, sums: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for notes in ("", "[1]", "not json", json.dumps({"who": "me"})):
        (tmp_path / "in" / ".data.bin.partial").write_bytes(b"x" * 1000)
        (tmp_path / "in" / ".data.bin.partial.json").write_text(notes)
        assert get(**sums).read_bytes() == data
        (tmp_path / "in" / "data.bin").unlink()
    assert set(server.asked_ranges()) == {None}


def test_without_length_the_size_of_the_card_tells_a_truncated_body(
    server: Any, get: Get, fault: Any, data: bytes, sums: dict[str, Any]
) -> None:
    server.lengths = False
    server.faults = [fault(cut=100_000)]
    assert get(**sums).read_bytes() == data
    assert server.asked_ranges() == [None, "bytes=100000-"]


def test_another_size_is_refused_before_the_download(
    server: Any, get: Get, data: bytes, tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match=rf"offers {len(data)} bytes, expected 7"):
        get(size=7)
    assert list((tmp_path / "in").iterdir()) == []
    server.lengths = False
    with pytest.raises(FetchError, match="sends more than the expected 7 bytes"):
        get(size=7)


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8"])
def test_a_web_page_is_not_the_file(server: Any, get: Get, kind: str) -> None:
    server.headers = {"Content-Type": kind}
    with pytest.raises(FetchError, match="a web page instead of the file"):
        get()


def test_what_is_compressed_on_the_way_is_another_file(server: Any, get: Get) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(FetchError, match=r"compressed \(gzip\), though this was not asked for"):
        get()


def test_redirects_are_followed(server: Any, get: Get, fault: Any, data: bytes) -> None:
    server.faults = [
        fault(302, {"Location": "/elsewhere"}),
        fault(307, {"Location": f"{server.address}/data.bin"}),
    ]
    assert get().read_bytes() == data
    assert [path for path, _ in server.requests] == ["/data.bin", "/elsewhere", "/data.bin"]


def test_redirects_in_a_circle_end(server: Any, get: Get, fault: Any) -> None:
    server.faults = [fault(302, {"Location": "/data.bin"})] * 50
    with pytest.raises(FetchError, match="redirects again and again"):
        get()
    assert len(server.requests) == 11


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://a"])
def test_redirects_to_anything_but_the_web_are_refused(
    server: Any, get: Get, fault: Any, place: str
) -> None:
    server.faults = [fault(302, {"Location": place})]
    with pytest.raises(FetchError, match=f"redirects to {place}, which is neither http nor https"):
        get()


def test_no_room_on_the_disk(
    get: Get, data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FetchError, match=rf"{len(data)} bytes \(512 KiB\) are needed, 1000 bytes"):
        get()
    assert not (tmp_path / "in" / "data.bin").exists()


def test_only_what_is_missing_needs_room(
    server: Any, get: Get, fault: Any, data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.faults = [fault(cut=len(data) - 900), fault(404)]
    with pytest.raises(FetchError):
        get()
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert get().read_bytes() == data


@pytest.mark.slow
def test_a_server_that_comes_back(get: Get) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]

    def open_later() -> None:
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as listening:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
            connection.close()

    thread = threading.Thread(target=open_later)
    thread.start()
    target = get(f"http://127.0.0.1:{port}/data.bin", retries=9)
    thread.join()
    assert target.read_bytes() == b"yes"


def test_a_dead_address_in_one_line(get: Get) -> None:
    with pytest.raises(
        FetchError, match=r"http://127\.0\.0\.1:9/x: cannot be reached: Connection refused"
    ):
        get("http://127.0.0.1:9/x", retries=0)
    with pytest.raises(FetchError, match=r"nowhere\.invalid/x: cannot be reached: .*(resol|known)"):
        get("http://nowhere.invalid/x", retries=0)


def test_passwords_are_not_shown(server: Any, get: Get) -> None:
    with pytest.raises(FetchError) as caught:
        get(server.address.replace("http://", "http://me:secret@") + "/nothing")
    assert "secret" not in str(caught.value)
    assert server.requests[0][1]["Authorization"].startswith("Basic ")


def test_proxies_are_those_of_the_environment(
    server: Any, get: Get, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    server.files["http://far.invalid/data.bin"] = data
    assert get("http://far.invalid/data.bin").read_bytes() == data


def test_the_bar_is_silent_without_a_terminal(get: Get, capfd: pytest.CaptureFixture[str]) -> None:
    get()
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_bytes_on_a_terminal(
    get: Get, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    get()
    assert "data.bin: 100%" in capsys.readouterr().err
