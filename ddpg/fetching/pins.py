"""The lock file of checksums: what was first downloaded is enforced from then on.

A YAML mapping: key -> ``sha256`` and ``size``. It is meant to be committed. Whatever reads it
raises a UserError for a file that is none.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import yaml

from ddpg.errors import UserError
from ddpg.fetching.checks import Expected, Sums
from ddpg.files.locking import locked
from ddpg.files.writing import replacing
from ddpg.validation import read_yaml, shown

log = logging.getLogger(__name__)

HEADER = """\
# Checksums of files whose cards give none, written when each was fetched for the first time and
# enforced from then on. Commit this file: whoever runs the study then gets the same files.
# To accept another file, remove its entry; the next run writes a new one.
"""


def pinned(pins: Path, key: str) -> Sums | None:
    """The sums under a key, or None."""
    return _read(pins).get(key)


def pin(pins: Path, key: str, sums: Sums) -> Sums:
    """The sums under a key, written if there are none. Many processes may do so at once."""
    with locked(pins):
        present = _read(pins)
        if key in present:
            return present[key]
        content = {k: v._asdict() for k, v in sorted({**present, key: sums}.items())}
        with replacing(pins) as temporary:
            text = yaml.safe_dump(content, allow_unicode=True)
            temporary.write_text(HEADER + text, encoding="utf-8")
    log.info("%s: pinned sha256 %s in %s", key, sums.sha256, pins)
    return sums


def demanded(pins: Path, key: str, sha256: str | None) -> str:
    """The checksum that a card demands besides the pin; nothing where the pin says the same.

    To write the right checksum into a card then changes nothing.
    """
    known = pinned(pins, key) if sha256 else None
    return "" if known is not None and known.sha256 == sha256 else sha256 or ""


def expected_by(pins: Path, key: str, sums: Sums) -> Expected:
    """What a pin demands."""
    accept = f"remove the entry {key!r} from {pins} to accept another file"
    return Expected(sums.size, sums.sha256, accept=accept)


def refused_by_pin(pins: Path, key: str, sums: Sums) -> str:
    """Why sums are not the pinned ones; nothing if they are, or are seen for the first time."""
    expected = expected_by(pins, key, pin(pins, key, sums))
    problem = expected.problem(sums)
    return f"{problem}; {expected.accept}" if problem else ""


def _read(pins: Path) -> dict[str, Sums]:
    """The entries, checked: the file may have been edited by hand."""
    entries: dict[str, Sums] = {}
    content = read_yaml(pins, empty=True) if pins.exists() else {}  # at first only the header
    for key, entry in content.items():
        known = isinstance(entry, dict) and set(entry) == {"sha256", "size"}
        if not known or type(entry["size"]) is not int or entry["size"] < 0:
            raise UserError(f"{pins}: {key}: must hold sha256 and size (bytes), got {shown(entry)}")
        digest = str(entry["sha256"]).lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            reason = f"sha256 must be 64 hexadecimal digits, got {shown(digest)}"
            raise UserError(f"{pins}: {key}: {reason}")
        entries[str(key)] = Sums(entry["size"], digest)
    return entries
