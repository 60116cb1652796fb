"""Checkpoints as they are published: read safely, unwrapped, compared with their network.

Nothing is executed: pickles are read with ``weights_only=True``. Weights are mapped into memory
where the format allows it, so that what is not used is never read.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.files.tensors import CorruptFileError, read_tensors

log = logging.getLogger(__name__)

AVERAGES = (
    *("ema", "model_ema", "ema_model", "params_ema", "ema_state_dict", "model_ema_state_dict"),
    *("state_dict_ema", "ema_params", "shadow_params"),
)
"""Names under which checkpoints keep the averaged weights, which are the ones to sample with."""

WRAPPERS = (
    *("state_dict", "model", "model_state_dict", "params", "network", "unet", "net", "module"),
    "online_model",
)
"""Names under which checkpoints keep weights that are not, or not said to be, averaged."""

_COUNTERS = ("n_averaged", "initted", "step", "num_updates", "decay")
"""What averages keep beside their weights."""

_LISTED = 8
_TEXT_READ = 2048


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, whatever its format and its wrapping.

    Args:
        path: a safetensors file, or one of ``torch.save`` (.pt, .pth, .ckpt).

    Returns:
        name -> tensor, on the CPU; prefixes such as ``module.`` are taken off.

    Raises:
        CorruptFileError: the file is missing, truncated, no checkpoint at all, holds something
            else than tensors, or several sets of weights.
    """
    start = _start(path)  # contents decide, because names are wrong often enough
    if start[8:9] == b"{":
        return unwrap(read_tensors(path), path)
    if start.startswith((b"PK\x03\x04", b"\x80")):
        if path.suffix == ".safetensors":
            raise CorruptFileError(path, "a file of torch.save in spite of its name; call it .pt")
        return unwrap(_unpickled(path, mapped=start.startswith(b"PK")), path)
    raise CorruptFileError(path, "neither a safetensors file nor one of torch.save")


def unwrap(content: object, path: Path) -> dict[str, Tensor]:
    """Find the weights in what a checkpoint holds; averaged ones are preferred.

    Raises:
        CorruptFileError: there are none, or several sets of them; the keys are listed.
    """
    while not _is_weights(content):
        if not isinstance(content, Mapping):
            kind = type(content).__name__
            raise CorruptFileError(path, f"holds a {kind} instead of named tensors")
        content = content[_chosen(list(content), content, path)]
    weights: dict[str, Tensor] = dict(content)  # type: ignore[call-overload]
    while prefix := _prefix(weights, path):
        weights = {
            name.removeprefix(prefix): tensor
            for name, tensor in weights.items()
            if name.startswith(prefix)
        }
    return weights


def check_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Compare names and shapes of weights with a network's, which may be on the meta device.

    Raises:
        CorruptFileError: they differ; everything that is wrong is in one message.
    """
    expected = network.state_dict()
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    problems = {
        "missing": [name for name in expected if name not in weights],
        "unexpected": [name for name in weights if name not in expected],
        "of another shape": shapes,
    }
    listed = [_listing(what, names) for what, names in problems.items() if names]
    if listed:
        raise CorruptFileError(path, f"not this network's weights; {'; '.join(listed)}")


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
    """The checksum of a file.

    Raises:
        CorruptFileError: it is missing.
    """
    if not path.is_file():
        raise CorruptFileError(path, "no such file")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _start(path: Path) -> bytes:
    """The first bytes of a file, after refusing what downloads leave instead of a checkpoint."""
    if not path.is_file():
        raise CorruptFileError(path, "no such file")
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


CORRUPTION = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError),
    *(AttributeError, AssertionError, TypeError, struct.error),
)
"""What torch.load was seen to raise on damaged files."""


def _unpickled(path: Path, *, mapped: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped or None)
    except CORRUPTION as error:
        foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
        if foreign is None:
            raise CorruptFileError(path, f"truncated or corrupt ({_reason(error)})") from error
        raise CorruptFileError(
            path,
            f"holds {foreign[1]}, which is not a tensor, and reading it could run foreign code; "
            "where you trust the file, save its state_dict alone and use that",
        ) from error


def _reason(error: Exception) -> str:
    """The part of torch's explanations that says what is wrong."""
    text = str(error).strip()
    found = re.search(r"WeightsUnpickler error:[ ]*(.+)", text)
    lines = [found[1]] if found else text.splitlines()
    return lines[0].strip()[:200] if lines else type(error).__name__


def _is_weights(content: object) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(value, Tensor) for value in content.values())
    )


def _chosen(keys: list[Any], content: Mapping[str, Any], path: Path) -> str:
    """The key of a wrapper that holds the weights."""
    holding = [key for key in keys if isinstance(content[key], Mapping) and content[key]]
    averages = [key for key in holding if key in AVERAGES]
    plain = [key for key in holding if key in WRAPPERS]
    candidates = averages or plain
    if len(candidates) != 1:
        found = "several sets of weights" if candidates else "no weights that are recognised"
        listed = ", ".join(map(str, keys[:40])) or "none"
        raise CorruptFileError(path, f"holds {found}; its keys: {listed}")
    if plain and averages:
        log.info("%s: the averaged weights (%s) are taken, not %s", path, averages[0], plain[0])
    return candidates[0]


def _prefix(weights: Mapping[str, Tensor], path: Path) -> str:
    """What to take off: a wrapper's name before every name, averages first; or nothing."""
    groups = {name.partition(".")[0] for name in weights if name not in _COUNTERS}
    if not groups or not groups <= {*AVERAGES, *WRAPPERS, "_orig_mod"}:
        return ""
    averages = sorted(groups & set(AVERAGES))
    if len(averages or groups) != 1:
        raise CorruptFileError(
            path, f"holds several sets of weights, prefixed {', '.join(sorted(groups))}"
        )
    chosen = averages[0] if averages else groups.pop()
    if any("." not in name for name in weights if name not in _COUNTERS):
        return ""  # a tensor of that very name
    if averages and groups - set(averages):
        log.info("%s: the averaged weights (%s.*) are taken", path, chosen)
    return f"{chosen}."


def _listing(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{what}: {', '.join(names[:_LISTED])}{more}"
