"""Checksums inside safetensors files, so that a changed byte is found when it is read.

The format itself does not notice a changed value. A file of this package therefore carries, in its
header's metadata, the CRC-32 of each tensor's bytes and that of the header. CRC-32 finds every
error burst of up to 32 bits, and others with a probability of 1 - 2^-32: it guards against disks
and broken copies, not against people. Files without checksums, of other programs, are read
unchecked. Nothing here imports torch.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any

from ddpg.errors import CorruptFileError

TENSORS = "crc32"
"""Metadata of a safetensors file: JSON object, tensor's name -> CRC-32 of its bytes."""
HEADER = "crc32_of_header"
"""Metadata: CRC-32 of the header as it stands in the file, with zeros in place of this value."""
UNKNOWN = "0" * 8

_HEADER_VALUE = re.compile(rf'"{HEADER}":"([0-9a-f]{{8}})"'.encode())
REMEDY = "remove the file and run again"


def checksum(data: bytes | memoryview) -> str:
    """The CRC-32 of bytes, as 8 hexadecimal digits."""
    return f"{zlib.crc32(data):08x}"


def sealed(header: bytes) -> bytes:
    """A header with its own checksum put where :data:`HEADER` holds :data:`UNKNOWN`."""
    return _with_value(header, checksum(_with_value(header, UNKNOWN)))


def _with_value(header: bytes, value: str) -> bytes:
    return _HEADER_VALUE.sub(f'"{HEADER}":"{value}"'.encode(), header)


def tensor_checksums(path: str | os.PathLike[str]) -> dict[str, str]:
    """The checksum of each tensor of a safetensors file; empty for a file without checksums.

    Raises:
        CorruptFileError: the header has changed since it was written.
    """
    text = _header(path).get("__metadata__", {}).get(TENSORS, "{}")
    return _object(text if isinstance(text, str) else "", path, "its checksums")


def tensor_heads(path: str | os.PathLike[str]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The type, such as "F32", and shape of each tensor of a safetensors file, from its header.

    Raises:
        CorruptFileError: it cannot be read, or is no safetensors file.
    """
    try:
        return {
            name: (str(head["dtype"]), tuple(int(side) for side in head["shape"]))
            for name, head in _header(path).items()
            if name != "__metadata__"
        }
    except OSError as error:
        raise CorruptFileError(path, f"cannot be read ({error.strerror})") from error
    except (LookupError, TypeError, ValueError) as error:
        raise CorruptFileError(path, f"not a safetensors file ({error})") from error


def check_bytes(
    path: str | os.PathLike[str], name: str, data: bytes | memoryview, expected: str | None
) -> None:
    """Compare a tensor's bytes with its checksum.

    Raises:
        CorruptFileError: they differ, or there is no checksum where others have one.
    """
    if expected is None or checksum(data) != expected:
        raise CorruptFileError(path, f"tensor {name!r} has changed since it was written; {REMEDY}")


def _header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A file's header, once it is known to be as written."""
    with Path(path).open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            raise CorruptFileError(path, f"truncated or not a safetensors file; {REMEDY}")
        text = stream.read(length)
    if (seal := _HEADER_VALUE.search(text)) and sealed(text) != text:
        raise CorruptFileError(path, f"its header has changed since it was written; {REMEDY}")
    header = _object(text, path, "its header")
    if not isinstance(header.get("__metadata__", {}), dict):
        raise CorruptFileError(path, "not a safetensors file (its metadata are no JSON object)")
    if not seal and TENSORS in header.get("__metadata__", {}):
        raise CorruptFileError(path, f"its header has changed since it was written; {REMEDY}")
    return header


def _object(text: str | bytes, path: str | os.PathLike[str], what: str) -> dict[str, Any]:
    """A JSON object; whatever else there is, however deep, is told with the file's name."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200]
        raise CorruptFileError(path, f"not a safetensors file ({what}: {reason})") from error
    if not isinstance(value, dict):
        raise CorruptFileError(path, f"not a safetensors file ({what} is no JSON object)")
    return value
