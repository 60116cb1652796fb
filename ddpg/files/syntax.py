"""A module's source as fingerprints want it: its imports, and its code in a normal form.

Reading the syntax trees of a study takes a second of a core, and the Snakefile asks at every parse.
So what was read is remembered under the SHA-256 of the source, of this module, and of the version
of Python, whose trees differ: what has another text is not found there.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ddpg.files.contents import memory

REMEMBERED = Path(".snakemake/ddpg/code.json")
"""Below the folder in which Snakemake runs; removing it costs time only."""
MOST = 20_000
"""Modules that are remembered, each in every text that it has had."""


class Import(NamedTuple):
    """``import module``, without names, or ``from ... import names``."""

    module: str
    level: int
    """Dots before the module."""
    names: tuple[str, ...]


class Code(NamedTuple):
    """What counts of a module."""

    imports: tuple[Import, ...]
    """Wherever they stand."""
    syntax: str
    """The SHA-256 of its text without comments, docstrings and layout."""


def code_in(source: str, name: str) -> Code:
    """The code in a module's source, read or remembered.

    Args:
        source: the text.
        name: of its file, for messages.

    Raises:
        SyntaxError: it is no Python.
    """
    known = memory(REMEMBERED, _checked, MOST)
    key = hashlib.sha256(f"{_reading()}\n{source}".encode()).hexdigest()
    code = known.known.get(key)
    if code is None:
        code = _read(source, name)
        known.add(key, code)
    return code


@cache
def _reading() -> str:
    """What the code is read by."""
    own = Path(__file__).read_bytes()
    return f"{hashlib.sha256(own).hexdigest()} {sys.version}"


def _checked(found: Any) -> Code:
    imports, syntax = found
    return Code(
        tuple(Import(str(module), int(level), tuple(names)) for module, level, names in imports),
        str(syntax),
    )


def _read(source: str, name: str) -> Code:
    words: list[str] = []
    imports: list[Import] = []
    _write(ast.parse(source, filename=name), words, imports)
    return Code(tuple(imports), hashlib.sha256(" ".join(words).encode()).hexdigest())


def _write(node: ast.AST, words: list[str], imports: list[Import]) -> None:
    """Append a tree's text, and its imports. Fields that are empty are left out: every version of
    Python adds some."""
    words.append(type(node).__name__)
    if isinstance(node, ast.Import):
        imports.extend(Import(alias.name, 0, ()) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        imports.append(Import(node.module or "", node.level, names))
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            words.append(field)
            _write(value, words, imports)
        elif isinstance(value, list):
            items = [item for item in value if not is_docstring(item)]
            if items:
                words.append(f"{field}[")
                for item in items:
                    if isinstance(item, ast.AST):
                        _write(item, words, imports)
                    else:
                        words.append(repr(item))
                words.append("]")
        elif (value is not None and field != "kind") or field == "value":
            words.append(f"{field}={value!r}")


def is_docstring(node: object) -> bool:
    """A string that stands alone: a docstring, or the text under an attribute."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
