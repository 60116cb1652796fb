"""The recipe of the container, as far as it can be followed without a registry of images.

What it copies is copied into an empty folder, and its last step, the installation of the package,
is run there without the network. The first two, the image of Python and the packages of the lock
file, are taken for granted: the environment of the tests was made from the same file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ddpg.jobs.same_code import VARIABLE, copies_of, package_digest, to_text

ROOT = Path(__file__).parents[2]
HERE = ["--no-index", "--no-build-isolation", "--no-compile", "--quiet"]


def section(name: str) -> list[list[str]]:
    """The lines of a section of the recipe, each as its words."""
    recipe = (ROOT / "envs/ddpg.def").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^%{name}\n((?:    .+\n)+)", recipe, re.MULTILINE)
    return [line.split() for line in body.splitlines()]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the image: what the recipe copies, and the package where pip has put it."""
    root = tmp_path_factory.mktemp("image")
    for source, target in section("files"):
        place = root / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, place)
    change, _, install = section("post")
    assert change[0] == "cd"
    assert install[:2] == ["pip", "install"]
    subprocess.run(
        [sys.executable, "-m", *install, *HERE, "--target", str(root / "packages")],
        cwd=root / change[1].lstrip("/"),
        check=True,
    )
    return root


def test_the_packages_are_those_of_the_lock_file() -> None:
    _, packages, _ = section("post")
    assert packages[:2] == ["pip", "install"]
    assert packages[-2:] == ["--requirement", "requirements.lock"]
    assert ["requirements.lock", "/opt/ddpg/requirements.lock"] in section("files")


@pytest.mark.slow
def test_the_image_holds_the_code_of_the_checkout_and_the_workflow(image: Path) -> None:
    installed = image / "packages/ddpg"
    assert package_digest(installed) == package_digest(ROOT / "ddpg")
    for part in ("Snakefile", *(f"rules/{path.name}" for path in (ROOT / "rules").glob("*"))):
        assert (installed / "__workflow__" / part).read_bytes() == (ROOT / part).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_a_job_of_the_checkouts_rules_asks_whether_the_image_agrees(
    image: Path, tmp_path: Path, same: bool
) -> None:
    told = to_text(copies_of([]))
    if not same:
        told = told.replace(package_digest(ROOT / "ddpg"), "0" * 16)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures/one.png")
    output = tmp_path / "list.tsv"
    # Every verb compares the code that it is told with its own first; this one is done soonest.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ddpg", "index-folder", "pictures", "--output", str(output)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(image / "packages"), VARIABLE: told},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == same, done.stderr
    assert output.exists() == same
    assert same or str(image / "packages/ddpg") in done.stderr
