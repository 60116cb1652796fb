"""Making the list of a folder's pictures, for the ``images`` of a card."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

from ddpg.datasets.entries import SUFFIXES, ImageEntry, made_ids, name_problem, repeated_ids
from ddpg.datasets.matching import find_pictures, left_out
from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.files.writing import replacing
from ddpg.validation import validated

log = logging.getLogger(__name__)


def index_folder(folder: Path, output: Path, *, label_by_folder: bool = False) -> None:
    """As :func:`write_list`, and say how many pictures there are."""
    count = write_list(folder, output, label_by_folder=label_by_folder)
    log.info("%s: listed %d pictures", output, count)


def write_list(folder: Path, output: Path, *, label_by_folder: bool = False) -> int:
    """Write the list of the pictures below a folder, for the ``images`` of a card.

    Args:
        folder: searched with its subfolders.
        output: tab-separated file: id (the path without suffix, ``-`` for ``/``, or what can be
            kept of it: :func:`ddpg.datasets.entries.made_ids`), file, sha256, and the label if
            asked for.
        label_by_folder: number the subfolders at the top in the order of their names, from 0, and
            label each picture with its subfolder's number.

    Returns:
        the number of pictures.

    Raises:
        UserError: the folder holds no picture, or names that no list can hold.
    """
    folder = folder.expanduser()
    files = find_pictures(folder)
    others = left_out(folder)
    if not files:
        there = f"; it has {others}" if others else ""
        raise UserError(f"{folder}: holds no picture ({', '.join(SUFFIXES)}){there}")
    if others:
        log.warning("%s: %s are no pictures by their names, and left out", folder, others)
    rows = [
        {"id": name, "file": file, "sha256": sha256_of(folder / file)}
        for file, name in made_ids(files).items()
    ]
    if label_by_folder:
        labels = _folder_labels(folder, files)
        rows = [{**row, "label": labels[row["file"].split("/")[0]]} for row in rows]
    _check(rows, folder)
    with replacing(output) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, tuple(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _folder_labels(folder: Path, files: list[str]) -> dict[str, str]:
    outside = [file for file in files if "/" not in file]
    if outside:
        raise UserError(
            f"{folder}: has pictures outside its subfolders, which name the classes: "
            f"{', '.join(outside[:5])}"
        )
    classes = sorted({file.split("/")[0] for file in files})
    return {name: str(label) for label, name in enumerate(classes)}


def _check(rows: list[dict[str, str]], folder: Path) -> None:
    """All names that no list can hold and ids that are not unique, in one message."""
    problems, entries = [], []
    for row in rows:
        if problem := name_problem(row["file"]):
            problems.append(f"{folder}: {row['file']!r} {problem}")
            continue
        fields = {name: row[name] for name in ("id", "file", "sha256")}
        try:
            entries.append(validated(ImageEntry, fields, str(folder / row["file"])))
        except UserError as error:
            problems.append(str(error))
        if row["file"] != row["file"].strip():
            problems.append(f"{folder}: {row['file']!r} begins or ends with a blank; rename it")
    problems += [
        f"{folder}: ids must be unique, upper and lower case alike; repeated: {found}"
        for found in repeated_ids(entries)
    ]
    if problems:
        raise UserError("\n".join(problems))
