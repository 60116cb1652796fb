"""What every test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REFERENCE_VARIABLE = "DDPG_REFERENCE"
"""Names the folder that holds ``images/`` and ``reference/``: pictures that may not be passed
on, and the full set of arrays, which is too large to come with the code."""


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
