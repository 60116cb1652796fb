"""The recipe of the container, as far as it can be followed without a registry of images.

What it copies is copied into an empty folder, and its last step, the installation of the package,
is run there without the network. The first two, the image of Python and the packages of the lock
file, are taken for granted: the environment of the tests was made from the same file. An image may
be a folder for Apptainer too; a program that stands in for it runs the jobs of a study in this one.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from ddpg.jobs.same_code import VARIABLE, copies_of, package_digest, to_text
from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS

ROOT = Path(__file__).parents[2]
HERE = ["--no-index", "--no-build-isolation", "--no-compile", "--quiet"]
PYTHON = "usr/local/bin/python"
"""Where an image of Python has it."""
MEASURED = "results/tiny/evaluations/tiny/sr_bicubic-x4-svd/0.05/ddpg/dead-leaves/shard-0.csv"
APPTAINER = """\
#!/bin/sh
# Stands in for apptainer. What it runs has the commands of the image, and nothing of the caller's.
[ "$1" = --version ] && echo "apptainer version 1.3.0" && exit
while [ ! -d "$1/usr/local" ]; do
    case $1 in --home | --bind | --pwd) shift ;; esac
    shift
done
echo "$@" >> apptainer.txt
image=$1; shift
unset PYTHONPATH VIRTUAL_ENV
PATH="$image/usr/local/bin:/usr/bin:/bin" exec "$@"
"""


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
        copy_it = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy_it(ROOT / source, place)
    python = add_python(root)
    change, _, install = section("post")
    assert change[0] == "cd"
    assert install[:2] == ["pip", "install"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), *install[1:], *HERE],
        cwd=root / change[1].lstrip("/"),
        env=outside(),
        check=True,
    )
    return root


def add_python(root: Path) -> Path:
    """Give the image a Python with the packages of this one, but not with this ``ddpg``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "usr/local"], check=True)
    # What is named here is searched last, and what it would import in addition is not.
    (packages,) = (root / "usr/local/lib").glob("python3*/site-packages")
    (packages / "lock.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return root / PYTHON


def outside() -> dict[str, str]:
    """The environment of this process without what it says of where packages are."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def installed(image: Path) -> Path:
    (package,) = (image / "usr/local/lib").glob("python3*/site-packages/ddpg")
    return package


def test_the_packages_are_those_of_the_lock_file() -> None:
    _, packages, _ = section("post")
    assert packages[:2] == ["pip", "install"]
    assert packages[-2:] == ["--requirement", "requirements.lock"]
    assert ["requirements.lock", "/opt/ddpg/requirements.lock"] in section("files")


@pytest.mark.slow
def test_the_image_holds_the_code_of_the_checkout_and_the_workflow(image: Path) -> None:
    package = installed(image)
    assert package_digest(package) == package_digest(ROOT / "ddpg")
    for part in ("Snakefile", *(f"rules/{path.name}" for path in (ROOT / "rules").glob("*"))):
        assert (package / "__workflow__" / part).read_bytes() == (ROOT / part).read_bytes()


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
        [image / PYTHON, "-m", "ddpg", "index-folder", "pictures", "--output", str(output)],
        cwd=tmp_path,
        env={**outside(), VARIABLE: told},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == same, done.stderr
    assert output.exists() == same
    assert same or str(installed(image)) in done.stderr


@pytest.fixture
def warm_image(image: Path) -> Iterator[str]:
    """The address of a process that has imported the package of the image, to save time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(image / PYTHON))
        patch.delenv("PYTHONPATH", raising=False)
        patch.setenv(ADDRESS, "")
        server = starting.start()
        address = os.environ[ADDRESS]
    yield address
    server.kill()
    server.wait()


@pytest.fixture
def contained(image: Path, warm_image: str, fresh, monkeypatch) -> Callable[..., object]:
    """Runs a study of one picture in the image, as Snakemake does that is told to."""
    commands = fresh.folder / "commands"
    commands.mkdir()
    (commands / "apptainer").write_text(APPTAINER)
    (commands / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    (fresh.folder / "envs").mkdir()
    (fresh.folder / "envs/ddpg.sif").symlink_to(image)
    fresh.starter = copy.copy(fresh.starter)
    fresh.starter.jobs = fresh.starter.jobs | {ADDRESS: warm_image}
    fresh.configure(datasets=[{"card": "tiny", "image_size": 64, "limit": 1}])
    fresh.write_sheet([("tiny", "sr_bicubic", "0.05", "ddpg", "", "2", "10", "")])

    def run(*targets: str):
        options = ["--software-deployment-method", "apptainer", "--show-failed-logs"]
        return fresh.snakemake(*targets, *options)

    run.folder = fresh.folder
    return run


@pytest.mark.workflow
def test_a_study_of_the_checkout_runs_in_the_image_until_the_two_differ(
    contained, image: Path
) -> None:
    done = contained(MEASURED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ",psnr," in (contained.folder / MEASURED).read_text()
    calls = (contained.folder / "apptainer.txt").read_text()
    for rule in ("prepare-images", "observe", "restore", "evaluate"):
        assert f"ddpg job {rule} " in calls
    changed = installed(image) / "samplers" / "algorithms" / "ddpg.py"
    before = changed.read_text()
    try:
        changed.write_text(before + "\nFACTOR = 2\n")
        refused = contained(MEASURED, "--forcerun", "restore")
    finally:
        changed.write_text(before)
    assert refused.returncode != 0
    told = refused.stdout + refused.stderr
    assert "ddpg: two copies that differ" in told
    assert f"this job runs {installed(image)}" in told
    assert "a container is built again" in told
