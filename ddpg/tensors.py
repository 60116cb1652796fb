"""Files of tensors, keyed by image id (safetensors), written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files import replacing


class CorruptFileError(UserError):
    """A file that is missing, truncated or not what it should be; the message names it."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


def write_tensors(
    tensors: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a safetensors file.

    Args:
        tensors: name (usually an image id) -> tensor; any device, any layout.
        path: where to; directories that lead to it are made.
        metadata: text kept in the file's header.
    """
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    ready = {name: _own_memory(tensor) for name, tensor in ready.items()}
    with replacing(path) as temporary:
        save_file(ready, temporary, metadata=dict(metadata) if metadata else None)


def read_tensors(
    path: str | os.PathLike[str], names: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Read tensors from a safetensors file, to the CPU.

    Args:
        path: the file.
        names: which ones, in this order; all of them, sorted by name, if None.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt, or lacks a name.
    """
    if not Path(path).is_file():
        raise CorruptFileError(path, "no such file")
    if Path(path).stat().st_size == 0:
        raise CorruptFileError(path, "the file is empty")
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            present = set(stored.keys())
            wanted = sorted(present) if names is None else list(names)
            missing = [name for name in wanted if name not in present]
            if missing:
                raise CorruptFileError(path, f"has no tensor {', '.join(map(repr, missing))}")
            return {name: stored.get_tensor(name) for name in wanted}
    except (SafetensorError, OSError) as error:
        raise CorruptFileError(path, f"truncated or not a safetensors file ({error})") from error


def _own_memory(tensor: Tensor) -> Tensor:
    """A view is cloned, because safetensors refuses tensors that share their memory."""
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole else tensor.clone()
