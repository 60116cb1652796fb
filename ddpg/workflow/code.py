"""Snakemake's side of one code for rules and jobs, see :mod:`ddpg.jobs.same_code`."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ddpg.files.fingerprint import PACKAGE
from ddpg.jobs.same_code import VARIABLE, Copy, compare, copies_of, package_digest, to_text

_WHERE = """
import sys
from importlib.util import find_spec
for name in sys.argv[1:]:
    spec = find_spec(name)
    print(spec.origin if spec and spec.origin else "")
"""
"""Tells where a Python has packages; it works with every version of them."""


def shell_prefix(workflow: Any, packages: Iterable[str]) -> str:
    """What stands before the command of every job: where ``ddpg`` is, and which it must be.

    Args:
        packages: the top-level packages of the plug-ins that the study uses.

    Returns:
        shell code; braces are doubled, because Snakemake formats it.

    Raises:
        UserError: the package that Snakemake has imported, or the one that the jobs on this machine
            would run, differs from the one beside the Snakefile.
    """
    exported = {VARIABLE: _announced(workflow, packages)}
    prefix = "".join(f"export {name}={shlex.quote(text)}; " for name, text in exported.items())
    if not uses_containers(workflow):
        # Jobs find the command beside the interpreter that runs Snakemake, activated or not; an
        # image has its own.
        prefix = f'export PATH={shlex.quote(_commands())}:"$PATH"; {prefix}'
    return prefix.replace("{", "{{").replace("}", "}}")


def uses_containers(workflow: Any) -> bool:
    """Whether the jobs run in a container."""
    return "apptainer" in map(str, workflow.deployment_settings.deployment_method)


def _announced(workflow: Any, packages: Iterable[str]) -> str:
    """The copies that the fingerprints are of, as jobs are told.

    A Snakemake that does a job for another one, on a node of a cluster, passes on what it was told:
    that is what the results are filed under.
    """
    copies = copies_of(packages)
    _check_imported(Path(workflow.basedir), copies[PACKAGE.name])
    if not workflow.is_main_process and (told := os.environ.get(VARIABLE)):
        return told
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        _check_command(copies)
    text = to_text(copies)
    os.environ[VARIABLE] = text  # for the Snakemake of a job, wherever it is started
    return text


def _check_imported(folder: Path, imported: Copy) -> None:
    """The package beside the Snakefile, if there is one, must be what Snakemake has imported."""
    beside = folder / PACKAGE.name
    if (beside / "__init__.py").is_file() and not beside.samefile(imported.folder):
        rules = Copy(str(beside), package_digest(beside))
        compare(PACKAGE.name, rules, imported, who="Snakemake")


def _check_command(copies: Mapping[str, Copy]) -> None:
    """The ``ddpg`` command of jobs on this machine must run the copies that Snakemake has.

    Every job looks as well; here it is said once, in the dry run. Where the command belongs to
    another Python, only the jobs can tell.
    """
    if shutil.which("ddpg", path=_commands()) is None:
        return
    # -P: as the command, and other than Snakemake, it does not look in the present folder first.
    python = [sys.executable, "-P", "-c", _WHERE, *copies]
    told = subprocess.run(python, capture_output=True, text=True, check=True)  # noqa: S603
    for (package, copy), origin in zip(copies.items(), told.stdout.split("\n"), strict=False):
        folder = Path(origin).parent if origin.endswith("__init__.py") else Path(origin)
        if not origin:
            compare(package, copy, None, who="the `ddpg` command of the jobs")
        elif not folder.samefile(copy.folder):
            other = Copy(str(folder), package_digest(folder))
            compare(package, copy, other, who="the `ddpg` command of the jobs")


def _commands() -> str:
    """The folder of the commands that belong to this Python."""
    return str(Path(sys.executable).parent)
