"""Checkpoints of lists, or of what no network can use: read, or refused in one short message."""

from __future__ import annotations

import logging
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ddpg.errors import CorruptFileError
from ddpg.priors.checkpoints.building import fill
from ddpg.priors.checkpoints.reading import check_weights, read_checkpoint


def weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "norm.weight": (4,)}
    return {name: torch.randn(s, generator=generator) for name, s in shapes.items()}


def prefixed(prefix: str, seed: int = 0) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in weights(seed).items()}


RAW, LISTED = weights(1), list(weights().values())
OPTIMIZER = torch.optim.Adam([nn.Parameter(torch.ones(3))]).state_dict()
AVERAGED: dict[str, Any] = {
    "ddim": [RAW, OPTIMIZER, 12, 5000, weights()],
    "ddim modules": [prefixed("module.", 1), OPTIMIZER, 12, 5000, prefixed("module.")],
    "ddim without averages": [prefixed("module."), OPTIMIZER, 12, 5000],
    "shadow": {"model": RAW, "ema": {"decay": 0.9, "num_updates": 3, "shadow_params": LISTED}},
    "shadow modules": {"model": prefixed("module.", 1), "ema": {"shadow_params": LISTED}},
    "shadow beside": {"state_dict": RAW, "shadow_params": LISTED, "collected_params": LISTED},
    "tuple": {"model": RAW, "ema": {"shadow_params": tuple(LISTED)}},
    "rate": {"model": RAW, "ema_0.9999": weights()},
    "camel": {"model": RAW, "modelEMA": weights()},
    "other words": {"net": RAW, "averaged_model": weights()},
    "ema without weights": {"model": weights(), "ema": {"decay": torch.tensor(0.9)}},
    "optimizer of averages": {"model": weights(), "ema_optimizer": OPTIMIZER},
    "diffusion_model.": {"state_dict": prefixed("model.diffusion_model.")},
    "compiled": {"model": prefixed("_orig_mod.module.")},
    "counted": {
        **prefixed("model.", 1),
        **prefixed("model_ema."),
        "model_ema.decay": torch.ones(()),
    },
    "without dots": {
        **prefixed("model.diffusion_model.", 1),
        **{f"model_ema.diffusion_model{n.replace('.', '')}": t for n, t in weights().items()},
        **{"model_ema.decay": torch.ones(()), "model_ema.num_updates": torch.ones(())},
    },
}


@pytest.mark.parametrize("kind", AVERAGED)
def test_averaged_weights_are_found(tmp_path: Path, kind: str) -> None:
    torch.save(AVERAGED[kind], tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt")
    assert read.keys() == weights().keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in weights().items())


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ddim", "the averaged weights (item 4) are taken, not item 0"),
        ("shadow", "the averaged weights (ema) are taken, not model"),
        ("rate", "the averaged weights (ema_0.9999) are taken, not model"),
    ],
)
def test_what_was_taken_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, told: str
) -> None:
    torch.save(AVERAGED[kind], tmp_path / "a.pt")
    with caplog.at_level(logging.INFO, "ddpg"):
        read_checkpoint(tmp_path / "a.pt")
    assert told in caplog.text


class Small(nn.Module):
    """With a buffer between its parameters, which lists of averages leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.register_buffer("table", torch.arange(3.0))
        self.norm = nn.GroupNorm(1, 4)


def test_lists_leave_buffers_out(tmp_path: Path) -> None:
    network = Small()
    averages = [parameter.detach() + 1 for parameter in network.parameters()]
    content = {"model": network.state_dict(), "ema": {"shadow_params": averages}}
    torch.save(content, tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt", network)
    check_weights(network, read, tmp_path / "a.pt")
    assert torch.equal(read["table"], network.table)
    assert torch.equal(read["norm.bias"], network.norm.bias + 1)


def test_lists_alone_are_named_by_the_network(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    averages = [parameter.detach() + 1 for parameter in network.parameters()]
    torch.save({"ema": {"shadow_params": averages}}, tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt", network)
    assert list(read) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert torch.equal(read["1.bias"], network[1].bias + 1)


def cyclic(**more: Any) -> dict[str, Any]:
    content: dict[str, Any] = dict(more)
    content["model"] = content
    return content


def nested(depth: int) -> Any:
    content: Any = weights()
    for _ in range(depth):
        content = {"model": content}
    return content


def cyclic_list() -> list[Any]:
    content: list[Any] = []
    content.append(content)
    return content


BOTH = {"model": RAW, "ema": weights(), "ema_2": weights()}
REFUSED: dict[str, tuple[Any, str]] = {
    "holds itself": (cyclic(), "holds no weights that are recognised; its keys: model"),
    "holds itself and more": (cyclic(other=RAW), "holds itself"),
    "a list that holds itself": (cyclic_list(), "holds a list instead of named tensors"),
    "a list beside itself": (cyclic(ema={"shadow_params": LISTED}), "nothing says which is which"),
    "too deep": (nested(40), "wrapped more than 16 times"),
    "numbers": ({1: torch.zeros(1)}, "its keys: 1"),
    "no name": ({None: torch.zeros(1), "a": torch.zeros(1)}, "its keys: None, a"),
    "long keys": ({"x" * 10**6: 3}, r"its keys: x+\.\.\."),
    "many keys": ({f"k{n}": 3 for n in range(10**5)}, "k39 and 99960 more"),
    "control characters": ({"a\x1b[31m\n": 3}, r"its keys: a\\x1b\[31m\\n"),
    "several averages": (BOTH, r"its keys: model, ema, ema_2; it could be any of ema, ema_2"),
    "two lists": ([RAW, OPTIMIZER, RAW, RAW], "several sets of weights; items 0, 2, 3 of its list"),
    "other lists": ([RAW, RAW], "holds a list instead of named tensors; in it: dict, dict"),
    "short list": (
        {"model": RAW, "ema": {"shadow_params": LISTED[:2]}},
        "list of 2 tensors .* 3 p",
    ),
    "swapped list": (
        {"model": RAW, "ema": {"shadow_params": LISTED[::-1]}},
        "whose shapes are not",
    ),
    "sparse": ({**RAW, "s": torch.eye(3).to_sparse()}, "sparse or nested: s"),
    "csr": ({**RAW, "s": torch.eye(3).to_sparse_csr()}, "sparse or nested: s"),
    "complex": ({**RAW, "s": torch.ones(3, dtype=torch.complex64)}, "complex: s"),
    "meta": ({**RAW, "s": torch.ones(3, device="meta")}, r"without values \(meta\): s"),
    "8 bits": ({**RAW, "s": torch.ones(3).to(torch.float8_e4m3fn)}, "quantised: s"),
    "sparse in a list": ([{"a": torch.eye(3).to_sparse()}, OPTIMIZER], "sparse or nested: a"),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("kind", REFUSED)
def test_odd_contents_end_in_one_short_message(tmp_path: Path, kind: str) -> None:
    content, message = REFUSED[kind]
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CorruptFileError, match=message) as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert len(str(caught.value)) < 600 + len(str(tmp_path))
    assert str(caught.value).isprintable()


def test_integers_are_no_weights() -> None:
    network = nn.Linear(2, 3)
    given = {"weight": torch.ones(3, 2, dtype=torch.int64), "bias": torch.ones(3)}
    with pytest.raises(CorruptFileError, match="of integers: weight int64 instead of float32"):
        check_weights(network, given, Path("a.pt"))


def test_names_in_messages_are_cut_and_escaped() -> None:
    given = {"\x1b[2J" + "y" * 10**6: torch.ones(1)}
    with pytest.raises(CorruptFileError) as caught:
        check_weights(nn.Identity(), given, Path("a.pt"))
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_expanded_tensors(tmp_path: Path) -> None:
    """One number that stands for many is as good as any; huge ones cost nothing to refuse."""
    torch.save({"weight": torch.ones(1).expand(3, 2), "bias": torch.zeros(3)}, tmp_path / "a.pt")
    network = fill(nn.Linear(2, 3), read_checkpoint(tmp_path / "a.pt"), tmp_path / "a.pt")
    assert torch.equal(network(torch.ones(1, 2)), torch.full((1, 3), 2.0))
    huge = {"weight": torch.ones(1).expand(10**7, 10**6), "bias": torch.zeros(3)}
    torch.save(huge, tmp_path / "a.pt")
    with pytest.raises(CorruptFileError, match=r"of another shape: weight \(10000000, 1000000\)"):
        fill(nn.Linear(2, 3), read_checkpoint(tmp_path / "a.pt"), tmp_path / "a.pt")


def test_compressed_zip_files_are_read(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as plain,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    read = read_checkpoint(tmp_path / "b.pt")
    assert all(torch.equal(read[name], tensor) for name, tensor in weights().items())


def test_files_of_other_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save(weights(), tmp_path / "inner.pt")
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "inner.pt", "inner.pt")
    with pytest.raises(CorruptFileError, match="a tar archive: unpack it"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("readme.txt", "no checkpoint")
    with pytest.raises(CorruptFileError, match="truncated or corrupt, or not of torch"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps({"a": 1}, protocol=4))
    with pytest.raises(CorruptFileError, match=r"not of torch\.save \(Unsupported operand 149\)"):
        read_checkpoint(path)
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(CorruptFileError, match=r"folder\.pt: a folder, where a checkpoint's file"):
        read_checkpoint(tmp_path / "folder.pt")
