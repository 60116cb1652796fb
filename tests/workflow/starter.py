"""A process that has imported Snakemake, and whose copies run it: 0.8 s of a core instead of 5.

    python starter.py

It reads requests from its standard input, a line of JSON each, and answers with a line: the exit
status. Where a request has this process's own PYTHONPATH, Snakemake runs in a copy of a second
process: one that has imported what the rules import of the package under test, and read the code
that they fingerprint. For any other PYTHONPATH the package is not imported yet: the copy imports
what is named there, as a new interpreter does.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]

IMPORTED = (
    *("snakemake.cli", "snakemake.assets", "snakemake.profiles", "snakemake.report"),
    *("PIL.Image", "charset_normalizer", "docutils.core", "filelock", "jinja2", "lazy_loader"),
    *("packaging.version", "pydantic", "pygments.lexers", "requests", "smart_open", "urllib3"),
    *("yte", "numpy", "yaml"),
)
"""What Snakemake and the rules import of others."""


FINGERPRINTED = ("stages.restoration", "stages.evaluation", "stages.observed.evaluation")
FINGERPRINTED += ("stages.preparation", "comparison.figures.plots", "comparison.page.page")
"""Modules that import, between them, most of what the rules fingerprint."""


def main() -> int:
    """Import, and run a copy for each request until there are no more.

    Returns:
        the exit status: of the starter or, in a copy, of Snakemake.
    """
    own = [path for path in sys.path if path not in _python_path(os.environ)][1:]
    _hold(IMPORTED)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with_package: tuple[TextIO, TextIO] | None = None
    for line in sys.stdin:
        if _python_path(json.loads(line)["environment"]) == _python_path(os.environ):
            with_package = with_package or _second(own)
            print(line, end="", file=with_package[0], flush=True)
            _tell(replies, int(with_package[1].readline()))
        else:
            _answer(line, own, replies)
    return 0


def _hold(modules: Iterable[str]) -> None:
    """Import modules, whose pages collections in the copies are not to touch."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


def _second(own: Sequence[str]) -> tuple[TextIO, TextIO]:
    """A copy that has imported the package, and runs copies of itself: its input and output."""
    requests, answers = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(requests[1])
        _hold(_imported_by_rules())
        _read_code()
        replies = os.fdopen(answers[1], "w")
        for line in os.fdopen(requests[0]):
            _answer(line, own, replies)
        os._exit(0)
    os.close(requests[0])
    os.close(answers[1])
    return os.fdopen(requests[1], "w"), os.fdopen(answers[0])


def _imported_by_rules() -> list[str]:
    """The modules of the package that stand in the Snakefile, the rules and the profile."""
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    files.append(ROOT / "profiles/default/config.yaml")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    lines = re.findall(r"^ *from (ddpg[\w.]*) import (.+)$", text, re.MULTILINE)
    named = [f"{module}.{name.strip()}" for module, names in lines for name in names.split(",")]
    members = [name for name in named if (ROOT / f"{name.replace('.', '/')}.py").is_file()]
    return [*members, *(module for module, _ in lines), "ddpg.workflow.terminal.handler"]


def _read_code() -> None:
    """Read the code of jobs, which every run reads to fingerprint it."""
    from ddpg.files.fingerprint import fingerprint

    fingerprint(*(f"ddpg.{module}" for module in FINGERPRINTED))


def _answer(line: str, own: Sequence[str], replies: TextIO) -> None:
    """Run a copy for a request, and tell its exit status."""
    child = os.fork()
    if child == 0:
        _move_in(json.loads(line), own)
        from snakemake.cli import main as snakemake

        sys.exit(snakemake())  # it ends so itself, and this process as it would
    _tell(replies, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _python_path(environment: Any) -> list[str]:
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]


def _tell(replies: TextIO, status: int) -> None:
    replies.write(f"{status}\n")
    replies.flush()


def _move_in(request: dict[str, Any], own: Sequence[str]) -> None:
    """Become ``python -m snakemake`` with the request's arguments, folder and environment."""
    files = (os.devnull, request["output"], request["errors"])
    for descriptor, file in enumerate(files):
        opened = os.open(file, os.O_WRONLY if descriptor else os.O_RDONLY)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    program = importlib.util.find_spec("snakemake.__main__")
    assert program is not None
    sys.argv = [str(program.origin), *request["arguments"]]
    sys.path[:] = [request["folder"], *_python_path(os.environ), *own]
    importlib.invalidate_caches()
    random.seed()
    tempfile.tempdir = None


if __name__ == "__main__":
    sys.exit(main())
