"""Which archive a folder was unpacked from: noted in a hidden file beside it."""

from __future__ import annotations

import json
from pathlib import Path

from ddpg.fetching.checks import Sums, measure_folder
from ddpg.files.writing import replacing


def note_origin(folder: Path, archive: Sums) -> None:
    """Write down the sums of the archive and of what is in the folder now."""
    sums = {"archive": archive, "contents": measure_folder(folder)}
    with replacing(origin_file(folder)) as temporary:
        temporary.write_text(json.dumps(sums), encoding="utf-8")


def origin_file(folder: Path) -> Path:
    """Where the note lies."""
    return folder.with_name(f".{folder.name}.origin.json")


def origin_of(folder: Path) -> tuple[Sums, Sums] | None:
    """Sums of the archive that a folder was unpacked from, and of what was in it, if noted."""
    try:
        noted = json.loads(origin_file(folder).read_text(encoding="utf-8"))
        return Sums(*noted["archive"]), Sums(*noted["contents"])
    except (OSError, ValueError, KeyError, TypeError):  # absent, or not what this program wrote
        return None
