"""What a file must be, as its card or the lock file of checksums says; and whether it is.

The lock file is a YAML mapping: key -> ``sha256`` and ``size``. What was first downloaded is
enforced from then on; it is meant to be committed. Whatever reads it raises a UserError for a file
that is none.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ddpg.errors import UserError
from ddpg.fetching.remote import PublishedFile, Remote
from ddpg.files.contents import sha256_of
from ddpg.files.locking import locked
from ddpg.files.writing import replacing
from ddpg.validation import read_yaml, shown

log = logging.getLogger(__name__)

HEADER = """\
# Checksums of files whose cards give none, written when each was fetched for the first time and
# enforced from then on. Commit this file: whoever runs the study then gets the same files.
# To accept another file, remove its entry; the next run writes a new one.
"""


class Sums(NamedTuple):
    """What a file (or all files of a folder) measures."""

    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.size} bytes, sha256 {self.sha256}"


def measure(path: Path) -> Sums:
    """Size and sha256 of a file."""
    return Sums(path.stat().st_size, sha256_of(path))


def measure_folder(folder: Path) -> Sums:
    """Total size of a folder's files, and one sha256 of their names and contents.

    The sha256 is that of the lines ``SHA256  PATH`` (as ``sha256sum`` writes them), sorted by
    path, with ``/`` between its parts. Hidden files are left out: systems leave them everywhere.
    """
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    sums = {name.as_posix(): measure(folder / name) for name in shown}
    text = "".join(f"{sums[name].sha256}  {name}\n" for name in sorted(sums))
    return Sums(sum(each.size for each in sums.values()), hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is there.

    Attributes:
        digits: the sha256, or the first digits of it, as far as they are known.
        accept: what a user does to accept another file instead.
    """

    size: int | None = None
    digits: str = ""
    accept: str = ""

    def problem(self, sums: Sums) -> str | None:
        """Why a file is not the expected one, and what to do if it is right; None if it is."""
        if self.size in (None, sums.size) and sums.sha256.startswith(self.digits):
            return None
        accept = f"; {self.accept}" if self.accept else ""
        return f"is not the expected file: it has {sums}; expected {self}{accept}"

    def __str__(self) -> str:
        begins = "a sha256 that begins with" if 0 < len(self.digits) < 64 else "sha256"
        size = "any size" if self.size is None else f"{self.size} bytes"
        return f"{size}, {begins} {self.digits or 'unknown'}"


@dataclass(frozen=True)
class Demand:
    """What is demanded of a file: by its card, or by the lock file of checksums under a key."""

    remote: Remote
    pins: Path | None
    key: str

    def expected(self) -> Expected:
        """What the card demands; where it gives no checksum, what the pin demands by now."""
        card, pins = self.remote, self.pins
        if isinstance(card, PublishedFile):
            return Expected(card.size, card.sha256 or card.prefix)
        sums = None if card.sha256 or pins is None else pinned(pins, self.key)
        if sums is None:
            accept = "if this one is right, write its size and sha256 into the card"
            return Expected(card.size, card.sha256 or "", accept)
        accept = f"remove the entry {self.key!r} from {pins} to accept another file"
        return Expected(sums.size if card.size is None else card.size, sums.sha256, accept)

    def judged(self, sums: Sums) -> str | None:
        """Why something is not the expected thing, or None; then it is pinned if it has to be."""
        expected = self.expected()
        if self.pins is not None and not expected.digits and expected.problem(sums) is None:
            pin(self.pins, self.key, sums)
            expected = self.expected()  # another process may have pinned another
        return expected.problem(sums)


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


def _read(pins: Path) -> dict[str, Sums]:
    """The entries, checked: the file may have been edited by hand."""
    content = read_yaml(pins, empty=True) if pins.exists() else {}  # at first only the header
    return {str(key): _sums(f"{pins}: {key}", entry) for key, entry in content.items()}


def _sums(place: str, entry: Any) -> Sums:
    known = isinstance(entry, dict) and set(entry) == {"sha256", "size"}
    if not known or type(entry["size"]) is not int or entry["size"] < 0:
        raise UserError(f"{place}: must hold sha256 and size (bytes), got {shown(entry)}")
    digest = str(entry["sha256"]).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UserError(f"{place}: sha256 must be 64 hexadecimal digits, got {shown(digest)}")
    return Sums(entry["size"], digest)
