"""Tables that a program writes into a page, each between two marks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def written(page: str, tables: Mapping[str, Iterable[str]], program: str) -> str:
    """A page with its tables anew.

    Args:
        tables: the lines of each, by the name that its marks have.
        program: that writes them, as the marks name it.
    """
    for name, rows in tables.items():
        begin, end = f"<!-- {name}: python docs/{program} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = "\n".join([before + begin, *rows, end]) + after
    return page


def write_or_check(page: Path, anew: Callable[[str], str]) -> None:
    """Write a page anew; with ``--check`` write nothing, exit with 1 if that would change it."""
    text = page.read_text(encoding="utf-8")
    if "--check" not in sys.argv:
        page.write_text(anew(text), encoding="utf-8")
    elif anew(text) != text:
        sys.exit(f"{page} is not up to date: run {sys.argv[0]}")
