"""What every test shares."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

REFERENCE_VARIABLE = "DDPG_REFERENCE"
"""Names the folder that holds ``images/`` and ``reference/``: pictures that may not be passed
on, and the full set of arrays, which is too large to come with the code."""

LONG = ("slurm", "workflow", "slow")
"""Marks of tests that take long, the longest first."""

ALL_LONG = re.compile(rf"^pytestmark = \[?\s*pytest\.mark\.({'|'.join(LONG)})\b", re.MULTILINE)
"""In a file of which all tests take long."""

# The tests' tensors are too small for more threads, and sums keep their order. PyTorch reads this
# when it is imported, which takes seconds that not every test needs.
os.environ["OMP_NUM_THREADS"] = "1"

SPREAD = (
    *("workflow/test_failures.py", "workflow/test_faults.py", "workflow/test_increments.py"),
    *("workflow/test_storage.py", "workflow/test_workflow.py"),
)
"""Files whose tests share nothing that takes long, so that they may run beside one another."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="no test that is marked as long; of the cases of each other the first and the last",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not read, for the quick part, a file of which it has no test."""
    if config.getoption("quick") and collection_path.match("test_*.py"):
        return bool(ALL_LONG.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the quick part; what takes longest begins first where there are several processes."""
    if config.getoption("quick"):
        kept = _quick(items)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]
    if hasattr(config, "workerinput"):  # with one process: in the order of the files
        items.sort(key=_turn)


def _quick(items: Iterable[pytest.Item]) -> set[str]:
    """The names of the tests of the quick part."""
    short = [item for item in items if not any(map(item.get_closest_marker, LONG))]
    functions: dict[str, list[str]] = {}
    for item in short:
        functions.setdefault(item.nodeid.partition("[")[0], []).append(item.nodeid)
    return {case for cases in functions.values() for case in (cases[0], cases[-1])}


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """The place of a test's first mark among those of long tests, whole files before others."""
    marks = (item.get_closest_marker(name) for name in LONG)
    first = next((turn for turn, mark in enumerate(marks) if mark), len(LONG))
    return first, _unit(item.nodeid) == item.nodeid


def _unit(test: str) -> str:
    """The tests that are done by one process, in their order, share this name."""
    file = test.partition("::")[0]
    return test if file.endswith(SPREAD) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal whole files, as what their tests share takes long to make, but those of ``SPREAD``."""
    # The option `--dist loadgroup` would do, but with pytest 9.2 it deals single tests.
    from xdist.scheduler import LoadScopeScheduling

    class FileScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    return FileScheduling(config, log)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What a command logs to is gone with its test: the next one may have closed the terminal."""
    logger = logging.getLogger("ddpg")
    before = logger.handlers[:], logger.level
    yield
    for handler in set(logger.handlers) - set(before[0]):
        handler.close()
    logger.handlers[:], logger.level = before


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """The folder of everything that does not come with the code."""
    if REFERENCE_VARIABLE not in os.environ:
        pytest.skip(f"needs what does not come with the code: no ${REFERENCE_VARIABLE}")
    return Path(os.environ[REFERENCE_VARIABLE])


CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser"),
    "firefox": ("firefox-esr", "firefox"),
}
"""The browsers that pages are opened in: those of the system, such as Debian's."""


@pytest.fixture(scope="module", params=["chromium"])
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A browser of Playwright: Chromium, or what its test asks for.

    Playwright drives the Firefox of the system by WebDriver BiDi, which emulates no phone and no
    taste of the system: it is told when it starts that pages are to be dark.
    """
    name = request.param
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, PROGRAMS[name])), None)
    if program is None:
        pytest.skip(f"there is no {name.title()} on this machine")
    with playwright.sync_playwright() as engine:
        if name == "chromium":
            opened = engine.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        else:
            dark = {"layout.css.prefers-color-scheme.content-override": 0}
            opened = engine.firefox.launch(
                executable_path=program, channel="moz-firefox", firefox_user_prefs=dark
            )
        try:
            opened.new_context().close()
        except playwright.Error as error:
            if "unknown command" not in str(error):
                raise
            pytest.skip(f"this Playwright asks more than {name} {opened.version} knows: {error}")
        yield opened
        opened.close()
