"""The command line: verbs that people type, and below ``ddpg job`` those that rules call.

Everything heavy is imported inside the verb that needs it, so that ``ddpg --help`` and bad options
answer at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import select
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ddpg.cli import datasets, development, papers, priors, protocols, published, restoring, study
from ddpg.cli.options import LateParser, Run, UsageError
from ddpg.machine.terminal import start_of_message, told_in_words
from ddpg.machine.termination import STATUS as TERMINATED
from ddpg.machine.termination import Terminated, clean_termination

PIPED = "@-"
"""An argument that stands for others: see :func:`with_piped`."""
EXPECTED = (ValueError, OSError, ArithmeticError, KeyboardInterrupt, Terminated)
"""What becomes a line on the terminal; its traceback goes to the log. Anything else is a bug."""
UNREAD = 128 + signal.SIGPIPE
"""The exit status of a command whose output nobody reads any more, as a shell has it."""
_STATUS = {UsageError: 2, KeyboardInterrupt: 130, Terminated: TERMINATED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(with_piped(given))
    from ddpg.jobs.same_code import check_code

    try:
        _start_logging(options.log)
        check_code()
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except EXPECTED as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return UNREAD
        logging.getLogger("ddpg").debug("traceback", exc_info=True)
        message = str(error) or type(error).__name__
        for line in message.splitlines():
            logging.getLogger("ddpg").error("ddpg %s: %s", options.verb, line)
        return _STATUS.get(type(error), 1)
    except Exception:
        logging.getLogger("ddpg").exception("ddpg %s: this is a bug", options.verb)
        raise
    finally:
        _log_usage()


def _nobody_reads() -> bool:
    """Whether who reads the output has gone, as ``head`` does; then no more is written to it."""
    output = select.poll()
    try:
        output.register(sys.stdout.fileno(), select.POLLOUT)
    except (OSError, ValueError):  # it is no file, as in a test
        return False
    if not any(state & select.POLLERR for _, state in output.poll(0)):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


def with_piped(arguments: Sequence[str]) -> list[str]:
    """Arguments in which ``@-`` stands for those that standard input holds, ended by zero bytes.

    Linux allows 128 kB for one argument and some 2 MB for all; what grows with pictures or rows
    comes that way. Empty ones are left out.
    """
    if PIPED not in arguments:
        return list(arguments)
    place = list(arguments).index(PIPED)
    piped = [os.fsdecode(text) for text in sys.stdin.buffer.read().split(b"\0") if text]
    return [*arguments[:place], *piped, *arguments[place + 1 :]]


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand as a process of its own does: SIGTERM ends it in good order."""
    try:
        with clean_termination():
            return main(arguments)
    except (KeyboardInterrupt, Terminated) as end:  # before there was anything to tell
        return _STATUS[type(end)]


def _start_logging(file: Path | None) -> None:
    """Messages to the terminal; with ``file``, everything down to tracebacks there too."""
    logger = logging.getLogger("ddpg")
    logger.setLevel(logging.DEBUG)
    logger.handlers.clear()
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING if file else logging.INFO)
    terminal.setFormatter(logging.Formatter(f"{start_of_message()}%(message)s"))
    if file and told_in_words():  # which then shows the errors in this log
        terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    logger.addHandler(terminal)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Emptied, then appended to: another process may still be writing to it.
        file.write_bytes(b"")
        # A file's name need not be text; in a log it is shown with escapes.
        handler = logging.FileHandler(file, mode="a", encoding="utf-8", errors="backslashreplace")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def _log_usage() -> None:
    """What the job took of the machine, as its log's last line."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10
    logger = logging.getLogger("ddpg")
    logger.debug("took %.1f s of processor time, at most %.0f MiB of memory", seconds, memory)


GROUPS = (restoring, study, protocols, papers, datasets, priors, published, development)
"""The verbs for people: each module has a title and adds its verbs."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="ddpg", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"ddpg {version('ddpg')}")
    common = LateParser(add_help=False)
    common.add_argument("--log", type=Path, help="write a log file")
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="VERB", help=argparse.SUPPRESS, parser_class=LateParser
    )
    lines = ["Diffusion image restoration, run and compared as a Snakemake workflow."]

    def verb(function: Run, description: str, example: str) -> argparse.ArgumentParser:
        name = function.__name__.strip("_").replace("_", "-")
        lines.append(f"  {name:<18} {description}\n{'':21}{example}")
        added = verbs.add_parser(
            name,
            description=description,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        added.set_defaults(run=function)
        return added

    for group in GROUPS:
        lines.append(f"\n{group.TITLE}")
        group.add_verbs(verb)
    lines += ["\nwhat rules call", "  job                One job of a study; `ddpg job --help`"]
    parser.description = "\n".join(lines)
    text = (
        "What the rules of the workflow call. `snakemake -np` prints the whole command of any job."
    )
    verbs.add_parser("job", description=text).late = lambda jobs: _add_jobs(jobs, common)
    return parser


def _add_jobs(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    from ddpg.cli.jobs import add_jobs

    add_jobs(parser, common)
