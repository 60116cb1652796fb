"""Fingerprints of code: what a job runs, as a hash that comments and docstrings do not change.

A stage's results depend on its own module and on everything of this package that it imports; those
of a plug-in's method on that plug-in's package too. Modules are found by reading the syntax trees,
nothing is imported: the Snakefile asks for fingerprints at every parse.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.contents import content_of

PACKAGE = Path(__file__).parent.parent


def fingerprint(*modules: str, without: Iterable[str] = ()) -> str:
    """A hash of modules and of what they import from their package and this one; 16 digits.

    Args:
        modules: dotted names, such as ``ddpg.stages.restoration``.
        without: dotted names to leave out, with the modules below them and what only they import.
    """
    return _fingerprint(modules, frozenset(without))


@cache
def _fingerprint(modules: tuple[str, ...], without: frozenset[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(_closure(modules, without)):
        digest.update(f"{name}\n{_syntax(name)}\n".encode())
    return digest.hexdigest()[:16]


def files_fingerprint(folder: str) -> str:
    """Hash the files in and below a folder of the package, such as ``comparison/templates``.

    Modules are left out: they have a fingerprint of their own.
    """
    digest = hashlib.sha256()
    root = PACKAGE / folder
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def data_fingerprint(module: str, names: Iterable[str]) -> str:
    """Hash the data files of a plug-in, 16 hexadecimal digits; nothing where it names none.

    Args:
        module: dotted name of the module that reads them.
        names: of files or folders, relative to the module's folder.

    Raises:
        UserError: one of them is not there.
    """
    names = sorted(names)
    if not names:
        return ""
    path = _path(module)
    folder = PACKAGE if path is None else path.parent
    try:
        contents = [(name, content_of(folder / name)) for name in names]
    except OSError as error:
        raise UserError(f"{module}: its data file {error.filename}: {error.strerror}") from error
    return hashlib.sha256(repr(contents).encode()).hexdigest()[:16]


def _closure(modules: Iterable[str], without: frozenset[str]) -> set[str]:
    """The modules and all they import, directly or not."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and not _is_below(name, without):
            found.add(name)
            waiting.extend(_imports(name))
    return found


def _is_below(name: str, modules: frozenset[str]) -> bool:
    """Whether a module is one of some, or lies in one."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in modules for length in range(1, len(parts) + 1))


def _path(name: str) -> Path | None:
    """The file of a module of this package or another, or None where there is no such module."""
    top, *rest = name.split(".")
    folder = PACKAGE if top == PACKAGE.name else installed_package(top)
    if folder is None:
        return None
    path = folder.joinpath(*rest)
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@cache
def installed_package(top: str) -> Path | None:
    """Where a top-level package or module lies, without its suffix; it is not imported."""
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        return None
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin.with_suffix("")


def _tree(name: str) -> ast.Module:
    path = _path(name)
    if path is None:
        where = PACKAGE if name.split(".")[0] == PACKAGE.name else "this Python"
        raise ModuleNotFoundError(f"{name} is not a module of {where}")
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _read(name: str) -> tuple[frozenset[str], str]:
    """A module's own imports, and its syntax; the tree itself, which is large, is not kept."""
    tree = _tree(name)
    words: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _write(tree, words, imports)
    return _own(name, imports), " ".join(words)


def _imports(name: str) -> frozenset[str]:
    """The modules of its package and this one that a module imports, wherever it does."""
    return _read(name)[0]


def _syntax(name: str) -> str:
    """A module's code as text in a normal form: no comments, docstrings or layout."""
    return _read(name)[1]


def _write(node: ast.AST, words: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Append a tree's text, and its imports. Fields that are empty are left out: every version of
    Python adds some."""
    words.append(type(node).__name__)
    if isinstance(node, ast.Import | ast.ImportFrom):
        imports.append(node)
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            words.append(field)
            _write(value, words, imports)
        elif isinstance(value, list):
            items = [item for item in value if not _is_docstring(item)]
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


def _own(name: str, imports: Iterable[ast.Import | ast.ImportFrom]) -> frozenset[str]:
    """The modules of its package and this one among what a module imports."""
    tops = {PACKAGE.name, name.split(".")[0]}
    candidates: set[str] = set()
    for node in imports:
        if isinstance(node, ast.Import):
            candidates |= {alias.name for alias in node.names}
        else:
            # `from ddpg.a import b` may mean the module ddpg.a.b or a name of ddpg.a. The package
            # itself only offers names, which it loads late: its modules do not depend on it.
            module = _absolute(name, node)
            named = {f"{module}.{alias.name}" for alias in node.names}
            candidates |= named
            if module != PACKAGE.name or any(_path(member) is None for member in named):
                candidates.add(module)
    own = {candidate for candidate in candidates if candidate.split(".")[0] in tops}
    return frozenset(module for module in own if _path(module) is not None)


def _absolute(name: str, node: ast.ImportFrom) -> str:
    """The module that ``from ... import`` names, seen from the module ``name``."""
    if not node.level:
        return node.module or ""
    path = _path(name)
    inside = 0 if path is not None and path.name == "__init__.py" else 1
    package = name.split(".")[: len(name.split(".")) - inside - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])


def _is_docstring(node: object) -> bool:
    """A string that stands alone: a docstring, or the text under an attribute."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
