"""A process that has imported Snakemake, and whose copies run it: 0.8 s of a core instead of 5.

    python starter.py
    python starter.py DESCRIPTOR

It reads requests from its standard input, a line of JSON each, and answers with a line: the exit
status. Where a request has this process's own PYTHONPATH, Snakemake runs in a copy of a second
process: one that has imported what the rules import of the package under test, and read the code
that they fingerprint. For any other PYTHONPATH the package is not imported yet: the copy imports
what is named there, as a new interpreter does.

With the descriptor of a socket that listens it serves those who call it there, with ``caller.py``
in place of Python, as many at once as come.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import random
import re
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]
PYTHON = "DDPG_TESTS_PYTHON"
"""Environment variable: what a copy takes for its interpreter, and starts others with."""

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
    _hold(IMPORTED)
    _find_plugins()
    if sys.argv[1:]:
        _serve(int(sys.argv[1]), own)
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
        _hold_package()
        replies = os.fdopen(answers[1], "w")
        for line in os.fdopen(requests[0]):
            _answer(line, own, replies)
        os._exit(0)
    os.close(requests[0])
    os.close(answers[1])
    return os.fdopen(requests[1], "w"), os.fdopen(answers[0])


def _find_plugins() -> None:
    """Look for Snakemake's plug-ins in all that is installed, which it does for its options."""
    from snakemake.cli import get_argument_parser

    get_argument_parser()


def _hold_package() -> None:
    """Import what the rules import of the package, find its plug-ins, and read its code."""
    _hold(_imported_by_rules())
    from ddpg.metrics.catalogue import METRICS
    from ddpg.operators.tasks import TASKS
    from ddpg.priors.cards.kinds import PRIOR_KINDS
    from ddpg.samplers.catalogue import METHODS

    for registry in (METRICS, TASKS, PRIOR_KINDS, METHODS):
        len(registry)
    _read_code()


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
    """Read all code, of which every run reads that of its jobs to fingerprint it."""
    from ddpg.files.fingerprint import PACKAGE, fingerprint

    files = (path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("[!_]*.py"))
    fingerprint(*(".".join(file.with_suffix("").parts) for file in files))


def _answer(line: str, own: Sequence[str], replies: TextIO) -> None:
    """Run a copy for a request, and tell its exit status."""
    child = os.fork()
    if child == 0:
        request = json.loads(line)
        files = (os.devnull, request["output"], request["errors"])
        modes = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
        streams = [os.open(file, mode) for file, mode in zip(files, modes, strict=True)]
        given = request["arguments"], request["folder"], request["environment"]
        _become_snakemake(*given, streams, own)
    _tell(replies, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _serve(descriptor: int, own: Sequence[str]) -> None:
    """Run copies for those who call, until this process is killed."""
    from ddpg.warm.protocol import receive_request

    _hold_package()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    with socket.socket(fileno=descriptor) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                request, streams = receive_request(connection)
                if os.fork() == 0:
                    given = request.arguments[2:], request.folder, request.environment
                    _attend(connection, given, streams, own)
            for stream in streams:
                os.close(stream)


def _attend(
    connection: socket.socket, given: Any, streams: Sequence[int], own: Sequence[str]
) -> None:
    """Run a copy for a caller, tell it the exit status, and end; the copy ends with the caller."""
    from ddpg.warm.protocol import send_status

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        connection.close()
        _become_snakemake(*given, streams, own)

    def end_with_the_caller() -> None:
        if not connection.recv(1):
            os.kill(child, signal.SIGKILL)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        send_status(connection, status)
    os._exit(0)


def _python_path(environment: Any) -> list[str]:
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]


def _tell(replies: TextIO, status: int) -> None:
    replies.write(f"{status}\n")
    replies.flush()


def _become_snakemake(
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int],
    own: Sequence[str],
) -> None:
    """Become ``python -m snakemake`` with the arguments, in the folder and the environment."""
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    program = importlib.util.find_spec("snakemake.__main__")
    assert program is not None
    sys.argv = [str(program.origin), *arguments]
    sys.executable = environment.get(PYTHON, sys.executable)
    sys.path[:] = [folder, *_python_path(os.environ), *own]
    importlib.invalidate_caches()
    random.seed()
    tempfile.tempdir = None
    from snakemake.cli import main as snakemake

    sys.exit(snakemake())  # it ends so itself, and this process as it would


if __name__ == "__main__":
    sys.exit(main())
