"""A file on its way: hidden beside its target, with what is needed to go on with it later."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ddpg.files.writing import replacing


@dataclass(frozen=True)
class Source:
    """Where the bytes of a partial file come from.

    Attributes:
        mirror: the address.
        etag, last_modified: what the server calls this version of the file, or empty.
        size: bytes of the whole file, or None.
        mixed: whether bytes may come from several versions, so that only a checksum can tell.
    """

    mirror: str
    etag: str = ""
    last_modified: str = ""
    size: int | None = None
    mixed: bool = False

    @property
    def validator(self) -> str:
        """What an ``If-Range`` may hold (RFC 9110, section 13.1.5): no weak tag."""
        strong = self.etag and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified


class Partial:
    """The bytes of a target that are there so far.

    Args:
        target: the final name; the partial file is ``.NAME.partial`` beside it.
    """

    def __init__(self, target: Path) -> None:
        self.data = target.with_name(f".{target.name}.partial")
        self.notes = target.with_name(f".{target.name}.partial.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.data.stat().st_size if self.data.is_file() else 0

    @property
    def source(self) -> Source | None:
        """Where they come from; None if that is not known."""
        try:
            return Source(**json.loads(self.notes.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # absent, or not what this program wrote
            return None

    def begin(self, source: Source) -> None:
        """Forget the bytes and begin anew."""
        self.data.write_bytes(b"")
        self.note(source)

    def note(self, source: Source) -> None:
        """Write down where the bytes come from."""
        with replacing(self.notes) as temporary:
            temporary.write_text(json.dumps(asdict(source)), encoding="utf-8")

    def discard(self) -> None:
        """Remove the partial file."""
        self.data.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def publish(self, target: Path) -> None:
        """Give the file its final name; the bytes reach the disk before the name changes."""
        with self.data.open("rb") as stream:
            os.fsync(stream.fileno())
        self.data.replace(target)
        self.notes.unlink(missing_ok=True)
