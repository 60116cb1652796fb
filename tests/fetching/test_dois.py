"""DOIs, with the answers of pooch faked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import pytest
import requests

from ddpg.fetching import FetchError

Get = Callable[..., Path]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("Invalid DOI"), "doi:10.5281/zenodo.1/data.bin: Invalid DOI"),
        (requests.ConnectionError("no network"), "cannot be reached: no network"),
        (KeyError("files"), "doi:10.5281/zenodo.1/data.bin: 'files'"),
    ],
)
def test_dois(
    server: Any,
    get: Get,
    fault: Any,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    """Pooch asks doi.org and Zenodo, which are not here: only what it says or raises is tried."""
    outcomes: list[Exception | None] = [error, None]

    class Repository:
        def download_url(self, name: str) -> str:
            assert name == "data.bin"
            return f"{server.address}/data.bin"

    def asked(doi: str, **_: object) -> Repository:
        assert doi == "10.5281/zenodo.1"
        if outcome := outcomes.pop(0):
            raise outcome
        return Repository()

    monkeypatch.setattr(pooch.downloaders, "doi_to_repository", asked)
    with pytest.raises(FetchError, match=message):
        get("doi:10.5281/zenodo.1/data.bin", retries=0)
    server.faults = [fault(cut=100_000)]  # what is behind a DOI is continued like all else
    outcomes.append(None)
    assert get("doi:10.5281/zenodo.1/data.bin").read_bytes() == data
    assert server.asked_ranges() == [None, "bytes=100000-"]
