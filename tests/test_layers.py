"""Nothing low imports anything high, and nothing in a circle: the contracts in pyproject.toml.

What the pages say of the rooms is true.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_layers_of_the_package_hold():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_no_room_is_crowded():
    modules = (path for path in (ROOT / "ddpg").rglob("*.py") if path.name != "__init__.py")
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules)
    assert counts["ddpg"] <= 8
    assert {folder: count for folder, count in counts.items() if count > 14} == {}


def test_the_page_on_architecture_names_every_room_and_nothing_else():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = page.partition("|---|---|")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line[:40])}
    rooms = {path.stem for path in (ROOT / "ddpg").glob("[!_.]*")} | {"__main__"}
    assert named == rooms
    assert (ROOT / "docs/architecture.svg").is_file()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_what_pages_name_of_the_package_is_there(page):
    named = re.findall(r"`(ddpg/[\w./]+)`", (ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_what_any_page_names_of_the_repository_is_there():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    place = r"`((?:benchmarks|ddpg|docs|envs|examples|profiles|rules|tests)/[\w./-]+)`"
    named = {page: re.findall(place, page.read_text(encoding="utf-8")) for page in pages}
    assert sum(map(len, named.values())) > 100
    missing = {
        page.name: [p for p in paths if not (ROOT / p).exists()] for page, paths in named.items()
    }
    assert {name: paths for name, paths in missing.items() if paths} == {}
