"""Cards: what a prior is, where its weights lie, and how it was made, in YAML.

name: dead-leaves
architecture: {kind: residual_unet, widths: [64, 128, 192], blocks: [3, 2, 2],
               embedding_width: 64}
weights: dead-leaves.safetensors     # beside the card, or an absolute path
sha256: 0123...
schedule: {kind: linear}             # optional: beta_start, beta_end, steps
training: ...                        # for people
scores: ...                          # read by `ddpg score-prior`
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ddpg.errors import UserError

if TYPE_CHECKING:
    from ddpg.schedule import Schedule

EMBEDDED = Path(__file__).parent / "embedded"

_REQUIRED = ("name", "architecture", "weights", "sha256", "schedule")
_OPTIONAL = ("description", "training", "scores")
_SCHEDULES: Mapping[str, Mapping[str, type]] = {
    "linear": {"beta_start": float, "beta_end": float, "steps": int},
    "cosine": {"steps": int, "offset": float},
}


class CardError(UserError):
    """A card that cannot be used; the message names the file, the field and what is allowed."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


@dataclass(frozen=True)
class Card:
    """A validated card.

    Attributes:
        path: the card's file.
        name: of the prior.
        architecture: ``kind`` and the network's own fields.
        weights: the checkpoint's file.
        sha256: of the checkpoint.
        schedule: the diffusion that the network was trained for.
        scores: what the card records of the prior's and its rivals' quality.
    """

    path: Path
    name: str
    architecture: Mapping[str, Any]
    weights: Path
    sha256: str
    schedule: Schedule
    scores: Mapping[str, Any] = field(default_factory=dict)


def embedded_names() -> list[str]:
    """The priors that come with the package."""
    return sorted(path.stem for path in EMBEDDED.glob("*.yaml"))


def find_card(name_or_card: str | os.PathLike[str]) -> Path:
    """The file of an embedded prior's card, by name, or of any card, by path.

    Raises:
        UserError: there is no such prior or file.
    """
    text = os.fspath(name_or_card)
    if text in embedded_names():
        return EMBEDDED / f"{text}.yaml"
    if Path(text).is_file():
        return Path(text)
    known = ", ".join(embedded_names())
    raise UserError(f"unknown prior {text!r}: neither a file nor one of the known priors: {known}")


def read_card(name_or_card: str | os.PathLike[str]) -> Card:
    """Read and check a card.

    Args:
        name_or_card: name of an embedded prior, or path of a card.

    Raises:
        UserError: there is no such prior or file.
        CardError: a field is missing, unknown or not allowed.
    """
    path = find_card(name_or_card)
    fields = _fields(path)
    _check_names(path, "card", fields, _REQUIRED, (*_REQUIRED, *_OPTIONAL))
    for name in ("name", "weights"):
        if not isinstance(fields[name], str) or not fields[name]:
            raise CardError(path, f"{name} must be text, got {fields[name]!r}")
    if not re.fullmatch(r"[0-9a-f]{64}", str(fields["sha256"])):
        raise CardError(path, f"sha256 must be 64 hexadecimal digits, got {fields['sha256']!r}")
    for name in ("architecture", "schedule"):
        if not isinstance(fields[name], dict) or "kind" not in fields[name]:
            raise CardError(path, f"{name} must be a mapping with a kind, got {fields[name]!r}")
    scores = fields.get("scores") or {}
    if not isinstance(scores, dict):
        raise CardError(path, f"scores must be a mapping, got {scores!r}")
    return Card(
        path=path,
        name=fields["name"],
        architecture=fields["architecture"],
        weights=path.parent / fields["weights"],
        sha256=fields["sha256"],
        schedule=_schedule(path, fields["schedule"]),
        scores=scores,
    )


def card_identity(name_or_card: str | os.PathLike[str]) -> str:
    """Names what a prior computes: its checkpoint, architecture and schedule; 16 hex digits.

    Does not import torch, and is not changed by what a card says for people.

    Raises:
        UserError: there is no such card, or it does not give them.
    """
    path = find_card(name_or_card)
    fields = _fields(path)
    decisive = ("architecture", "schedule", "sha256")
    missing = [name for name in decisive if name not in fields]
    if missing:
        raise CardError(path, f"the card lacks {', '.join(missing)}")
    text = json.dumps([fields[name] for name in decisive], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_fields(
    card: Card, section: Mapping[str, Any], required: tuple[str, ...], kind: str
) -> dict[str, Any]:
    """The fields of an architecture without its kind; all of ``required`` and no others.

    Raises:
        CardError: one is missing or unknown.
    """
    fields = {name: value for name, value in section.items() if name != "kind"}
    _check_names(card.path, f"architecture {kind}", fields, required, required)
    return fields


def _fields(path: Path) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CardError(path, f"not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise CardError(path, "a card must be a mapping of fields to values")
    return fields


def _check_names(
    path: Path,
    what: str,
    fields: Mapping[str, Any],
    required: tuple[str, ...],
    allowed: tuple[str, ...],
) -> None:
    missing = [name for name in required if name not in fields]
    unknown = [str(name) for name in fields if name not in allowed]
    if missing:
        raise CardError(path, f"the {what} lacks {', '.join(missing)}")
    if unknown:
        raise CardError(
            path, f"the {what} has no field {', '.join(unknown)}; allowed: {', '.join(allowed)}"
        )


def _schedule(path: Path, section: Mapping[str, Any]) -> Schedule:
    if section["kind"] not in _SCHEDULES:
        kinds = ", ".join(_SCHEDULES)
        raise CardError(path, f"schedule: kind must be one of {kinds}, got {section['kind']!r}")
    from ddpg.schedule import Schedule  # imports torch, which a checksum can do without

    types = _SCHEDULES[section["kind"]]
    values = {name: value for name, value in section.items() if name != "kind"}
    _check_names(path, f"schedule {section['kind']}", values, (), tuple(types))
    try:
        return getattr(Schedule, section["kind"])(
            **{name: types[name](value) for name, value in values.items()}
        )
    except (TypeError, ValueError) as error:
        raise CardError(path, f"schedule: {error}") from error
