"""Fetching a prior's checkpoint: by address, from this machine, or not at all."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ddpg.cli import main
from ddpg.errors import UserError
from ddpg.priors import load_prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.checkpoints.conversion import random_checkpoint
from ddpg.priors.checkpoints.fetching import check_given, fetch_checkpoint, obtain
from ddpg.priors.checkpoints.records import read_record

NETWORK = {
    "kind": "ddpm_unet",
    "image_size": 16,
    "channels": 32,
    "multipliers": [1],
    "blocks": 1,
    "attention_resolutions": [],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the folder ``served``."""
    (tmp_path / "served").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def card(folder: Path, **weights: Any) -> Path:
    """A card in a folder, with the fields of its weights."""
    fields = {
        "name": "own",
        "architecture": NETWORK,
        "weights": {"file": "net.pt", **weights},
        "schedule": {"kind": "linear"},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(fields))
    return folder / "own.yaml"


def drawn(folder: Path, seed: int = 0) -> str:
    """Put a checkpoint in a folder, and give its checksum."""
    random_checkpoint(read_card(card(folder)), "weights", folder / "net.pt", seed=seed)
    return hashlib.sha256((folder / "net.pt").read_bytes()).hexdigest()


@pytest.mark.slow
def test_from_an_address_pinned_and_loaded(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    digest = drawn(tmp_path / "served")
    path = card(tmp_path, mirrors=[f"{server}/absent.pt", f"{server}/net.pt"])
    output = Path("resources/checkpoints/own/net.pt")
    which = ["--prior", str(path), "--part", "weights"]
    assert (
        main(["job", "fetch-checkpoint", *which, "--pins", "pins.yaml", "--output", str(output)])
        == 0
    )
    assert hashlib.sha256(output.read_bytes()).hexdigest() == digest
    assert digest in Path("pins.yaml").read_text()
    assert load_prior(path).eps(torch.zeros(1, 3, 8, 8), 3).shape == (1, 3, 8, 8)
    # Another file under the same address is refused from now on.
    drawn(tmp_path / "served", seed=1)
    output.unlink()
    with pytest.raises(UserError, match=digest):
        fetch_checkpoint(path, "weights", output, pins=Path("pins.yaml"))
    assert not output.exists()


@pytest.mark.slow
def test_the_cards_checksum_is_enforced(tmp_path: Path, server: str) -> None:
    digest = drawn(tmp_path / "served")
    path = card(tmp_path, mirrors=[f"{server}/net.pt"], sha256="0" * 64)
    output = tmp_path / "out.pt"
    with pytest.raises(UserError) as caught:
        fetch_checkpoint(path, "weights", output, pins=tmp_path / "pins.yaml")
    assert digest in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert not output.exists()


def test_a_file_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    digest = drawn(tmp_path / "below")
    output, pins = tmp_path / "out.pt", tmp_path / "pins.yaml"
    fetch_checkpoint(card(tmp_path, path="below/net.pt"), "weights", output, pins=pins)
    assert hashlib.sha256(output.read_bytes()).hexdigest() == digest
    named = card(tmp_path, mirrors=["https://nowhere.invalid/net.pt"], environment="OWN_NET")
    monkeypatch.setenv("OWN_NET", str(tmp_path / "below/net.pt"))
    fetch_checkpoint(named, "weights", tmp_path / "again.pt", pins=pins)
    assert (tmp_path / "again.pt").read_bytes() == output.read_bytes()


@pytest.mark.slow
def test_what_cannot_be_had_is_named(tmp_path: Path, server: str) -> None:
    path, pins = card(tmp_path, mirrors=[f"{server}/absent.pt"]), tmp_path / "pins.yaml"
    with pytest.raises(UserError, match=r"absent\.pt"):
        fetch_checkpoint(path, "weights", tmp_path / "out.pt", pins=pins)
    with pytest.raises(UserError, match="has no part 'classifier'; allowed: weights"):
        fetch_checkpoint(path, "classifier", tmp_path / "out.pt", pins=pins)


@pytest.mark.slow
def test_a_file_put_there_by_hand_is_taken_pinned_and_recorded(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, pins = card(tmp_path, mirrors=[f"{server}/absent.pt"]), Path("pins.yaml")
    folder = Path("resources/checkpoints/own")
    folder.mkdir(parents=True)
    random_checkpoint(read_card(path), "weights", folder / "net.pt", seed=0)
    content = (folder / "net.pt").read_bytes()
    record = folder / "weights.json"
    fetch_checkpoint(path, "weights", folder / "net.pt", pins=pins, record=record)
    digest = hashlib.sha256(content).hexdigest()
    assert read_record(record).sha256 == digest
    assert digest in pins.read_text()
    assert (folder / "net.pt").read_bytes() == content
    record.unlink()  # as Snakemake does before the job runs again
    fetch_checkpoint(path, "weights", folder / "net.pt", pins=pins, record=record)
    assert obtain(read_card(path), "weights", pins=pins, record=record).read_bytes() == content


def test_a_plain_name_is_pinned_and_a_path_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pins, digest = Path("pins.yaml"), drawn(tmp_path)
    own = read_card(card(tmp_path, path="net.pt"))
    assert obtain(own, "weights", pins=pins).samefile(tmp_path / "net.pt")
    assert not pins.exists()
    plain = read_card(card(tmp_path))
    obtain(plain, "weights", pins=pins)
    assert digest in pins.read_text()
    other = drawn(tmp_path, seed=1)
    for refuse in (
        lambda: obtain(plain, "weights", pins=pins),
        lambda: check_given(plain, "weights", tmp_path / "net.pt", pins=pins),
    ):
        with pytest.raises(UserError, match=r"'own/net\.pt'") as caught:
            refuse()
        assert digest in str(caught.value)
        assert other in str(caught.value)
    obtain(own, "weights", pins=pins)


def test_a_plain_name_may_lie_where_fetched_files_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, pins = card(tmp_path), Path("pins.yaml")
    with pytest.raises(UserError, match="put it beside its card"):
        obtain(read_card(path), "weights", pins=pins)
    folder = Path("resources/checkpoints/own")
    random_checkpoint(read_card(path), "weights", folder / "net.pt", seed=0)
    assert obtain(read_card(path), "weights", pins=pins) == folder / "net.pt"
    assert "own/net.pt" in pins.read_text()
