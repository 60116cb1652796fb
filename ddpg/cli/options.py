"""What the subcommands share: how one is added, and how some options are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ddpg.errors import UserError

Run = Callable[[argparse.Namespace], int | None]
"""Carries a subcommand out; its exit status, where None is 0."""
VerbMaker = Callable[[Run, str], argparse.ArgumentParser]
"""Adds a subcommand, named after the function that runs it, with a description."""


class UsageError(UserError):
    """Wrong options or unreadable input of a subcommand whose exit status 1 means a finding."""


def add_figure(parser: argparse.ArgumentParser) -> None:
    """Add ``--output`` for a product in several formats: a path with any suffix, or without."""
    parser.add_argument(
        "--output",
        type=lambda text: Path(text.removesuffix(".pdf").removesuffix(".png")),
        required=True,
        help="one of the files, or their common path without suffix",
    )


def set_threads(threads: int | None) -> None:
    """Set torch's threads, if a number is given."""
    if threads:
        import torch

        torch.set_num_threads(threads)


def pairs(text: str) -> dict[str, str]:
    """``a=1,b=2`` as a dictionary."""
    split = [item.partition("=") for item in text.split(",") if item]
    for name, equals, _ in split:
        if not equals:
            raise UserError(f"expected NAME=VALUE, got {name!r}")
    return {name: value for name, _, value in split}
