"""Lists of pictures: tables with a header, and plain lists of names and labels.

A table is tab-separated and has the columns ``id``, ``file`` and perhaps ``sha256`` and ``label``.
A plain list has a picture a line, its name and perhaps its class after blanks, as the published
``imagenet_val_1k.txt``. A name may come with or without folders and suffix, because such lists are
passed on apart from the pictures; :mod:`ddpg.datasets.matching` finds the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ddpg.datasets.entries import ImageEntry, file_problem, is_picture, made_id
from ddpg.errors import UserError
from ddpg.files.text import read_text, table_rows
from ddpg.validation import listed, shown, validated

COLUMNS = ("id", "file", "sha256", "label")
_LABEL = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Listing:
    """Pictures that are known by name."""

    entries: tuple[ImageEntry, ...]
    """The pictures, in the order of the data set."""
    exact: bool
    """Whether each ``file`` is a path below the source's folder, not just a name to find."""


def read_list(path: str | Path) -> Listing:
    """Read a list of pictures, of either kind; byte-order marks and line ends do not matter.

    Raises:
        UserError: every line that cannot be understood, in one message.
    """
    text = read_text(path)
    lines = text.split("\n")
    header = next((line for line in lines if line.strip()), "").split("\t")
    named = {cell.strip() for cell in header} & {"id", "file"}
    table = Path(path).suffix.lower() == ".tsv" or (len(header) > 1 and named)
    listing = _table(str(path), text) if table else _plain(str(path), lines)
    if not listing.entries:
        raise UserError(f"{path}: the list is empty")
    return listing


def _table(path: str, text: str) -> Listing:
    """A table, with its columns checked."""
    rows = table_rows(text, path, known=COLUMNS)
    columns = list(rows[0].fields) if rows else []
    if not {"id", "file"} <= set(columns) <= set(COLUMNS) or len(set(columns)) < len(columns):
        raise UserError(
            f"{path}: columns must be id, file and perhaps sha256 and label, got {columns!r}"
        )
    entries, problems = [], []
    for row in rows[1:]:
        if len(row.fields) > len(columns):
            problems.append(f"{path}, line {row.line}: has more fields than the header")
            continue
        fields = {name: cell for name, cell in zip(columns, row.fields, strict=False) if cell}
        try:
            entries.append(_entry(fields, f"{path}, line {row.line}"))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(listed(problems))
    return Listing(tuple(entries), exact=True)


def _entry(fields: dict[str, str], place: str) -> ImageEntry:
    """An entry from the cells of a table; only the label is a number."""
    if not _LABEL.fullmatch(fields.get("label", "0")):
        raise UserError(
            f"{place}: label: must be an integer of 0 or more, got {shown(fields['label'])}"
        )
    label = {"label": int(fields["label"])} if "label" in fields else {}
    return validated(ImageEntry, {**fields, **label}, place)


def _plain(path: str, lines: list[str]) -> Listing:
    """A plain list: repeated names and lines that make no sense are told together."""
    entries, problems, seen = [], [], dict[str, int]()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            entries.append(_named(text))
        except UserError as error:
            problems.append(f"{path}, line {number}: {error}")
            continue
        first = seen.setdefault(entries[-1].id, number)
        if first != number:
            problems.append(f"{path}, line {number}: {text!r} repeats line {first}")
    if problems:
        raise UserError(listed(problems))
    return Listing(tuple(entries), exact=False)


def _named(text: str) -> ImageEntry:
    """The entry of a line of a plain list."""
    name, *label = text.rsplit(maxsplit=1)
    if label and not _LABEL.fullmatch(label[0]):
        if not is_picture(text):
            raise UserError(f"expected a name and perhaps a label of 0 or more, got {shown(text)}")
        name, label = text, []  # a name that holds blanks
    file = name.replace("\\", "/").removeprefix("./")
    if problem := file_problem(file):
        raise UserError(f"{shown(name)} {problem}")
    return ImageEntry(id=made_id(file), file=file, label=int(label[0]) if label else None)
