"""Checkpoints: every wrapping that is known, and plain words for every damage."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ddpg.files.tensors import CorruptFileError
from ddpg.priors.checkpoints.reading import check_weights, read_checkpoint
from ddpg.priors.checkpoints.unwrapping import AVERAGES


def weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "conv.bias": torch.randn(4, generator=generator),
        "down.0.norm.weight": torch.randn(4, generator=generator),
    }


def prefixed(prefix: str, seed: int = 0) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in weights(seed).items()}


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in expected
    )


RAW = weights(1)
COUNTS = {"step": 7, "lr": 0.1, "name": "x"}
WRAPPED: dict[str, Any] = {
    "bare": weights(),
    "state_dict": {"state_dict": weights(), "epoch": 3, "optimizer": {"lr": 0.1}},
    "model": {"model": weights(), "step": torch.tensor(4)},
    "twice": {"checkpoint": None, "state_dict": {"model": weights(), "epoch": 1}},
    "module.": prefixed("module."),
    "model.": prefixed("model."),
    "module.model.": {"state_dict": prefixed("module.model.")},
    "_orig_mod.": prefixed("_orig_mod."),
    "averaged model": {"n_averaged": torch.tensor(9), **prefixed("module.")},
    "both prefixes": {**prefixed("ema_model."), **prefixed("online_model.", 1)},
    "nested average": {"ema": {"shadow_params": weights(), **COUNTS}},
    **{f"{name} beside model": {"model": RAW, name: weights(), **COUNTS} for name in AVERAGES},
    "ema of modules": {"state_dict": prefixed("module.", 1), "ema": prefixed("module.")},
}


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_wrappings_and_prefixes(tmp_path: Path, wrapping: str, legacy: bool) -> None:
    path = tmp_path / "a.ckpt"
    torch.save(WRAPPED[wrapping], path, _use_new_zipfile_serialization=not legacy)
    assert same(read_checkpoint(path), weights())


def test_the_choice_of_averaged_weights_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save({"model": RAW, "ema": weights()}, tmp_path / "a.pt")
    with caplog.at_level(logging.INFO, "ddpg"):
        read_checkpoint(tmp_path / "a.pt")
    assert "a.pt: the averaged weights (ema) are taken, not model" in caplog.text


@pytest.mark.parametrize("name", ["a.safetensors", "a.bin"])
def test_safetensors_under_any_name(tmp_path: Path, name: str) -> None:
    save_file(prefixed("module."), tmp_path / name)
    assert same(read_checkpoint(tmp_path / name), weights())


def test_names_that_look_like_wrappers_stay(tmp_path: Path) -> None:
    for own in ({"model": torch.ones(2)}, {**weights(), "module.a": torch.ones(1)}):
        torch.save(own, tmp_path / "a.pt")
        assert same(read_checkpoint(tmp_path / "a.pt"), own)


@pytest.mark.slow
def test_published_files_are_mapped_not_read(tmp_path: Path) -> None:
    big = {"a": torch.zeros(30_000_000), "b": torch.ones(3)}
    torch.save(big, tmp_path / "a.pt")
    before = _resident()
    loaded = read_checkpoint(tmp_path / "a.pt")
    assert _resident() - before < 30e6  # of 120 MB
    assert torch.equal(loaded["b"], torch.ones(3))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": RAW, "net": RAW, "epoch": 3}, "several sets of weights; its keys: model, net"),
        ({"ema": RAW, "model_ema": RAW}, "several sets of weights; its keys: ema, model_ema"),
        ({"weights": RAW, "epoch": 3}, "no weights that are recognised; its keys: weights, epoch"),
        ({"epoch": 3, **RAW}, "no weights that are recognised; its keys: epoch, conv.weight"),
        ({}, "no weights that are recognised; its keys: none"),
        ({"model": {}}, "no weights that are recognised; its keys: model"),
        ([RAW], "holds a list instead of named tensors"),
        (torch.ones(3), "holds a Tensor instead of named tensors"),
        (
            {**prefixed("model."), **prefixed("net.")},
            "several sets of weights, prefixed model, net",
        ),
    ],
)
def test_ambiguous_checkpoints_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CorruptFileError) as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert str(caught.value).startswith(f"{tmp_path / 'a.pt'}: ")
    assert message in str(caught.value)


PAGE = b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2211383297\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (PAGE, r'a web page \("Google Drive - Quota exceeded"\), not a checkpoint'),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page, not a"),
        (b"\xef\xbb\xbf<html><body>no</body></html>", "a web page, not a checkpoint"),
        (POINTER, "a Git LFS pointer, not the checkpoint itself; `git lfs pull`"),
        (b"\x1f\x8b\x08 and so on", r"neither a safetensors file nor one of torch\.save"),
        (b"PK\x03\x04" + b"0" * 3000, r"truncated or corrupt|call it \.pt"),
        (b"\x80\x02}q", r"truncated or corrupt|call it \.pt"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", "holds no weights|keys: none"),
        (b'\x09\x00\x00\x00\x00\x00\x00\x00{"a": 1}', "truncated or not a safetensors file"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes, message: str) -> None:
    for name in ("a.pt", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CorruptFileError, match=message):
            read_checkpoint(tmp_path / name)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match=r"absent\.pt: no such file"):
        read_checkpoint(tmp_path / "absent.pt")


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_truncated_anywhere(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save({"state_dict": weights()}, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    for length in [*range(1, len(whole) - 1, 41), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptFileError, match=r"a\.pt: "):
            read_checkpoint(path)


class Malicious:
    """Runs a command when it is unpickled by a reader that trusts the file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_foreign_code_is_not_run(tmp_path: Path, legacy: bool) -> None:
    content = {"state_dict": weights(), "extra": Malicious(tmp_path / "mark")}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CorruptFileError, match=r"holds (posix|nt)\.system, which is not a tensor"):
        read_checkpoint(tmp_path / "a.pt")
    assert not (tmp_path / "mark").exists()


def test_whole_modules_are_not_unpickled(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "a.pt")
    with pytest.raises(CorruptFileError, match=r"Linear, .* save its state_dict alone"):
        read_checkpoint(tmp_path / "a.pt")


def test_everything_that_differs_is_in_one_message() -> None:
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    wrong = {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(2), "1.weight": torch.ones(1, 3)}
    check_weights(network, {**wrong, "0.bias": torch.ones(3), "1.bias": torch.ones(1)}, Path("a"))
    with pytest.raises(CorruptFileError) as caught:
        check_weights(network, {**wrong, "2.bias": torch.ones(1)}, Path("a.pt"))
    assert str(caught.value) == (
        "a.pt: not this network's weights; missing: 1.bias; unexpected: 2.bias; "
        "of another shape: 0.bias (2,) instead of (3,)"
    )


def test_long_lists_are_cut() -> None:
    with pytest.raises(CorruptFileError, match=r"unexpected: a0, a1, .*, a7 and 12 more$"):
        check_weights(nn.Identity(), {f"a{n}": torch.ones(1) for n in range(20)}, Path("a.pt"))
