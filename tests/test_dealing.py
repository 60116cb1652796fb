"""Which tests are the quick part, and how tests are dealt to several processes.

Files stay whole but for those that are spread.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("xdist", reason="pytest-xdist is not installed")

FOLDER = Path(__file__).parent
FILE, SPREAD = "tests/priors/test_training.py", "tests/workflow/test_faults.py"


@pytest.fixture
def conftest(pytestconfig: pytest.Config) -> Any:
    """The module with what is tested here."""
    named = pytestconfig.pluginmanager.list_name_plugin()
    (found,) = (m for name, m in named if name and Path(name) == FOLDER / "conftest.py")
    return found


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


def test_a_file_that_is_spread_is_there(conftest: Any) -> None:
    assert [name for name in conftest.SPREAD if not (FOLDER / name).is_file()] == []


def test_the_quick_part_has_every_short_function(conftest: Any) -> None:
    def item(name: str, *marks: str) -> SimpleNamespace:
        return SimpleNamespace(nodeid=name, get_closest_marker=marks.__contains__)

    items = [item(f"a.py::test_x[{k}]") for k in range(5)]
    items += [item("a.py::test_y"), item("b.py::test_x[0]"), item("b.py::test_z", "slow")]
    chosen = ["a.py::test_x[0]", "a.py::test_x[4]", "a.py::test_y", "b.py::test_x[0]"]
    assert sorted(conftest._quick(items)) == chosen


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("pytestmark = pytest.mark.workflow\n", False),
        (
            "pytestmark = [\n    pytest.mark.slow,\n    pytest.mark.skipif(True, reason='')]\n",
            False,
        ),
        ("@pytest.mark.slow\ndef test_x(): ...\n", True),
        ("pytestmark = pytest.mark.usefixtures('slow')\n", True),
    ],
)
def test_files_of_long_tests_are_not_read(
    conftest: Any, tmp_path: Path, text: str, read: bool
) -> None:
    (tmp_path / "test_x.py").write_text(text)
    quick = SimpleNamespace(getoption=lambda name: name == "quick")
    ignored = conftest.pytest_ignore_collect(tmp_path / "test_x.py", quick)
    assert (ignored is None) == read
