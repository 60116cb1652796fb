"""One code: what the rules fingerprint is what their jobs run, or a stop that names both.

A job's spec holds a fingerprint of the package beside the Snakefile. The job is another process: in
a container, in another environment, on a node of a cluster, and the ``ddpg`` that it starts may be
another copy. So the rules hand every job the digests of the packages that they have read, this one
and those of the plug-ins that the study uses, and the command compares them with its own before it
does anything else. Equal copies are equal, wherever they lie.

A digest is one of bytes, not of syntax trees: it takes hundredths of a second, against a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.fingerprint import PACKAGE, installed_package
from ddpg.files.shipped import package_files

VARIABLE = "DDPG_CODE"
"""Environment variable of a job: JSON, package -> folder and digest of the copy that the rules
have read."""


@dataclass(frozen=True)
class Copy:
    """A package as it lies on a disk."""

    folder: str
    """Its folder; the file of a module that is no package."""
    digest: str
    """Of the files in and below it, see :func:`package_digest`."""


@cache
def package_digest(folder: Path) -> str:
    """A digest of a package's files, 16 hexadecimal digits; computed once in a process.

    Args:
        folder: the package, or the file of a module that is none.
    """
    digest = hashlib.sha256()
    files = package_files(folder) if folder.is_dir() else [str(folder)]
    for path in files:
        with open(path, "rb") as stream:  # noqa: PTH123 - hundreds of files at the start of a job
            content = hashlib.sha256(stream.read()).digest()
        digest.update(os.fsencode(os.path.relpath(path, folder)) + b"\0" + content)
    return digest.hexdigest()[:16]


def copy_of(package: str) -> Copy | None:
    """The copy of a top-level package that this Python imports; None where it has none."""
    folder = PACKAGE if package == PACKAGE.name else installed_package(package)
    if folder is None:
        return None
    if not folder.is_dir():
        folder = folder.with_suffix(".py")
    return Copy(str(folder), package_digest(folder))


def copies_of(packages: Iterable[str]) -> dict[str, Copy]:
    """The copies that this Python imports of this package and others."""
    copies = {package: copy_of(package) for package in (PACKAGE.name, *sorted(set(packages)))}
    return {package: copy for package, copy in copies.items() if copy is not None}


def to_text(copies: Mapping[str, Copy]) -> str:
    """Copies as the value of :data:`VARIABLE`."""
    return json.dumps({package: asdict(copy) for package, copy in copies.items()})


def from_text(text: str) -> dict[str, Copy]:
    """Copies from the value of :data:`VARIABLE`."""
    return {package: Copy(**fields) for package, fields in json.loads(text).items()}


def check_code() -> None:
    """Compare this process's code with that of the rules whose job it does, if it does one.

    Raises:
        UserError: they differ, with the folders of both.
    """
    if text := os.environ.get(VARIABLE):
        for package, copy in from_text(text).items():
            compare(package, copy, copy_of(package), who="this job")


def compare(package: str, rules: Copy, other: Copy | None, *, who: str) -> None:
    """Compare the rules' copy of a package with the one that somebody else runs.

    Args:
        rules: the copy that the fingerprints are of.
        other: the one that runs; None if there is none.
        who: runs it, such as "this job".

    Raises:
        UserError: the contents differ.
    """
    if other is not None and other.digest == rules.digest:
        return
    if other is not None and other.folder == rules.folder:
        raise UserError(
            f"{package}: the code in {rules.folder} has changed since Snakemake read it, and {who} "
            f"would run what it now is; run the same command again"
        )
    runs = f"runs {other.folder}" if other else f"finds none ({sys.executable})"
    remedy = (
        f"install the rules' copy where the jobs run (pip install -e {Path(rules.folder).parent}; "
        f"a container is built again)"
        if package == PACKAGE.name
        else f"install one version of {package} for Snakemake and for its jobs"
    )
    raise UserError(
        f"{package}: two copies that differ. The rules belong to {rules.folder}, {who} {runs}. "
        f"Results of one must not be filed as those of the other: {remedy}"
    )
