"""What is known, found, pinned, kept aside and said, whatever brings the bytes."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.fetching import FetchError, Remote, fetch
from ddpg.fetching.checks import HEADER, Sums, pin
from ddpg.fetching.remote import PublishedFile

Get = Callable[..., Path]


def sha256(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_unknown_checksum_is_pinned_and_then_enforced(
    server: Any, get: Get, data: bytes, tmp_path: Path
) -> None:
    target = get()
    pins = tmp_path / "pins.yaml"
    assert pins.read_text() == f"{HEADER}data:\n  sha256: {sha256(data)}\n  size: {len(data)}\n"
    target.unlink()
    server.files["data.bin"] = b"x" * len(data)
    with pytest.raises(FetchError) as caught:
        get()
    message = str(caught.value)
    assert sha256(data) in message
    assert sha256(b"x" * len(data)) in message
    assert f"remove the entry 'data' from {pins} to accept another file" in message
    assert names(target.parent) == ["data.bin.sha256-mismatch"]
    pins.write_text(HEADER)
    assert get().read_bytes() == b"x" * len(data)


def test_a_known_checksum_is_not_pinned(get: Get, sums: dict[str, Any], tmp_path: Path) -> None:
    get(**sums)
    assert not (tmp_path / "pins.yaml").exists()


def test_bad_downloads_are_kept_aside_under_numbered_names(
    server: Any, get: Get, sums: dict[str, Any], tmp_path: Path
) -> None:
    for contents in (b"first", b"second", b"second", b"first"):
        server.files["data.bin"] = contents
        with pytest.raises(FetchError, match="is not the expected file") as caught:
            get(sha256=sums["sha256"])
        assert sha256(contents) in str(caught.value)
        assert sums["sha256"] in str(caught.value)
        assert "write its size and sha256 into the card" in str(caught.value)
    aside = "data.bin.sha256-mismatch"
    assert names(tmp_path / "in") == [aside, f"{aside}-1"]  # the same bytes are not kept twice
    assert (tmp_path / "in" / aside).read_bytes() == b"first"
    assert (tmp_path / "in" / f"{aside}-1").read_bytes() == b"second"


def test_the_next_mirror_makes_up_for_a_wrong_file(
    server: Any, get: Get, data: bytes, sums: dict[str, Any]
) -> None:
    server.files["wrong.bin"] = b"w" * len(data)
    target = get(f"{server.address}/wrong.bin", f"{server.address}/data.bin", **sums)
    assert target.read_bytes() == data
    assert names(target.parent) == ["data.bin", "data.bin.sha256-mismatch"]


def test_a_file_that_is_there_is_verified_and_pinned(server: Any, get: Get, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.bin").write_bytes(b"by hand")
    assert get().read_bytes() == b"by hand"
    assert yaml.safe_load((tmp_path / "pins.yaml").read_text())["data"]["size"] == 7
    assert server.requests == []


def test_a_wrong_file_that_is_there_is_not_lost(
    get: Get, data: bytes, sums: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.bin").write_bytes(b"mine")
    assert get(**sums).read_bytes() == data
    assert (tmp_path / "in" / "data.bin.sha256-mismatch").read_bytes() == b"mine"
    assert "it is kept as" in caplog.text
    with pytest.raises(FetchError, match=r"kept as .*data\.bin\.sha256-mismatch-1"):
        get("http://127.0.0.1:9/", sha256="0" * 64, retries=0)


def test_a_folder_in_the_place_of_the_file(get: Get, tmp_path: Path) -> None:
    (tmp_path / "in" / "data.bin").mkdir(parents=True)
    with pytest.raises(FetchError, match="is a folder, where the file"):
        get()


def test_a_link_to_nothing_gives_way(get: Get, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.bin").symlink_to(tmp_path / "gone")
    assert get().read_bytes() == data


@pytest.mark.parametrize("how", ["path", "environment"])
def test_a_local_file_overrides_the_mirrors(
    server: Any,
    get: Get,
    data: bytes,
    sums: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    local = tmp_path / "mine.bin"
    local.write_bytes(data)
    monkeypatch.setenv("HERE", str(local) if how == "environment" else "")
    fields = {"environment": "HERE", "path": str(local) if how == "path" else "/nowhere", **sums}
    target = get(**fields)
    assert target.is_symlink()
    assert target.samefile(local)
    assert get(**fields) == target
    assert server.requests == []
    local.write_bytes(b"other")
    with pytest.raises(FetchError, match=r"mine\.bin \(.*\) is not the expected file") as caught:
        get(**fields)
    assert sha256(b"other") in str(caught.value)
    assert local.read_bytes() == b"other"  # where it was


def test_a_variable_may_name_the_folder_of_the_file(
    get: Get, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", str(tmp_path))
    with pytest.raises(FetchError, match=r"variable HERE names this folder, .* no data\.bin"):
        get(environment="HERE")
    (tmp_path / "data.bin").write_bytes(data)
    assert get(environment="HERE").samefile(tmp_path / "data.bin")


def test_an_override_that_does_not_exist_names_itself(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "/nowhere")
    with pytest.raises(FetchError, match=r"data\.bin: .* variable HERE says '/nowhere', which do"):
        get(environment="HERE")
    with pytest.raises(FetchError, match="the card's path says '/other'"):
        get(path="/other")


def test_an_override_is_copied_where_links_are_impossible(
    get: Get, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (tmp_path / "mine.bin").write_bytes(data)
    target = get(path=str(tmp_path / "mine.bin"))
    assert not target.is_symlink()
    assert target.read_bytes() == data
    assert names(target.parent) == ["data.bin"]


def test_a_named_file_may_be_the_target_itself(get: Get, data: bytes) -> None:
    target = get()
    assert get(path=str(target)).read_bytes() == data
    assert not target.is_symlink()


def test_another_named_file_replaces_a_link_but_keeps_a_file(get: Get, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode())
        (tmp_path / "pins.yaml").unlink(missing_ok=True)
        assert get(path=str(tmp_path / name)).read_bytes() == name.encode()
    assert (tmp_path / "one").read_bytes() == b"one"
    assert names(tmp_path / "in") == ["data.bin"]
    (tmp_path / "in" / "data.bin").unlink()
    (tmp_path / "in" / "data.bin").write_bytes(b"a real file")
    assert get(path=str(tmp_path / "two")).read_bytes() == b"two"
    assert (tmp_path / "in" / "data.bin.sha256-mismatch").read_bytes() == b"a real file"


def test_one_message_says_everything(get: Get, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        get("http://127.0.0.1:9/a", "http://127.0.0.1:9/b", size=12, environment="HERE", retries=0)
    target = tmp_path / "in" / "data.bin"
    refused = "cannot be reached: Connection refused"
    assert str(caught.value).splitlines() == [
        f"data.bin: cannot be fetched to {target}; it was looked for at",
        f"  - http://127.0.0.1:9/a: {refused}",
        f"  - http://127.0.0.1:9/b: {refused}",
        "  expected: 12 bytes, sha256 unknown",
        f"  by hand: put the file at {target}, or set the environment variable HERE to the path "
        "of the file",
    ]
    assert isinstance(caught.value, UserError)
    assert caught.value.reasons[1] == f"http://127.0.0.1:9/b: {refused}"


def test_a_card_without_address(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"no address is known[\s\S]*put the file at .*/t, or wr"):
        fetch(Remote("t"), tmp_path / "t", pins=None)


def test_a_prefix_of_the_checksum(get: Get, data: bytes, tmp_path: Path) -> None:
    assert get(prefix=sha256(data)[:8]).read_bytes() == data
    get().unlink()
    (tmp_path / "pins.yaml").unlink()
    with pytest.raises(FetchError, match="expected any size, a sha256 that begins with 00000000"):
        get(prefix="00000000")


def test_a_folder_that_cannot_be_written(get: Get, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a file")
    with pytest.raises(FetchError, match=r"data\.bin: .*/in: File exists"):
        get()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_verified_file_in_a_read_only_folder_is_good(get: Get, sums: dict[str, Any]) -> None:
    target = get(**sums)
    target.parent.chmod(0o555)
    try:
        assert get(**sums) == target
    finally:
        target.parent.chmod(0o755)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"file": "a/b"}, "file\n.* should match pattern"),
        ({"file": ".."}, "file\n.* should match pattern"),
        ({"file": ""}, "file\n.* should match pattern"),
        ({"file": "a\nb"}, "plain file name"),
        ({"file": " a"}, "plain file name"),
        ({"file": "a\\b"}, "file\n.* should match pattern"),
        ({"file": "x" * 201}, "at most 200 bytes"),
        ({"mirrors": ("file:///etc/passwd",)}, r"should match pattern '\^\(https\?\|doi\|gdrive\|"),
        ({"mirrors": ("/local/path",)}, "mirrors.0\n.* should match pattern"),
        ({"mirrors": ("http://",)}, "must name a server"),
        ({"mirrors": ("http://[::1",)}, r"must name a server.*input_value='http://\[::1'"),
        ({"mirrors": ("http://a:99999/b",)}, "must name a server"),
        ({"mirrors": ("ftp://a/b",)}, "mirrors.0\n.* should match pattern .*input_value='ftp"),
        ({"mirrors": ("sftp://a/b",)}, "mirrors.0\n.* should match pattern .*input_value='sftp"),
        ({"mirrors": ("gdrive:a/b",)}, "id of Google Drive"),
        ({"size": -1}, "greater than or equal to 1"),
        ({"sha256": "123"}, r"sha256\n.* should match pattern '\^\[0-9a-f\]\{64\}"),
        ({"prefix": "XYZ"}, r"prefix\n.* should match pattern '\^\[0-9a-f\]"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_remotes(fields: dict[str, Any], message: str) -> None:
    kind = PublishedFile if "prefix" in fields else Remote
    with pytest.raises(ValueError, match=message):
        kind(**{"file": "a", **fields})


def test_a_checksum_in_capitals_is_the_same(get: Get, data: bytes) -> None:
    assert get(sha256=sha256(data).upper()).read_bytes() == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "must hold a mapping"),
        ("a: [", "is not valid YAML"),
        ("a: 1", "a: must hold sha256 and size"),
        ("a: {sha256: abc, size: 1}", "a: sha256 must be 64"),
        ("a: {sha256: abc, size: x}", "a: must hold sha256 and size"),
    ],
)
def test_spoilt_pins_name_file_and_key(get: Get, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pins.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"pins\.yaml: {message}"):
        get()


def _pin_many(pins: Path, worker: int) -> None:
    for number in range(5):
        pin(pins, f"key-{worker}-{number}", Sums(number, f"{worker:064x}"))
        pin(pins, "shared", Sums(worker, f"{worker:064x}"))


@pytest.mark.slow
def test_many_processes_pin_at_once(tmp_path: Path) -> None:
    pins = tmp_path / "sub" / "pins.yaml"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_pin_many, args=(pins, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    written = yaml.safe_load(pins.read_text())
    assert len(written) == 21
    assert list(written) == sorted(written)
    assert names(pins.parent) == ["pins.yaml"]
    first = Sums(written["shared"]["size"], written["shared"]["sha256"])
    assert pin(pins, "shared", Sums(99, "9" * 64)) == first


def test_who_loses_the_race_for_a_pin_is_told(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another job pins other bytes between our look at the pins and our download."""
    from ddpg.fetching.web import Download

    real = Download.attempt

    def slow(download: Download) -> None:
        real(download)
        pin(tmp_path / "pins.yaml", "data", Sums(5, "5" * 64))

    monkeypatch.setattr(Download, "attempt", slow)
    with pytest.raises(FetchError, match=rf"expected 5 bytes, sha256 {'5' * 64}"):
        get()
    assert names(tmp_path / "in") == ["data.bin.sha256-mismatch"]


def test_who_waits_for_another_process_says_so(
    get: Get, data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    from ddpg.files.locking import locked

    caplog.set_level(logging.INFO)
    held, end = threading.Event(), time.monotonic() + 300

    def hold() -> None:
        with locked(tmp_path / "in" / "data.bin"):
            held.set()
            while "waiting" not in caplog.text and time.monotonic() < end:
                time.sleep(0.01)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert get().read_bytes() == data
    thread.join()
    assert "another process is at it; waiting" in caplog.text


def test_cards_of_both_kinds_describe_a_file_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    from ddpg.datasets.cards import Source
    from ddpg.priors.cards.fields import WeightsEntry

    monkeypatch.setenv("HOME", "/home/me")
    content = {"file": "my file.pt", "mirrors": ["gdrive:1a"], "sha256": "AB" * 32, "path": "~/x"}
    weights, remote = WeightsEntry(**content), Source(remote=content).remote
    assert isinstance(weights, Remote)
    assert isinstance(remote, Remote)
    fields = {**content, "mirrors": ("gdrive:1a",), "sha256": "ab" * 32, "path": "/home/me/x"}
    for name, value in fields.items():
        assert getattr(weights, name) == getattr(remote, name) == value
