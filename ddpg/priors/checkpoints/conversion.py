"""Checkpoints converted once, so that a job maps a file instead of unpickling it.

A converted file is safetensors in the precision in which the network will run: half for the
convolutions and linear layers of a half-precision prior, float32 for everything else. Its header
says which prior, part, architecture and source it was made of; another use is refused.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ddpg.errors import CorruptFileError, OutdatedFileError
from ddpg.files.tensors import read_metadata, write_tensors
from ddpg.files.writing import replacing
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.identity import architecture_digest
from ddpg.priors.checkpoints.building import build_network
from ddpg.priors.checkpoints.reading import (
    check_finite,
    check_weights,
    file_sha256,
    read_checkpoint,
    verify,
)
from ddpg.priors.execution import PRECISIONS
from ddpg.priors.network_runner import halved_names

log = logging.getLogger(__name__)

MADE_BY = "ddpg job convert-checkpoint"
"""Marks the header of a converted file."""


def convert_checkpoint(card: Card, part: str, source: Path, output: Path, *, dtype: str) -> None:
    """Write a checkpoint as safetensors, in the precision of a prior.

    Args:
        source: the checkpoint as it was published.
        dtype: float32, bfloat16 or float16.

    Raises:
        CorruptFileError: the source is not what the card says.
        ValueError: there is no such precision.
    """
    _check_precision(dtype)
    entry, _ = card.part(part)
    digest = verify(source, entry.sha256) if entry.sha256 else file_sha256(source)
    network = build_network(card, part)
    weights = read_checkpoint(source, network)
    check_weights(network, weights, source)
    cast = _cast(weights, network, dtype)
    check_finite(cast, source, f"in {dtype}, ")
    write_tensors(cast, output, metadata=_header(card, part, dtype) | {"source_sha256": digest})


def convert_random(card: Card, part: str, output: Path, *, dtype: str) -> None:
    """Write the random weights of a card that asks for them, in the precision of a prior.

    Raises:
        ValueError: the card has no seed for the part, or there is no such precision.
    """
    _check_precision(dtype)
    seed = card.part(part)[0].random_seed
    if seed is None:
        raise ValueError(f"{card.path}: {part} has no random_seed")
    log.warning("%s: the %s of %s are drawn at random", card.path, part, card.name)
    network = build_network(card, part)
    cast = _cast(random_weights(network, seed), network, dtype)
    write_tensors(cast, output, metadata=_header(card, part, dtype))


def _check_precision(dtype: str) -> None:
    if dtype not in PRECISIONS:
        raise ValueError(f"dtype must be one of {', '.join(PRECISIONS)}, got {dtype!r}")


def _cast(weights: Mapping[str, Tensor], network: nn.Module, dtype: str) -> dict[str, Tensor]:
    halved = halved_names(network)
    return {
        name: tensor.to(PRECISIONS[dtype] if name in halved else torch.float32)
        for name, tensor in weights.items()
    }


def converted_header(path: Path) -> Mapping[str, str] | None:
    """What a converted file says about itself; None for any other file."""
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        header = read_metadata(path)
    except CorruptFileError:
        return None  # reading it will say what is wrong, after its checksum has been compared
    return header if header.get("made_by") == MADE_BY else None


def check_converted(
    header: Mapping[str, str], path: Path, card: Card, part: str, dtype: str
) -> None:
    """Refuse a converted file that was made for something else.

    Raises:
        OutdatedFileError: prior, part, architecture, source or precision differ.
    """
    expected = _header(card, part, dtype)
    sha256 = card.part(part)[0].sha256
    made = f"was converted for {header.get('prior')!r} ({header.get('part')})"
    if header.get("architecture") != expected["architecture"]:
        reason = f"{made}, whose architecture is not that of {card.name!r} ({part})"
    elif sha256 and header.get("source_sha256") != sha256:
        reason = (
            f"{made} from a checkpoint whose sha256 is {header.get('source_sha256')}, "
            f"the card expects {sha256}"
        )
    elif not sha256 and any(header.get(k) != expected[k] for k in ("prior", "part", "weights")):
        reason = f"{made}, weights {header.get('weights')!r}, not for {card.name!r} ({part}), "
        reason += f"weights {expected['weights']!r}"
    elif header.get("dtype") != dtype:
        reason = f"was converted to {header.get('dtype')}, but {dtype} is asked for"
    else:
        return
    raise OutdatedFileError(path, f"{reason}; convert the checkpoint again, or name another file")


def random_checkpoint(card: Card, part: str, output: Path, *, seed: int) -> None:
    """Write a checkpoint of random weights (.pt), under which activations stay of order one.

    For trying a pipeline where the real weights cannot be had: what is restored with them is no
    picture. The same card and seed give the same file.
    """
    weights = random_weights(build_network(card, part), seed)
    with replacing(output) as temporary, temporary.open("wb") as stream:
        # A stream and not a path: the format would keep the temporary file's name.
        torch.save(weights, stream)


def random_weights(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """Weights by name, each drawn by itself: the same network and seed give the same."""
    return {name: _drawn(name, value.shape, seed) for name, value in network.state_dict().items()}


def _drawn(name: str, shape: torch.Size, seed: int) -> Tensor:
    """Matrices and kernels of variance 1 / inputs; gains of one, offsets of zero."""
    if len(shape) < 2:
        return torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(shape, generator=generator).div_(math.sqrt(math.prod(shape[1:])))


def _header(card: Card, part: str, dtype: str) -> dict[str, str]:
    return {
        "made_by": MADE_BY,
        "prior": card.name,
        "part": part,
        "architecture": architecture_digest(card, part),
        "weights": card.part(part)[0].identity,
        "dtype": dtype,
    }
