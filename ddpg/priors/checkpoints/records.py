"""What is known of checkpoints before a job runs: records, pins and what lies here already.

A fetched checkpoint is never the output of a rule: Snakemake removes outputs before a job runs
again and after it was killed, and what was fetched, or put there by hand, would be lost. The rule's
output is a record of the file, ``resources/checkpoints/{prior}/{part}.json``. A hidden note beside
the file says the same to the next planning, whatever becomes of the record. Nothing imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.contents import file_content
from ddpg.files.writing import write_json
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import (
    fetched_parts,
    named_by_variable,
    own_file,
    weights_content,
)
from ddpg.priors.checkpoints.places import downloaded_path

CHECKSUMS = Path("config/checksums.yaml")
"""The lock file of checksums, relative to the working directory."""


@dataclass(frozen=True)
class Record:
    """A verified checkpoint."""

    file: str
    size: int
    sha256: str

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


def read_record(path: Path) -> Record:
    """Read a record."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not the record of a checkpoint: {error}") from error


def pin_key(card: Card, part: str) -> str:
    """The key of a part's checkpoint in the lock file of checksums."""
    return f"{card.name}/{card.part(part)[0].file}"


def is_pinned(card: Card, part: str) -> bool:
    """Whether a part's checkpoint is held to the lock file of checksums.

    All are that the card gives without a checksum, but for a user's own: those that it names by
    ``path``, and what is used as it is (safetensors beside the card, diffusers folders).
    """
    entry, _ = card.part(part)
    own = entry.path or part not in card.checkpoints()
    return not (own or entry.sha256 or entry.random_seed is not None)


def planned_weights(card: Card, part: str) -> str:
    """What decides about a part's values besides the files that its jobs read, for their specs."""
    if part not in fetched_parts(card):
        return weights_content(card, part)
    from ddpg.fetching.checks import demanded  # most cards give no cause to import it

    return demanded(CHECKSUMS, pin_key(card, part), card.part(part)[0].sha256)


def seen_before(card: Card, part: str) -> str:
    """Names the file that lies where a checkpoint is fetched to, as long as it stays the same.

    It is nothing for a file that the workflow has fetched, and the content of one that was there
    first or that was exchanged: the job that verifies it then runs again.
    """
    note = _read_note(downloaded_path(card, part))
    file = named_by_variable(card, part) or downloaded_path(card, part)
    if not file.is_file():
        return note.get("seen", "")
    content = file_content(file)
    return note["seen"] if note.get("sha256") == content else content


def take_note(file: Path, sha256: str, seen: str) -> None:
    """Write down beside a fetched file what it holds and what was seen of it before."""
    write_json(_note(file), {"sha256": sha256, "seen": seen})


def check_pins(cards: Iterable[Card]) -> None:
    """Refuse files of this machine that are not the expected ones, before any job runs.

    Raises:
        UserError: each of them with both checksums, the pin where there is one, and what to do.
    """
    problems = [
        problem
        for card in cards
        for part in card.checkpoints()
        if (problem := pin_problem(card, part, CHECKSUMS))
    ]
    if problems:
        raise UserError("\n".join(problems))


def pin_problem(card: Card, part: str, pins: Path, file: Path | None = None) -> str:
    """Why a part's file on this machine is not the expected one; nothing if it may be.

    Args:
        file: the file; what the user names of this machine if None.

    Raises:
        UserError: ``pins`` is not a lock file of checksums.
    """
    from ddpg.fetching.checks import Demand, Sums

    entry, _ = card.part(part)
    file = file or own_file(card, part) or named_by_variable(card, part)
    if file is None or not file.is_file():
        return ""
    lock_file = pins if is_pinned(card, part) else None
    expected = Demand(entry, lock_file, pin_key(card, part)).expected()
    problem = expected.problem(Sums(file.stat().st_size, file_content(file)))
    if not problem:
        return ""
    by_pin = expected.digits != (entry.sha256 or "")
    own = ", or name the file as {path: ...}, which is not pinned" if by_pin else ""
    return f"{card.path}: {part}: {file} {problem}{own}"


def _note(file: Path) -> Path:
    return file.with_name(f".{file.name}.known.json")


def _read_note(file: Path) -> dict[str, str]:
    try:
        note = json.loads(_note(file).read_text(encoding="utf-8"))
        return {"sha256": str(note["sha256"]), "seen": str(note["seen"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing was noted, or not by this program
