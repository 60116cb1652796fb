"""What ran: the code with its commit, the date, and the files that say what was run."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ddpg.datasets.cards import card_path
from ddpg.files.contents import content_of
from ddpg.files.fingerprint import PACKAGE
from ddpg.files.shipped import own_or_shipped
from ddpg.jobs.same_code import VARIABLE, copies_of, from_text
from ddpg.machine.repository import repository_state
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.own_files import SCHEDULER, own_file
from ddpg.study.degradation_cards import CARD_FOLDER, is_card
from ddpg.study.degradation_cards import read_card as read_degradation
from ddpg.study.degradations import check_degradation

EPOCH = "SOURCE_DATE_EPOCH"
"""Environment variable: seconds since 1970 that stand for now, so that records are the same."""
CODE = ("ddpg", "rules", "Snakefile")
"""What runs of a checkout: files there that git does not know count as changes."""
SHOWN = 50
"""Changed files that the record names."""


def run_record(folder: Path) -> dict[str, Any]:
    """Return when the record was written, by which code, and at which commit of the study's files.

    Args:
        folder: in which Snakemake runs.

    Returns:
        ``date`` (UTC); ``code``: version, ``sha256`` of every package that ran, in 16 digits, and
        where the package is a checkout ``commit``, ``dirty`` and ``changed``; ``study``: these
        three, where the folder of the study is in a repository of its own.
    """
    code = PACKAGE.parent
    packages = from_text(text).keys() if (text := os.environ.get(VARIABLE)) else ()
    digests = {package: copy.digest for package, copy in copies_of(packages).items()}
    state = _state(code, f"{PACKAGE.name}/__init__.py", CODE)
    record: dict[str, Any] = {
        "date": now().isoformat(timespec="seconds"),
        "code": {"version": metadata.version("ddpg"), **state, "packages": digests},
    }
    if folder.resolve() != code.resolve() and (own := _state(folder, ".", ())):
        record["study"] = own
    return record


def now() -> datetime:
    """The time in UTC, or the one that :data:`EPOCH` names."""
    if (given := os.environ.get(EPOCH, "")).isdigit():
        return datetime.fromtimestamp(int(given), UTC)
    return datetime.now(UTC)


def _state(folder: Path, tracked: str, new: Iterable[str]) -> dict[str, Any]:
    state = repository_state(folder, tracked, new)
    if not state:
        return {}
    changed = list(map(str, state["changed"]))  # type: ignore[call-overload]
    more = [f"... and {len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
    return {
        "commit": state["commit"],
        "dirty": bool(changed),
        "changed": changed[:SHOWN] + more,
    }


def definition_files(config: Mapping[str, Any], sheet: Path) -> dict[str, str]:
    """Return the checksums of the files that define a study besides its sheet, by their names.

    These are the cards of data sets and degradations with the kernels, masks and lists that lie
    beside them, published figures, and the record of a tuning. A folder has the checksum of the
    names and contents of all files below it.
    """
    return dict(sorted((name, content_of(path)) for name, path in _defining(config, sheet)))


def degradations_by_card(sheet: Path) -> dict[str, dict[str, Any]]:
    """Return what the cards of a sheet's degradations say, by the names of the cards: the task, its
    backend, and of kernel, mask, scale, share, weights, noise and measure what they give."""
    described = [check_degradation(task, "", None) for task in _tasks(sheet) if is_card(task)]
    return {
        degradation.card: {
            name: value
            for name, value in asdict(degradation).items()
            if name != "card" and value not in (None, "")
        }
        for degradation in sorted(described, key=lambda degradation: degradation.card)
    }


def folder_files(card: Card, part: str) -> dict[str, str]:
    """Return the SHA-256 of every file that is read of a prior's diffusers folder, by its place.

    Args:
        part: "weights" or "classifier".

    Returns:
        nothing for a part that lies in one file.

    Raises:
        OSError: a file cannot be read.
    """
    folder = own_file(card, part)
    if folder is None or card.part(part)[1]["kind"] != "diffusers" or not folder.is_dir():
        return {}
    described = (SCHEDULER, f"scheduler/{SCHEDULER}")
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    pipeline = (folder / "unet").is_dir()  # of one, the rest is not read
    read = [
        file
        for file in files
        if not any(name.startswith(".") for name in file.parts)
        and (not pipeline or file.parts[0] == "unet" or file.as_posix() in described)
    ]
    return {file.as_posix(): content_of(folder / file) for file in read}


def _defining(config: Mapping[str, Any], sheet: Path) -> Iterator[tuple[str, Path]]:
    for entry in config.get("datasets", ()):
        yield f"data set {entry['card']}", card_path(entry["card"])
    for task in sorted(_tasks(sheet)):
        if is_card(task):
            yield f"degradation {task}", _degradation_file(task)
            card = read_degradation(task)
            for kind, given in (("kernel", card.kernel), ("mask", card.mask)):
                if given and Path(given).exists():
                    yield f"{kind} of {task}", Path(given)
    for key in ("published", "tuned"):
        if config.get(key) and Path(config[key]).exists():
            yield f"{key} {config[key]}", Path(config[key])


def _degradation_file(task: str) -> Path:
    if task.endswith((".yaml", ".yml")):
        return Path(task).expanduser()
    return own_or_shipped(CARD_FOLDER / f"{task}.yaml")


def _tasks(sheet: Path) -> set[str]:
    """The values of the sheet's column of tasks."""
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        lines = [line for line in stream if line.strip() and not line.startswith("#")]
    return {row["task"].strip() for row in csv.DictReader(lines, delimiter="\t") if row.get("task")}
