"""Files of tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ddpg.files import checksums
from ddpg.files.tensors import (
    CorruptFileError,
    read_ids,
    read_labels,
    read_metadata,
    read_tensors,
    write_tensors,
)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    stack = torch.randn(3, 3, 5, 4, generator=generator)
    return {"b": stack[0], "a": stack[1].half(), "c/kernel": stack[2].permute(2, 1, 0)}


def test_round_trip_of_views_and_halves(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    write_tensors(tensors, tmp_path / "new" / "shard-0.safetensors")
    read = read_tensors(tmp_path / "new" / "shard-0.safetensors")
    assert list(read) == ["a", "b", "c/kernel"]
    for name, value in tensors.items():
        assert read[name].dtype == value.dtype
        assert torch.equal(read[name], value)


def test_names_choose_and_order(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    write_tensors(tensors, tmp_path / "s.safetensors")
    assert list(read_tensors(tmp_path / "s.safetensors", ["c/kernel", "a"])) == ["c/kernel", "a"]
    with pytest.raises(CorruptFileError, match=r"s\.safetensors: has no tensor 'x', 'y'"):
        read_tensors(tmp_path / "s.safetensors", ["x", "a", "y"])


def test_same_tensors_give_the_same_bytes(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    write_tensors(tensors, tmp_path / "1.safetensors")
    write_tensors(tensors, tmp_path / "2.safetensors")
    first, second = (tmp_path / f"{i}.safetensors" for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kept", [0, 4, 60, 200])
def test_truncated_file_is_named(
    tmp_path: Path, tensors: dict[str, torch.Tensor], kept: int
) -> None:
    path = tmp_path / "cut.safetensors"
    write_tensors(tensors, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorruptFileError, match=r"cut\.safetensors: (the file is empty|truncated)"):
        read_tensors(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match=r"absent\.safetensors: no such file"):
        read_tensors(tmp_path / "absent.safetensors")


def test_ids_and_labels_are_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    tensors = {name: torch.zeros(1) for name in ("10", "9", "10/kernel")}
    write_tensors(tensors, path, ids=["9", "10"], labels={"9": 3, "10": 0})
    assert read_ids(path) == ["9", "10"]
    assert read_labels(path) == {"9": 3, "10": 0}
    assert list(read_tensors(path)) == ["10", "10/kernel", "9"]


def test_ids_of_a_file_without_them_are_the_names_of_its_images(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    write_tensors({name: torch.zeros(1) for name in ("b", "a", "a/kernel")}, path)
    assert read_ids(path) == ["a", "b"]
    assert read_labels(path) == {}


def test_no_ids_at_all_are_not_unknown_ids(tmp_path: Path) -> None:
    write_tensors({"a": torch.zeros(1)}, tmp_path / "s.safetensors", ids=[])
    assert read_ids(tmp_path / "s.safetensors") == []


def test_metadata_never_change_the_bytes_by_their_order(tmp_path: Path) -> None:
    written = set()
    for _ in range(20):
        path = tmp_path / "s.safetensors"
        metadata = {name: f"{name} é\n\x7f" for name in "zyxw"}
        write_tensors({"a": torch.ones(2)}, path, metadata=metadata, ids=["a"], labels={"a": 1})
        written.add(path.read_bytes())
    assert len(written) == 1
    assert read_tensors(path)["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({"ids": "a, b"}, "ids is not JSON"), ({"ids": "{}"}, "ids is not a JSON list")],
)
def test_ids_that_are_not_a_list(tmp_path: Path, metadata: dict[str, str], expected: str) -> None:
    write_tensors({"a": torch.zeros(1)}, tmp_path / "odd.safetensors", metadata=metadata)
    with pytest.raises(CorruptFileError, match=rf"odd\.safetensors: .*{expected}"):
        read_ids(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("read", [read_ids, read_labels])
def test_headers_of_truncated_files(
    tmp_path: Path, tensors: dict[str, torch.Tensor], read: Callable[[Path], object]
) -> None:
    path = tmp_path / "cut.safetensors"
    write_tensors(tensors, path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CorruptFileError, match=r"cut\.safetensors: truncated"):
        read(path)


def everything(path: Path) -> object:
    """All that the module reads from a file, comparable."""
    tensors = {name: (t.dtype, t.tolist()) for name, t in read_tensors(path).items()}
    return tensors, read_ids(path), read_labels(path), read_metadata(path)


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_no_byte_of_a_file_can_change_what_is_read(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "s.safetensors"
    tensors = {"a": torch.arange(6.0).half(), "b": torch.tensor([1, 2], dtype=torch.uint8)}
    write_tensors(tensors, path, ids=["b", "a"], labels={"a": 7}, metadata={"cost": "3.25"})
    whole, expected = path.read_bytes(), everything(path)
    unnoticed: list[object] = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= mask
        path.write_bytes(changed)
        try:
            found = everything(path)
        except CorruptFileError as error:
            unnoticed += [] if "s.safetensors: " in str(error) else [str(error)]
        else:
            unnoticed += [position] if found != expected else []
    assert unnoticed == []


def test_a_changed_tensor_is_named_and_the_others_are_read(
    tmp_path: Path, tensors: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "s.safetensors"
    write_tensors(tensors, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(
        CorruptFileError, match=r"tensor 'a' has changed since .*; remove the file and run again"
    ):
        read_tensors(path)
    assert torch.equal(read_tensors(path, ["b"])["b"], tensors["b"])


def test_files_of_other_programs_are_read(tmp_path: Path) -> None:
    for metadata in (None, {"format": "pt"}):
        save_file({"a": torch.ones(2)}, tmp_path / "s.safetensors", metadata=metadata)
        assert read_tensors(tmp_path / "s.safetensors")["a"].tolist() == [1, 1]
        assert read_metadata(tmp_path / "s.safetensors") == (metadata or {})


@pytest.mark.parametrize("tensor", [torch.tensor(2.5), torch.zeros(0, 3), torch.ones(3).bfloat16()])
def test_tensors_of_every_shape_have_a_checksum(tmp_path: Path, tensor: torch.Tensor) -> None:
    write_tensors({"x": tensor}, tmp_path / "s.safetensors")
    assert torch.equal(read_tensors(tmp_path / "s.safetensors")["x"], tensor)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"ids": "[" * 100_000}, "ids is not JSON"),
        ({"ids": "[" * 900 + "]" * 900}, "ids are not a list of names"),
        ({"ids": '["a", 1]'}, "ids are not a list of names"),
        ({"ids": "[" + "9" * 5000 + "]"}, "ids is not JSON"),
        ({"labels": '{"a":' * 100_000}, "labels is not JSON"),
        ({"labels": '{"a": "x"}'}, "labels are not integers"),
        ({"labels": '{"a": 1.5}'}, "labels are not integers"),
        ({"labels": '{"a": Infinity}'}, "labels are not integers"),
        ([], "not a safetensors file"),
        ({"crc32": "[" * 100_000}, "not a safetensors file"),
    ],
)
def test_headers_of_others_are_refused_in_one_message(
    tmp_path: Path, metadata: Any, message: str
) -> None:
    path = tmp_path / "a.safetensors"
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    if "crc32" in metadata:
        metadata |= {checksums.HEADER: checksums.UNKNOWN}
    text = json.dumps({"a": entry, "__metadata__": metadata}, separators=(",", ":")).encode()
    text = checksums.sealed(text)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    reader = read_labels if "labels" in metadata else read_ids
    with pytest.raises(CorruptFileError, match=message) as caught:
        (read_tensors if "crc32" in metadata else reader)(path)
    assert len(str(caught.value)) < 500 + len(str(path))
