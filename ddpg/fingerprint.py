"""Fingerprints of code: what a job runs, as a hash that comments and docstrings do not change.

A stage's results depend on its own module and on everything of this package that it imports.
Both are found by reading the syntax trees, nothing is imported: the Snakefile asks for
fingerprints at every parse.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def fingerprint(*modules: str, without: Iterable[str] = ()) -> str:
    """Hash the syntax trees of modules and of what they import from this package.

    Args:
        modules: dotted names, such as ``ddpg.stages.restoration``.
        without: dotted names to leave out, with what only they import.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(modules, frozenset(without))):
        digest.update(f"{name}\n{_syntax(name)}\n".encode())
    return digest.hexdigest()[:16]


def files_fingerprint(folder: str) -> str:
    """Hash the files of a folder of the package, such as ``comparison/templates``."""
    digest = hashlib.sha256()
    for path in sorted((PACKAGE / folder).iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _closure(modules: Iterable[str], without: frozenset[str]) -> set[str]:
    """The modules and all they import, directly or not."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in without:
            found.add(name)
            waiting.extend(_imports(name))
    return found


def _path(name: str) -> Path | None:
    """The file of a module of this package, or None where there is no such module."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@cache
def _tree(name: str) -> ast.Module:
    path = _path(name)
    if path is None:
        raise ModuleNotFoundError(f"{name} is not a module of {PACKAGE}")
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _imports(name: str) -> frozenset[str]:
    """The modules of this package that a module imports, wherever in the module it does."""
    top = PACKAGE.name
    candidates: set[str] = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            candidates |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from ddpg.a import b` may mean the module ddpg.a.b or a name of ddpg.a.
            candidates |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    own = {candidate for candidate in candidates if candidate.split(".")[0] == top}
    return frozenset(module for module in own if _path(module) is not None)


@cache
def _syntax(name: str) -> str:
    """A module's code as text in a normal form: no comments, docstrings or layout."""
    tree = ast.parse(ast.unparse(_tree(name)))  # a copy: the cached tree stays as it is
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or isinstance(node, ast.expr):
            continue
        body[:] = [item for item in body if not _is_docstring(item)]
    return ast.unparse(tree)


def _is_docstring(node: ast.AST) -> bool:
    """A string that stands alone: a docstring, or the text under an attribute."""
    value = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
