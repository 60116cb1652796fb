"""Which file of this machine a prior's weights are, and what it holds. Nothing imports torch.

A user's own file is known by its content: a retrained checkpoint has the name of the old one, and
a date can be set back.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.contents import content_of
from ddpg.priors.cards.card import Card

SCHEDULER = "scheduler_config.json"
"""The file of a diffusers folder that describes the diffusion."""


def named_by_variable(card: Card, part: str) -> Path | None:
    """What the environment variable of a part names, where it is set: a file or, of a folder, the
    part's file in it."""
    entry, architecture = card.part(part)
    if (named := entry.named) is None:
        return None
    inside = named / entry.file
    return inside if architecture["kind"] != "diffusers" and inside.exists() else named


def own_file(card: Card, part: str) -> Path | None:
    """The user's own file or folder of a part, whether it is there or not; None if there is none.

    The plain name of a file that is not beside the card is none: the file may lie where those do
    that are fetched.
    """
    entry, local = card.part(part)[0], card.local(part)
    if local is None:
        return None
    if named := named_by_variable(card, part):
        return named
    if local.is_dir() and card.part(part)[1]["kind"] != "diffusers":
        local = local / entry.file
    given = entry.path or local.suffix == ".safetensors" or local.exists()
    return local if given else None


def fetched_parts(card: Card) -> list[str]:
    """The parts that must be fetched: neither own files nor drawn at random.

    What an environment variable names in place of a download is one of them: it is verified
    and pinned like a download.
    """
    return [
        name
        for name, entry in card.checkpoints().items()
        if entry.random_seed is None and own_file(card, name) is None
    ]


def weights_content(card: Card, part: str) -> str:
    """What decides about a part's values, as far as it is known before anything is fetched.

    That is the SHA-256 of the user's own file; of a diffusers folder, of what is read of it; the
    seed of random weights; else the checksum in the card, or "unpinned".

    Raises:
        UserError: a file is there and cannot be read.
    """
    entry, architecture = card.part(part)
    file = own_file(card, part)
    if file is None:
        return entry.identity
    if not file.exists():
        return entry.sha256 or "absent"
    try:
        content = _of_diffusers(file) if architecture["kind"] == "diffusers" else content_of(file)
    except OSError as error:
        where = error.filename or file
        raise UserError(f"{card.path}: {part}: {where}: {error.strerror or error}") from error
    demanded = entry.sha256
    return f"{content}, not {demanded}" if demanded and demanded != content else content


def _of_diffusers(folder: Path) -> str:
    """The SHA-256 of the model and the scheduler's file; the rest of a pipeline is not read."""
    model = folder / "unet"
    if not model.is_dir():
        return content_of(folder)
    files = {"unet": model, SCHEDULER: folder / SCHEDULER}
    files[f"scheduler/{SCHEDULER}"] = folder / "scheduler" / SCHEDULER
    present = {name: content_of(path) for name, path in files.items() if path.exists()}
    return hashlib.sha256(repr(sorted(present.items())).encode()).hexdigest()
