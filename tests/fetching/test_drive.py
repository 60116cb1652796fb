"""Google Drive: the real gdown, whose requests to google.com go to our own server."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from ddpg.fetching import FetchError, Remote, drive, fetch_folder
from ddpg.fetching.checks import measure_folder

Get = Callable[..., Path]

FILE = "A" * 28
FOLDER = "F" * 33
DOWNLOAD = f"drive.google.com/uc?id={FILE}"
CONFIRMED = f"drive.usercontent.google.com/download?id={FILE}&confirm=t&uuid=12"
PAGE = {"Content-Type": "text/html; charset=utf-8"}

SCAN_PAGE = b"""<html><body><p>Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">\
<input type="hidden" name="id" value="AAAAAAAAAAAAAAAAAAAAAAAAAAAA">\
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="12"></form>
</body></html>"""
QUOTA_PAGE = b"""<html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>
</body></html>"""


@pytest.fixture(autouse=True)
def google(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Send what is meant for Google to our server: ``https://HOST/PATH`` to ``/HOST/PATH``."""
    real = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, **options: Any) -> requests.Response:
        parts = urlsplit(request.url)
        if parts.hostname and parts.hostname.endswith("google.com"):
            request.url = f"{server.address}/{request.url.removeprefix('https://')}"
        return real(self, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    offer(server, FILE, "data.bin", server.files["data.bin"])


@pytest.fixture
def large(server: Any, data: bytes) -> bytes:
    """A file of several of the blocks of 512 KiB that gdown writes."""
    server.files[DOWNLOAD] = 4 * data
    return 4 * data


def offer(server: Any, file_id: str, name: str, contents: bytes) -> str:
    """A file of Google Drive that is handed out at once."""
    path = f"drive.google.com/uc?id={file_id}"
    server.files[path] = contents
    server.headers_of[path] = attachment(name)
    return path


def attachment(name: str) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def paths(server: Any) -> list[str]:
    return [path.lstrip("/") for path, _ in server.requests]


def test_a_small_file(server: Any, get: Get, data: bytes, tmp_path: Path) -> None:
    target = get(f"gdrive:{FILE}")
    assert target.read_bytes() == data
    assert paths(server) == [DOWNLOAD]
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]
    assert yaml.safe_load((tmp_path / "pins.yaml").read_text())["data"]["size"] == len(data)
    assert not (tmp_path / "home").exists()  # no cookies are left in the home folder


def test_a_large_file_behind_the_page_about_viruses(server: Any, get: Get, data: bytes) -> None:
    server.files[DOWNLOAD], server.headers_of[DOWNLOAD] = SCAN_PAGE, PAGE
    server.files[CONFIRMED], server.headers_of[CONFIRMED] = data, attachment("data.bin")
    assert get(f"gdrive:{FILE}").read_bytes() == data
    assert paths(server) == [DOWNLOAD, CONFIRMED]


@pytest.mark.parametrize(
    ("page", "meaning"),
    [
        (QUOTA_PAGE, "its download quota is used up"),
        (b"<html>You need access</html>", "no public download: it is gone, not shared"),
    ],
)
def test_pages_instead_of_the_file(
    server: Any, get: Get, data: bytes, page: bytes, meaning: str, tmp_path: Path
) -> None:
    server.files[DOWNLOAD], server.headers_of[DOWNLOAD] = page, PAGE
    with pytest.raises(FetchError, match=meaning) as caught:
        get(f"gdrive:{FILE}", environment="HERE")
    (reason,) = caught.value.reasons
    assert reason.startswith(f"gdrive:{FILE}: ")
    assert "set the environment variable HERE" in str(caught.value)
    assert not (tmp_path / "pins.yaml").exists()
    assert get(f"gdrive:{FILE}", f"{server.address}/data.bin").read_bytes() == data


@pytest.mark.slow
def test_pages_without_end(server: Any, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """The confirmation leads to itself; gdown alone would follow it for ever."""
    for path in (DOWNLOAD, CONFIRMED):
        server.files[path], server.headers_of[path] = SCAN_PAGE, PAGE
    monkeypatch.setattr(drive, "MARGIN", 0.1)
    with pytest.raises(FetchError, match="sends pages, but never the file"):
        get(f"gdrive:{FILE}", retries=0, timeout=0.2)


def test_google_cannot_be_reached(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(FetchError, match=f"gdrive:{FILE}: cannot be reached: no network"):
        get(f"gdrive:{FILE}", retries=0)


@pytest.mark.slow
def test_a_truncated_file_is_continued(server: Any, get: Get, fault: Any, large: bytes) -> None:
    server.faults = [fault(cut=1_200_000)]
    assert get(f"gdrive:{FILE}").read_bytes() == large
    assert server.asked_ranges() == [None, f"bytes={1 << 20}-"]


@pytest.mark.parametrize("known", [True, False])
def test_a_later_run_continues_only_what_a_checksum_will_verify(
    server: Any, get: Get, fault: Any, large: bytes, known: bool
) -> None:
    fields = {"sha256": hashlib.sha256(large).hexdigest()} if known else {}
    server.faults = [fault(cut=1_200_000)]
    with pytest.raises(FetchError, match="Download is incomplete"):
        get(f"gdrive:{FILE}", retries=0, **fields)
    server.requests.clear()
    target = get(f"gdrive:{FILE}", retries=0, **fields)
    assert target.read_bytes() == large
    assert server.asked_ranges()[-1] == (f"bytes={1 << 20}-" if known else None)
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]


def test_bytes_of_two_versions_are_found_out(
    server: Any, get: Get, fault: Any, large: bytes
) -> None:
    digest = hashlib.sha256(large).hexdigest()
    server.faults = [fault(cut=1_200_000, body=b"o" * len(large))]
    with pytest.raises(FetchError):
        get(f"gdrive:{FILE}", retries=0, sha256=digest)
    target = get(f"gdrive:{FILE}", retries=0, sha256=digest)
    assert target.read_bytes() == large
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]


def test_another_size_is_refused_at_once(get: Get, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=f"offers {len(data)} bytes, expected 7"):
        get(f"gdrive:{FILE}", size=7)
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.usefixtures("large")
def test_no_room(get: Get, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FetchError, match="are needed, 1000 bytes"):
        get(f"gdrive:{FILE}")


def test_a_folder_is_no_file(get: Get) -> None:
    with pytest.raises(FetchError, match="is a folder, where a file is wanted"):
        get(f"gdrive-folder:{FOLDER}")


def listing(
    server: Any, folder_id: str, entries: list[tuple[str, str, str]], title: str = "pictures"
) -> None:
    """The page that lists a folder."""
    links = {
        "file": "https://drive.google.com/file/d/{}/view?usp=drive_web",
        "folder": "https://drive.google.com/drive/folders/{}",
    }
    rows = "".join(f'<a href="{links[k].format(i)}">{name}</a>' for k, i, name in entries)
    path = f"drive.google.com/embeddedfolderview?id={folder_id}"
    page = f"<html><head><title>{title}</title></head><body>{rows}</body></html>"
    server.files[path], server.headers_of[path] = page.encode(), PAGE


@pytest.fixture
def folder(server: Any) -> dict[str, bytes]:
    """A shared folder with a subfolder; path -> contents."""
    contents = {"list.txt": b"a 1\n", "val/a.png": b"A" * 500, "val/b.png": b"B" * 500}
    ids = {name: letter * 28 for name, letter in zip(contents, "LMN", strict=True)}
    sub = "S" * 33
    listing(server, FOLDER, [("file", ids["list.txt"], "list.txt"), ("folder", sub, "val")])
    pictures = [name for name in contents if "/" in name]
    listing(server, sub, [("file", ids[n], n.removeprefix("val/")) for n in pictures], "val")
    for name, data in contents.items():
        offer(server, ids[name], Path(name).name, data)
    return contents


def get_folder(tmp_path: Path, **fields: Any) -> Path:
    remote = Remote("pictures", (f"gdrive-folder:{FOLDER}",), **fields)
    options: dict[str, Any] = {"retries": 0, "timeout": 1, "backoff": 0}
    return fetch_folder(remote, tmp_path / "in" / "set", pins=tmp_path / "pins.yaml", **options)


def inside(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_folder_is_fetched_pinned_and_enforced(
    server: Any, folder: dict[str, bytes], tmp_path: Path
) -> None:
    target = get_folder(tmp_path)
    assert inside(target) == folder
    lines = [f"{hashlib.sha256(v).hexdigest()}  {k}\n" for k, v in sorted(folder.items())]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert yaml.safe_load((tmp_path / "pins.yaml").read_text()) == {
        "pictures": {"sha256": digest, "size": 1004}
    }
    asked = len(server.requests)
    assert get_folder(tmp_path) == target
    assert len(server.requests) == asked
    (target / "val" / "b.png").write_bytes(b"changed")
    assert inside(get_folder(tmp_path)) == folder
    assert inside(tmp_path / "in" / "set.sha256-mismatch")["val/b.png"] == b"changed"


def test_a_folder_is_continued_file_by_file(
    server: Any, folder: dict[str, bytes], tmp_path: Path
) -> None:
    last = f"drive.google.com/uc?id={'N' * 28}"
    contents = server.files[last]
    server.files[last], server.headers_of[last] = QUOTA_PAGE, PAGE
    with pytest.raises(FetchError, match=r"gdrive-folder:F+: val/b\.png in it: its download quota"):
        get_folder(tmp_path)
    assert not (tmp_path / "in" / "set").exists()
    offer(server, "N" * 28, "b.png", contents)
    server.requests.clear()
    assert inside(get_folder(tmp_path)) == folder
    files = [path for path in paths(server) if "/uc?" in path]
    assert files == [last]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "is empty, or not shared"),
        ([("file", "L" * 28, "A.png"), ("file", "M" * 28, "a.png")], "would overwrite"),
        ([("file", "L" * 28, "a\x07.png")], "control characters"),
    ],
)
def test_folders_that_cannot_be_stored(
    server: Any, tmp_path: Path, entries: list[tuple[str, str, str]], message: str
) -> None:
    listing(server, FOLDER, entries)
    with pytest.raises(FetchError, match=message):
        get_folder(tmp_path)


def test_a_folder_that_is_not_shared(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no public download"):
        get_folder(tmp_path)


def test_a_local_copy_of_the_folder_is_verified(
    folder: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, contents in folder.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(contents)
    (tmp_path / "mine" / ".DS_Store").write_bytes(b"noise")
    monkeypatch.setenv("HERE", str(tmp_path / "mine"))
    digest = measure_folder(tmp_path / "mine").sha256
    assert get_folder(tmp_path, sha256=digest, environment="HERE").samefile(tmp_path / "mine")
    with pytest.raises(FetchError, match=rf"variable HERE\) is not the expected .*{digest}"):
        get_folder(tmp_path, sha256="0" * 64, environment="HERE")
