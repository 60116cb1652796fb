"""Files of tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ddpg.tensors import CorruptFileError, read_tensors, write_tensors


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
