"""What every test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REFERENCE_VARIABLE = "DDPG_REFERENCE"
"""Names the folder that holds ``images/`` and ``reference/``: pictures that may not be passed
on, and the full set of arrays, which is too large to come with the code."""

LONG = ("slurm", "workflow", "slow")
"""Marks of tests that take long, the longest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the tests to several processes of pytest-xdist so that they end at the same time.

    The tests of a file stay together, as what they share does, but for those marked ``spread``.
    What takes longest begins first, and what fills the gaps comes last.
    """
    if not hasattr(config, "workerinput"):  # one process: in the order of the files
        return
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("xdist_group", "spread")):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """The place of a test's first mark among those of long tests, whole files before others."""
    marks = (item.get_closest_marker(name) for name in LONG)
    first = next((turn for turn, mark in enumerate(marks) if mark), len(LONG))
    return first, item.get_closest_marker("spread") is not None


@pytest.fixture(scope="session", autouse=True)
def single_thread() -> Iterator[None]:
    """One thread: the tests' tensors are too small for more, and sums keep their order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """The folder of everything that does not come with the code."""
    if REFERENCE_VARIABLE not in os.environ:
        pytest.skip(f"needs what does not come with the code: no ${REFERENCE_VARIABLE}")
    return Path(os.environ[REFERENCE_VARIABLE])
