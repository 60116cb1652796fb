"""Fingerprints of code: what a job runs, as a hash that comments and docstrings do not change.

A stage's results depend on its own module and on everything of this package that it imports; those
of a plug-in's method on that plug-in's package too. Modules are found by reading the syntax trees,
nothing is imported: the Snakefile asks for fingerprints at every parse.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.contents import content_of
from ddpg.files.syntax import Code, Import, code_in

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


@cache
def _code(name: str) -> Code:
    path = _path(name)
    if path is None:
        where = PACKAGE if name.split(".")[0] == PACKAGE.name else "this Python"
        raise ModuleNotFoundError(f"{name} is not a module of {where}")
    return code_in(path.read_text(encoding="utf-8"), str(path))


@cache
def _imports(name: str) -> frozenset[str]:
    """The modules of its package and this one that a module imports, wherever it does."""
    tops = {PACKAGE.name, name.split(".")[0]}
    candidates: set[str] = set()
    for imported in _code(name).imports:
        # `from ddpg.a import b` may mean the module ddpg.a.b or a name of ddpg.a. The package
        # itself only offers names, which it loads late: its modules do not depend on it.
        module = _absolute(name, imported)
        named = {f"{module}.{member}" for member in imported.names}
        candidates |= named
        if module != PACKAGE.name or not named or any(_path(member) is None for member in named):
            candidates.add(module)
    own = {candidate for candidate in candidates if candidate.split(".")[0] in tops}
    return frozenset(module for module in own if _path(module) is not None)


def _syntax(name: str) -> str:
    """A module's code in a normal form: no comments, docstrings or layout."""
    return _code(name).syntax


def _absolute(name: str, imported: Import) -> str:
    """The module that an import names, seen from the module ``name``."""
    if not imported.level:
        return imported.module
    path = _path(name)
    inside = 0 if path is not None and path.name == "__init__.py" else 1
    package = name.split(".")[: len(name.split(".")) - inside - (imported.level - 1)]
    return ".".join([*package, *([imported.module] if imported.module else [])])
