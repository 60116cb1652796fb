"""A process that has imported Snakemake, and whose copies run it: 1.3 s of a core instead of 3.5.

    python starter.py

It reads requests from its standard input, a line of JSON each, and answers with a line: the exit
status. The package under test is not imported here: each copy imports what its request's
PYTHONPATH names, as a new interpreter does.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import random
import sys
import tempfile
from typing import Any, TextIO

IMPORTED = (
    *("snakemake.cli", "snakemake.assets", "snakemake.profiles", "snakemake.report"),
    *("PIL.Image", "charset_normalizer", "docutils.core", "filelock", "jinja2", "lazy_loader"),
    *("packaging.version", "pydantic", "pygments.lexers", "requests", "smart_open", "urllib3"),
    *("yte", "numpy", "yaml"),
)
"""What Snakemake and the rules import of others."""


def main() -> int:
    """Import, and run a copy for each request until there are no more.

    Returns:
        the exit status: of the starter or, in a copy, of Snakemake.
    """
    own = [path for path in sys.path if path not in _python_path(os.environ)][1:]
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _move_in(json.loads(line), own)
            from snakemake.cli import main as snakemake

            snakemake()  # ends with SystemExit, which is this process's as well
        _tell(replies, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return 0


def _python_path(environment: Any) -> list[str]:
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]


def _tell(replies: TextIO, status: int) -> None:
    replies.write(f"{status}\n")
    replies.flush()


def _move_in(request: dict[str, Any], own: list[str]) -> None:
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
