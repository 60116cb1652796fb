"""Checkpoints as they are published: read safely, unwrapped, compared with their network.

Nothing is executed: pickles are read with ``weights_only=True``. Weights are mapped into memory
where the format allows it, so that what is not used is never read.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import CorruptFileError
from ddpg.files.contents import sha256_of
from ddpg.files.tensors import read_tensors
from ddpg.priors.checkpoints.hints import fields_told
from ddpg.priors.checkpoints.unwrapping import unwrap
from ddpg.priors.checkpoints.wording import listed, shown

_TEXT_READ = 2048
_PRECISIONS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def read_checkpoint(path: Path, network: nn.Module | None = None) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, whatever its format and its wrapping.

    Args:
        path: a safetensors file, or one of ``torch.save`` (.pt, .pth, .ckpt).
        network: that the weights are for, if it is known: the order of its parameters names
            averages that are stored as a list without names.

    Returns:
        name -> dense, real tensor, on the CPU; prefixes such as ``module.`` are taken off.

    Raises:
        CorruptFileError: the file is missing, truncated, no checkpoint at all, holds something
            else than tensors, several sets of weights, or tensors that no network can use.
    """
    start = _start(path)  # contents decide, because names are wrong often enough
    if start[8:9] == b"{":
        content: object = read_tensors(path)
    elif start.startswith((b"PK\x03\x04", b"\x80")):
        if path.suffix == ".safetensors":
            raise CorruptFileError(path, "a file of torch.save in spite of its name; call it .pt")
        content = _unpickled(path, mapped=start.startswith(b"PK") and _is_stored_flat(path))
    elif start[257:262] == b"ustar":
        raise CorruptFileError(
            path,
            "a tar archive: unpack it, or, if it is a checkpoint of PyTorch before 0.2, load it "
            "where you trust it and save its state_dict again",
        )
    else:
        raise CorruptFileError(path, "neither a safetensors file nor one of torch.save")
    parameters = [] if network is None else [name for name, _ in network.named_parameters()]
    weights = unwrap(content, path, parameters)
    _check_usable(weights, path)
    return weights if network is None else _as_lines(weights, network)


def _as_lines(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights whose 1 x 1 convolutions of pixels in a row, if any, are those of the network.

    Attention is written with them in guided-diffusion, in its descendants with those of pictures.
    """
    expected = {name: value.shape for name, value in network.state_dict().items()}
    return {
        name: tensor.squeeze(-1)
        if tensor.ndim == 4 and tensor.shape == (*expected.get(name, ()), 1)
        else tensor
        for name, tensor in weights.items()
    }


def _check_usable(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are no dense arrays of real numbers, all kinds in one message."""
    kinds: dict[str, list[str]] = {}
    for name, tensor in weights.items():
        if kind := _unusable(tensor):
            kinds.setdefault(kind, []).append(name)
    if kinds:
        problems = "; ".join(f"{kind}: {listed(names)}" for kind, names in kinds.items())
        raise CorruptFileError(
            path, f"holds tensors that no network here can use; {problems}; save them dense, float"
        )


def _unusable(tensor: Tensor) -> str:
    """What keeps a tensor from being a network's weights; nothing if it may be."""
    if tensor.is_meta:
        return "without values (meta)"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "sparse or nested"
    if tensor.is_quantized:
        return "quantised"
    if tensor.is_floating_point() and tensor.dtype not in _PRECISIONS:
        return "quantised"  # of 8 bits or fewer: their scales are elsewhere
    return "complex" if tensor.is_complex() else ""


def check_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Compare names and shapes of weights with a network's, which may be on the meta device.

    Raises:
        CorruptFileError: they differ; everything that is wrong is in one message.
    """
    expected = network.state_dict()
    common = {name: (weights[name], value) for name, value in expected.items() if name in weights}
    problems = {
        "missing": [name for name in expected if name not in weights],
        "unexpected": [name for name in weights if name not in expected],
        "of another shape": [
            f"{shown(name)} {tuple(given.shape)} instead of {tuple(value.shape)}"
            for name, (given, value) in common.items()
            if given.shape != value.shape
        ],
        "of integers": [
            f"{shown(name)} {given.dtype} instead of {value.dtype}".replace("torch.", "")
            for name, (given, value) in common.items()
            if value.is_floating_point() and not given.is_floating_point()
        ],
    }
    different = [f"{what}: {listed(names)}" for what, names in problems.items() if names]
    if different:
        told = fields_told(_shapes(expected), _shapes(weights))
        if told:
            different.append(f"look at the card: the checkpoint has {'; '.join(told)}")
        raise CorruptFileError(path, f"not this network's weights; {'; '.join(different)}")


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def verify(path: Path, sha256: str) -> str:
    """Compare a file with its checksum, and return it.

    Raises:
        CorruptFileError: it is missing or differs; the message gives both sums.
    """
    digest = file_sha256(path)
    if digest != sha256:
        raise CorruptFileError(path, f"its sha256 is {digest}, the card expects {sha256}")
    return digest


def file_sha256(path: Path) -> str:
    """The checksum of a file."""
    _check_file(path)
    return sha256_of(path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise CorruptFileError(path, "a folder, where a checkpoint's file is expected")
    if not path.is_file():
        raise CorruptFileError(path, "no such file")


def _start(path: Path) -> bytes:
    """The first bytes of a file, after refusing what downloads leave instead of a checkpoint."""
    _check_file(path)
    with path.open("rb") as stream:
        start = stream.read(_TEXT_READ)
    if not start:
        raise CorruptFileError(path, "the file is empty")
    if start.startswith(b"version https://git-lfs"):
        raise CorruptFileError(
            path, "a Git LFS pointer, not the checkpoint itself; `git lfs pull` fetches that"
        )
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<!--")):
        title = re.search(rb"<title[^>]*>\s*(.*?)\s*</title>", start, re.S | re.I)
        named = f' ("{title[1].decode("utf-8", "replace")}")' if title else ""
        raise CorruptFileError(
            path, f"a web page{named}, not a checkpoint: the server answered with a page instead"
        )
    return start


def check_finite(weights: Mapping[str, Tensor], path: Path, how: str = "") -> None:
    """Refuse damage that no checksum shows, and numbers beyond the range of a precision.

    Args:
        how: what was done with them, for the message.

    Raises:
        CorruptFileError: NaN or infinite values; names the first tensor.
    """
    wrong = [name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if wrong[1:] else ""
        raise CorruptFileError(path, f"{how}{wrong[0]}{more} has values beyond all bounds")


CORRUPTION = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError),
    *(AttributeError, AssertionError, TypeError, struct.error),
    *(MemoryError, OverflowError, NotImplementedError, zipfile.BadZipFile),
)
"""What torch.load was seen to raise on damaged files."""


def _is_stored_flat(path: Path) -> bool:
    """Whether a zip file's entries are not compressed, so that tensors can be mapped from it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False  # reading it will say what is wrong


def _unpickled(path: Path, *, mapped: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped or None)
    except CORRUPTION as error:
        text = str(error)
        if "TorchScript" in text:
            raise CorruptFileError(
                path, "a TorchScript archive, which is code; save its state_dict alone and use that"
            ) from error
        foreign = _FOREIGN.search(text)
        if foreign is None:
            raise CorruptFileError(
                path, f"truncated or corrupt, or not of torch.save ({_reason(error)})"
            ) from error
        raise CorruptFileError(
            path,
            f"holds {shown(foreign[1])}, which is not a tensor, and reading it could run foreign "
            "code; where you trust the file, save its state_dict alone and use that",
        ) from error


_FOREIGN = re.compile(r"(?:GLOBAL|[Uu]nsupported class|but got <class ')\s*([\w.]+)")
"""How torch.load names what it does not build."""


def _reason(error: Exception) -> str:
    """The part of torch's explanations that says what is wrong."""
    text = str(error).strip()
    explanation = re.search(r"WeightsUnpickler error:\s*(.+)", text)
    lines = [explanation[1]] if explanation else text.splitlines()
    return lines[0].strip()[:200] if lines else type(error).__name__
