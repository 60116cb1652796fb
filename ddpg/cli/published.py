"""The verb for those who come from the published repository."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from ddpg.cli.options import LateParser, VerbMaker

TITLE = "the published repository"
DESCRIPTION = """Take the flags of main.py of the published repository, github.com/tirer-lab/DDPG.

Its flags and defaults, its folders and the names of its files; what a flag becomes in a study,
and what is computed otherwise, is in docs/differences.md."""


def add_verbs(verb: VerbMaker) -> None:
    published = verb(
        _published,
        "Take the flags of the published DDPG repository; run them, or say the sheet's row.",
        "ddpg published --deg deblur_gauss --sigma_y 0.05 -i out --save_y --print-row",
    )
    published.description = DESCRIPTION
    if isinstance(published, LateParser):
        published.late = _add_options


def _add_options(parser: argparse.ArgumentParser) -> None:
    from ddpg.published.flags import add_flags

    own = parser.add_argument_group("of this command")
    own.add_argument(
        "--print-row",
        action="store_true",
        help="only print the row of a sheet, with its header and what goes with it",
    )
    own.add_argument("--device", help="such as cuda or cpu; default: a GPU where there is one")
    own.add_argument("--threads", type=int, help="of the CPU; default: all")
    add_flags(parser)


def _published(options: argparse.Namespace) -> None:
    from ddpg.published.translation import translated

    translation = translated(options)
    if options.print_row:
        from ddpg.published.printing import shown_row

        print(shown_row(translation), end="")
        return
    from ddpg.published.running import Machine, run

    logging.getLogger("ddpg").handlers[0].setLevel(options.verbose.upper())
    print("\n".join(run(translation, Machine(options.device, options.threads), _carry_out)))


def _carry_out(verb: str, words: Sequence[str]) -> None:
    """Do a job as ``ddpg job VERB`` does, in this process."""
    from ddpg.cli.jobs import VERBS

    job, function = VERBS[verb]
    parser = argparse.ArgumentParser(prog=f"ddpg job {verb}")
    job.add_options(parser)
    function(job.parsed(parser.parse_args(list(words))))
