"""Text files and tables that people make: every encoding that editors and spreadsheets save.

One reader for experiment sheets, lists of pictures, tables of published figures and YAML files.
A byte-order mark decides the encoding; without one a file is UTF-8. Lines end as they like.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ddpg.errors import UserError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_BLANKS = "\ufeff\u00a0\u2007\u202f\u200b"
"""What stands for a blank, or for nothing, where pages and spreadsheets are copied from."""


@dataclass(frozen=True)
class Row:
    """A row of a table: the number of its line, from 1, and its fields without outer blanks."""

    line: int
    fields: tuple[str, ...]


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file, without a byte-order mark, its lines ended by ``\\n``.

    Raises:
        UserError: the file cannot be read or decoded; names the line of the first bad byte.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # reading a pipe waits for its writer
            what = "is a folder" if Path(path).is_dir() else "is no regular file"
            raise UserError(f"{os.fspath(path)}: cannot be read ({what})")
        content = Path(path).read_bytes()
    except OSError as error:  # also a name that is too long
        raise UserError(f"{os.fspath(path)}: cannot be read ({error.strerror})") from error
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{os.fspath(path)}{_undecodable(content, encoding, error)}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _undecodable(content: bytes, encoding: str, error: UnicodeDecodeError) -> str:
    """What is wrong with bytes that are no text, beginning with their place."""
    if encoding.startswith("utf-8"):
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if 0 in content[:1000]:
            return ": is not text in UTF-8: it holds zero bytes; save it as UTF-8"
        byte = content[error.start]
        guess = f", {chr(byte)!r} in Latin-1" if byte >= 0xA0 else ""
        return (
            f", line {before.count(10) + 1}: is not text in UTF-8 (byte 0x{byte:02x}{guess}); "
            "save the file as UTF-8"
        )
    return f": is not text in {encoding.upper()}, which its byte-order mark promises; save it anew"


def read_table(
    path: str | os.PathLike[str],
    *,
    separators: Sequence[str] = ("\t",),
    known: Sequence[str] = (),
) -> list[Row]:
    """The rows of a table, its header first, without empty lines and those that begin with ``#``.

    Args:
        separators: those that may stand between fields, the usual one first.
        known: columns that a header may have; they tell a table with another separator.

    Raises:
        UserError: the file is no text, has a broken quote, or its columns have another separator.
    """
    return table_rows(read_text(path), path, separators=separators, known=known)


def table_rows(
    text: str,
    path: str | os.PathLike[str],
    *,
    separators: Sequence[str] = ("\t",),
    known: Sequence[str] = (),
) -> list[Row]:
    """The rows of a table's text; arguments as for :func:`read_table`."""
    lines = [
        line if line.strip(_BLANKS + " \t,;") and not _plain(line).startswith("#") else ""
        for line in text.split("\n")
    ]
    header = next((line for line in lines if line), "")
    separator = _separator(header, path, separators, known)
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True)
    rows: list[Row] = []
    line = 0
    try:
        for fields in reader:
            cleaned = tuple(_plain(field) for field in fields)
            if any(cleaned):
                rows.append(Row(line + 1, cleaned))
            line = reader.line_num
    except csv.Error as error:
        raise UserError(
            f"{os.fspath(path)}, line {line + 1}: is not a line of a table ({error})"
        ) from error
    width = len(_without_empty_end(rows[0].fields)) if rows else 0
    # Without the empty fields past the header's, which a tab too many leaves.
    return [
        Row(row.line, row.fields[:width] + _without_empty_end(row.fields[width:])) for row in rows
    ]


def written_number(text: str) -> int | float:
    """The number that a text writes in decimal digits; an integer where it is one.

    Python reads more: ``1_000``, digits of other scripts, ``nan``; and 1e-400 as 0. Names are made
    from numbers, so what is read must be what is written.

    Raises:
        ValueError: it is no such number, or beyond what a double holds.

    Example:
        >>> written_number("0.05"), written_number("1e3")
        (0.05, 1000)
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"no number: {text!r}")
    value = float(text)
    if not math.isfinite(value) or underflows(text):
        raise ValueError(f"beyond what a double holds: {text!r}")
    return int(value) if value.is_integer() else value


def underflows(text: str) -> bool:
    """Whether the text of a number other than 0 is read as 0, too small for a double.

    >>> underflows("1e-400"), underflows("0e-400")
    (True, False)
    """
    return float(text) == 0 and re.split("[eE]", text)[0].strip("+-0._") != ""


def decimal_comma(text: str) -> str:
    """A hint for a number that is written with a comma, or nothing."""
    digits = text.strip().lstrip("+-").replace(",", "", 1)
    written = text.count(",") == 1 and digits.replace(".", "").isdecimal()
    return f" (write {text.replace(',', '.')}, with a point)" if written else ""


def _plain(field: str) -> str:
    """A field without outer blanks of any kind."""
    return field.strip().strip(_BLANKS + " \t")


def _separator(
    header: str, path: str | os.PathLike[str], separators: Sequence[str], known: Sequence[str]
) -> str:
    """What stands between the fields of a table, going by its header."""
    for separator in separators:
        if separator in header:
            return separator
    wanted = " or ".join(_SEPARATORS[separator] for separator in separators)
    for separator in {*_SEPARATORS} - {*separators}:
        names = {_plain(name).strip('"') for name in header.split(separator)}
        if len(names & set(known)) > 1:
            raise UserError(
                f"{path}: its fields are separated by a {_SEPARATORS[separator]}, where a {wanted} "
                f"is needed; save it as a text file separated by {wanted}s"
            )
    names = {name for name in _plain(header).split() if name in known}
    if len(names) > 1:
        raise UserError(
            f"{os.fspath(path)}: its fields are separated by blanks, where a {wanted} is needed"
        )
    return separators[0]


def _without_empty_end(fields: tuple[str, ...]) -> tuple[str, ...]:
    while fields and not fields[-1]:
        fields = fields[:-1]
    return fields


def plain(text: object, longest: int = 300) -> str:
    """Words of elsewhere as one printable line, shortened if they are long."""
    line = "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in str(text)
    )
    return line if len(line) <= longest else f"{line[:longest]} ..."
