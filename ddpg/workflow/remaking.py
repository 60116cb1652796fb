"""Making again what was deleted, wherever it stands in the flow of the data.

Snakemake misses a file only where something that it makes is missing or outdated: the restorations
of a shard that has been measured may be deleted for their space, and nothing is done about it. As a
target each of them is made again, and what it needs with it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ddpg.errors import UserError
from ddpg.workflow.why import dry_run, parse

_LONGEST = 200_000
"""Bytes of targets on one command line."""


def missing(targets: Sequence[str], configfiles: Sequence[str]) -> list[str]:
    """The files that the workflow makes and that are not there, in the order of their names.

    Args:
        targets: files or folders; what lies below a folder is looked for.
        configfiles: of the study, as Snakemake takes them.

    Raises:
        UserError: no job makes anything at or below one of the targets.
    """
    places = [_below_here(target) for target in targets]
    jobs = parse(dry_run([], configfiles, forced=True))
    made = [path for job in jobs for path in job.output]
    found: set[str] = set()
    for place in places:
        below = [p for p in made if Path(p) == place or place in Path(p).parents]
        if not below:
            raise UserError(f"{place}: no job of the study makes anything there")
        found |= {path for path in below if not Path(path).exists()}
    return sorted(found)


def remake(files: Sequence[str], configfiles: Sequence[str], cores: str) -> int:
    """Have Snakemake make files; gives its exit status, the first that is not 0."""
    for part in _parts(files):
        command = [sys.executable, "-m", "snakemake", "--cores", cores]
        command += ["--configfile", *configfiles] if configfiles else []
        status = subprocess.run([*command, "--", *part], check=False).returncode  # noqa: S603
        if status:
            return status
    return 0


def _below_here(target: str) -> Path:
    path = Path(target)
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _parts(files: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for file in files:
        if part and length + len(file) > _LONGEST:
            yield part
            part, length = [], 0
        part.append(file)
        length += len(file) + 1
    if part:
        yield part
