"""What the verbs share: how one is added, and how some options are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ddpg.errors import UserError

Run = Callable[[argparse.Namespace], int | None]
"""Carries a verb out; its exit status, where None is 0."""
VerbMaker = Callable[[Run, str, str], argparse.ArgumentParser]
"""Adds a verb, named after the function that runs it, with a description and an example."""


class LateParser(argparse.ArgumentParser):
    """A parser whose arguments may be added when it is first asked to parse.

    So that a verb whose options come from much code costs nothing where another one is called.
    """

    late: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of :class:`argparse.ArgumentParser`."""
        late, self.late = self.late, None
        if late:
            late(self)
        return super().parse_known_args(args, namespace)


class UsageError(UserError):
    """Wrong options or unreadable input of a subcommand whose exit status 1 means a finding."""


def set_threads(threads: int | None) -> None:
    """Set torch's threads, if a number is given.

    Raises:
        UserError: it is below 1.
    """
    if threads is not None and threads < 1:
        raise UserError(f"--threads: must be a whole number from 1 on, got {threads}")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
