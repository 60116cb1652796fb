"""How tests are dealt to several processes: files stay whole but for those that are spread."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("xdist", reason="pytest-xdist is not installed")

FOLDER = Path(__file__).parent
FILE, SPREAD = "tests/priors/test_training.py", "tests/workflow/test_faults.py"


class Worker:
    """Notes which tests of the collection it is sent."""

    def __init__(self, name: str) -> None:
        self.gateway, self.shutting_down = SimpleNamespace(id=name), False
        self.sent: list[list[int]] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent.append(indices)

    def shutdown(self) -> None:
        self.shutting_down = True


def dealt(hook: Any, tests: list[str]) -> list[list[list[int]]]:
    """What each of two workers is sent at first."""
    option = SimpleNamespace(loadscopereorder=False)
    config = SimpleNamespace(getvalue=lambda _name: ["2*popen"], option=option)
    scheduling = hook.pytest_xdist_make_scheduler(config=config, log=None)
    workers = [Worker(name) for name in "ab"]
    for worker in workers:
        scheduling.add_node(worker)
        scheduling.add_node_collection(worker, tests)
    scheduling.schedule()
    return [worker.sent for worker in workers]


def test_a_file_stays_whole(pytestconfig: pytest.Config) -> None:
    tests = [f"{FILE}::test_{k}[a::b]" for k in range(4)] + ["tests/test_noise.py::test_x"]
    assert dealt(pytestconfig.hook, tests) == [[[0, 1, 2, 3]], [[4]]]


def test_tests_that_share_nothing_are_spread(pytestconfig: pytest.Config) -> None:
    tests = [f"{SPREAD}::test_{k}[a::b]" for k in range(4)]
    assert dealt(pytestconfig.hook, tests) == [[[0], [2]], [[1], [3]]]


def test_a_file_that_is_spread_is_there(pytestconfig: pytest.Config) -> None:
    (conftest,) = (
        plugin
        for name, plugin in pytestconfig.pluginmanager.list_name_plugin()
        if name and Path(name) == FOLDER / "conftest.py"
    )
    assert [name for name in conftest.SPREAD if not (FOLDER / name).is_file()] == []
