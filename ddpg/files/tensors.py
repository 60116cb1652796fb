"""Files of tensors, keyed by image id (safetensors), written whole or not at all.

What is written here carries checksums, see :mod:`ddpg.files.checksums`; a byte that changed is
found when it is read.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ddpg.errors import CorruptFileError
from ddpg.files import checksums
from ddpg.files.writing import replacing

_IDS, _LABELS = "ids", "labels"
"""Where the header keeps, as JSON, the order of the images and their class labels."""


def write_tensors(
    tensors: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, str] | None = None,
    ids: Iterable[str] | None = None,
    labels: Mapping[str, int] | None = None,
) -> None:
    """Write tensors to a safetensors file; the same arguments give the same bytes.

    Args:
        tensors: name (usually an image id) -> tensor; any device, any layout.
        path: where to; directories that lead to it are made.
        metadata: text kept in the file's header.
        ids: the images that the file is about, in their order; :func:`read_ids` gives them back.
        labels: class label of each image, where there are classes.

    Raises:
        OSError: the file cannot be written.
    """
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    ready = {name: _own_memory(tensor) for name, tensor in ready.items()}
    header = dict(metadata or {})
    if ids is not None:
        header[_IDS] = json.dumps(list(ids))
    if labels:
        header[_LABELS] = json.dumps({name: int(labels[name]) for name in sorted(labels)})
    sums = {name: checksums.checksum(_bytes(ready[name])) for name in sorted(ready)}
    header |= {checksums.TENSORS: json.dumps(sums), checksums.HEADER: checksums.UNKNOWN}
    with replacing(path) as temporary:
        try:
            save_file(ready, temporary, metadata=header)
        except SafetensorError as error:  # the disk is full, or read-only
            raise OSError(f"{os.fspath(path)}: cannot be written ({error})") from error
        _finish_header(temporary)


def read_tensors(
    path: str | os.PathLike[str], names: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Read tensors from a safetensors file, to the CPU.

    Args:
        names: which ones, in this order; all of them, sorted by name, if None.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt, lacks a name, or a
            tensor's bytes are not those that were written.
    """
    with _opened(path) as stored:
        expected = checksums.tensor_checksums(path)
        present = set(stored.keys())
        wanted = sorted(present) if names is None else list(names)
        missing = [name for name in wanted if name not in present]
        if missing:
            raise CorruptFileError(path, f"has no tensor {', '.join(map(repr, missing))}")
        tensors = {name: stored.get_tensor(name) for name in wanted}
    if expected:
        for name, tensor in tensors.items():
            checksums.check_bytes(path, name, _bytes(tensor), expected.get(name))
    return tensors


def read_names(path: str | os.PathLike[str]) -> set[str]:
    """The names of a file's tensors.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt.
    """
    with _opened(path) as stored:
        return set(stored.keys())


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text in a file's header, without what this module keeps there for itself.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt.
    """
    own = (_IDS, _LABELS, checksums.TENSORS, checksums.HEADER)
    return {name: text for name, text in _metadata(path).items() if name not in own}


def read_ids(path: str | os.PathLike[str]) -> list[str]:
    """Read which images a file is about, in the order in which it was written.

    Args:
        path: a file of :func:`write_tensors`. One without ``ids`` is about its tensors whose names
            hold no ``/``, in the order of their names.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt.
    """
    text = _metadata(path).get(_IDS)
    if text is None:
        with _opened(path) as stored:
            return sorted(name for name in stored.keys() if "/" not in name)  # noqa: SIM118
    ids = _parsed(path, _IDS, text, list)
    if not all(isinstance(name, str) for name in ids):
        raise CorruptFileError(path, f"its header's {_IDS} are not a list of names")
    return ids


def read_labels(path: str | os.PathLike[str]) -> dict[str, int]:
    """Read the class label of each image of a file; empty for a data set without classes.

    Raises:
        CorruptFileError: the file is missing, empty, truncated or corrupt.
    """
    text = _metadata(path).get(_LABELS, "{}")
    labels = _parsed(path, _LABELS, text, dict)
    if not all(type(label) is int for label in labels.values()):
        raise CorruptFileError(path, f"its header's {_LABELS} are not integers")
    return labels


def _metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The text in a file's header, once it is known to be as written."""
    with _opened(path) as stored:
        checksums.tensor_checksums(path)
        return dict(stored.metadata() or {})


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The file, opened by safetensors; whatever is wrong with it is told with its name."""
    if not Path(path).is_file():
        raise CorruptFileError(path, "no such file")
    if Path(path).stat().st_size == 0:
        raise CorruptFileError(path, "the file is empty")
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            yield stored
    except (SafetensorError, OSError) as error:
        reason = str(error)[:300].encode("unicode_escape").decode()
        raise CorruptFileError(path, f"truncated or not a safetensors file ({reason})") from error


def _parsed(path: str | os.PathLike[str], name: str, text: str, kind: type) -> Any:
    """JSON of the header."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # not JSON, an endless number, or too deep
        reason = str(error)[:200]
        raise CorruptFileError(path, f"its header's {name} is not JSON ({reason})") from error
    if not isinstance(value, kind):
        raise CorruptFileError(path, f"its header's {name} is not a JSON {kind.__name__}")
    return value


def _finish_header(path: Path) -> None:
    """Put the header's metadata in order, which safetensors writes in a random one, and seal it."""
    with path.open("r+b") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        stream.seek(8)
        stream.write(checksums.sealed(text.ljust(length)))


def _bytes(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor, as safetensors stores them."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _own_memory(tensor: Tensor) -> Tensor:
    """A view is cloned, because safetensors refuses tensors that share their memory."""
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole else tensor.clone()
