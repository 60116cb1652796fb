"""Every block of commands in the tutorials and how-tos does what it says.

Blocks of ``sh`` and ``python`` are run, those of a page one after the other, neighbours of
``python`` by one interpreter. A comment before a block says otherwise, with a reason::

    <!-- not run: needs a cluster -->
    <!-- run as: snakemake --cores all --dry-run -->

The second is for what would compute for minutes. Tutorials begin in a copy of the repository,
how-tos in the folder of a study; a few pictures lie in both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/tutorials/*.md"), *ROOT.glob("docs/how-to/*.md")])
FENCE = re.compile(r"(?:<!-- (not run|run as): (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
REPOSITORY = ("Snakefile", "rules", "profiles", "report", "config", "examples")
NOT_STUDY = shutil.ignore_patterns("study")
PATIENCE = 300


class Block(NamedTuple):
    """A block of commands, and what is run for it; ``""`` for nothing."""

    line: int
    language: str
    commands: str


def blocks(page: Path) -> list[Block]:
    """The blocks of commands of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        kind, what, language, commands = match.groups()
        line = text.count("\n", 0, match.start(4))
        commands = {"not run": "", "run as": what}.get(kind, commands)
        found.append(Block(line, language, commands))
    return found


WITH_COMMANDS = [page for page in PAGES if "<!-- page:" not in page.read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures that the pages name, tiny ones."""
    folder = tmp_path_factory.mktemp("materials")
    (folder / "pictures").mkdir()
    ramp = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    for name in ("photo.jpg", "other.png", "pictures/first one.png", "pictures/second.png"):
        Image.fromarray(ramp).save(folder / name)
    mask = np.full((32, 32), 255, np.uint8)
    mask[10:12] = 0
    Image.fromarray(mask).save(folder / "scratches.png")
    kernel = np.zeros((5, 5), np.uint8)
    kernel[2] = 255
    Image.fromarray(kernel).save(folder / "kernel.png")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """That of commands: a process that has everything imported does the work of ``ddpg``."""
    plugins = tmp_path_factory.mktemp("plugins")
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{plugins}:{ROOT}",
        "PLUGINS": str(plugins),
        "DDPG_BACKBONES": str(plugins / "none"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**own, ADDRESS: ""}.items():
            patch.setenv(name, value)
        server = starting.start()
        yield dict(os.environ)
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def study(materials: Path, environment: dict[str, str]) -> Path:
    """The folder of a study, as ``ddpg init`` makes it, within a copy of the materials."""
    call = ["ddpg", "init", "study", "--pictures", "pictures"]
    subprocess.run(call, cwd=materials, env=environment, check=True, stdout=subprocess.DEVNULL)
    config = materials / "study/config/config.yaml"
    config.write_text(re.sub("image_size: .*", "image_size: 64", config.read_text()))
    return materials / "study"


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest, materials: Path) -> Path:
    """Where a page's commands are run: the repository for tutorials, a study for how-tos."""
    if request.getfixturevalue("page").parent.name == "how-to":
        request.getfixturevalue("study")
        shutil.copytree(materials, tmp_path / "work")
        shutil.copytree(materials, tmp_path / "work/study", dirs_exist_ok=True, ignore=NOT_STUDY)
        return tmp_path / "work/study"
    shutil.copytree(materials, tmp_path / "work", ignore=NOT_STUDY)
    for name in REPOSITORY:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / "work" / name)
    return tmp_path / "work"


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_commands_of_a_page(page: Path, place: Path, environment: dict[str, str]) -> None:
    script = ["set -eo pipefail"]
    for language, group in groupby(blocks(page), key=lambda block: block.language):
        parts = list(group)
        commands = "\n".join(block.commands for block in parts)
        if language == "python":
            commands = f"python - <<'END OF PYTHON'\n{commands}\nEND OF PYTHON"
        script.append(f"echo '--- line {parts[0].line}' >&2\n{commands}\n")
    result = subprocess.run(
        ["bash"],
        input="\n".join(script),
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, f"{page.name}\n{result.stderr}\n{result.stdout[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_say_what_they_are(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= {"sh", "python", "yaml", "text"}
    comments = re.findall(r"<!-- (.+?) -->\n(.*)", page.read_text(encoding="utf-8"))
    assert all(c.startswith("page:") or after.startswith("```") for c, after in comments)


def test_pages_have_commands() -> None:
    assert sum(bool(block.commands) for page in WITH_COMMANDS for block in blocks(page)) > 30
