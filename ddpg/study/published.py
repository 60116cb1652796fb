"""The table of published figures that a study names, checked before anything runs."""

from __future__ import annotations

import os

from ddpg.errors import UserError
from ddpg.files.text import decimal_comma, read_table, written_number
from ddpg.validation import listed, shown

COLUMNS = ("dataset", "task", "sigma_y", "method", "psnr", "lpips", "source")
NUMBERS = ("sigma_y", "psnr", "lpips")


def published_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The rows of a table of published figures, as text.

    Args:
        path: fields separated by commas, semicolons or tabs, with the columns :data:`COLUMNS`.

    Raises:
        UserError: the file cannot be read, lacks a column, or holds a number that is none; all
            problems at once.
    """
    table = read_table(path, separators=(",", "\t", ";"), known=COLUMNS)
    if not table:
        raise UserError(f"{path}: not a readable table of published figures: it is empty")
    header = table[0].fields
    if missing := [column for column in COLUMNS if column not in header]:
        raise UserError(f"{path}: missing column {', '.join(missing)}")
    problems, rows = [], []
    for row in table[1:]:
        if len(row.fields) > len(header):
            problems.append(f"{path}, line {row.line}: has more fields than the header")
        named = dict.fromkeys(header, "") | dict(zip(header, row.fields, strict=False))
        rows.append(named)
        problems += [
            f"{path}, line {row.line}: column {column}: must be a number, got "
            f"{shown(named[column])}{decimal_comma(named[column])}"
            for column in NUMBERS
            if named[column] and not _is_number(named[column])
        ]
    if problems:
        raise UserError(listed(problems))
    if not rows:
        raise UserError(f"{path}: holds no row")
    return rows


def _is_number(text: str) -> bool:
    try:
        written_number(text)
    except ValueError:
        return False
    return True
