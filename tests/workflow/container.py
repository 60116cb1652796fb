"""The container's recipe, followed as far as that goes without a registry of images.

    python tests/workflow/container.py make quick OPTIONS="--software-deployment-method apptainer"

makes the image, and runs a command in whose checkout it lies as ``envs/ddpg.sif``. An image may be
a folder for Apptainer too; a program that stands in for it runs the jobs in this one. What the
recipe copies is copied into an empty folder, and its last step, the installation of the package, is
run there without the network. The first two, the image of Python and the packages of the lock file,
are taken for granted: the environment of the tests was made from the same file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS

ROOT = Path(__file__).parents[2]
IMAGE = "envs/ddpg.sif"
"""Where the Snakefile looks for it."""
PYTHON = "usr/local/bin/python"
"""Where an image of Python has it."""
_HERE = ["--no-index", "--no-build-isolation", "--no-compile", "--quiet"]
_APPTAINER = """\
#!/bin/sh
# Stands in for apptainer. What it runs has the commands of the image, and nothing of the caller's.
[ "$1" = --version ] && echo "apptainer version 1.3.0" && exit
while [ ! -d "$1/usr/local" ]; do
    case $1 in --home | --bind | --pwd) shift ;; esac
    shift
done
echo "$@" >> "${0%/*}/calls.txt"
image=$1; shift
unset PYTHONPATH VIRTUAL_ENV
PATH="$image/usr/local/bin:/usr/bin:/bin" exec "$@"
"""


def section(name: str) -> list[list[str]]:
    """The lines of a section of the recipe, each as its words."""
    recipe = (ROOT / "envs/ddpg.def").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^%{name}\n((?:    .+\n)+)", recipe, re.MULTILINE)
    return [line.split() for line in body.splitlines()]


def make_image(root: Path) -> Path:
    """Make the root of the image: what the recipe copies, and the package where pip has put it."""
    for source, target in section("files"):
        place = root / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        copy_it = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy_it(ROOT / source, place)
    python = _add_python(root)
    change, _, install = section("post")
    assert change[0] == "cd"
    assert install[:2] == ["pip", "install"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), *install[1:], *_HERE],
        cwd=root / change[1].lstrip("/"),
        env=outside(),
        check=True,
    )
    return root


def _add_python(root: Path) -> Path:
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
    """The folder of the package in an image."""
    (package,) = (image / "usr/local/lib").glob("python3*/site-packages/ddpg")
    return package


@contextmanager
def warm_process(image: Path) -> Iterator[str]:
    """The address of a process that has imported the package of the image, to save time."""
    with patch.object(sys, "executable", str(image / PYTHON)), patch.dict(os.environ, outside()):
        os.environ.pop("PYTHONPATH", None)
        server = starting.start()
        address = os.environ[ADDRESS]
    try:
        yield address
    finally:
        server.kill()
        server.wait()


@contextmanager
def placed(image: Path, checkout: Path) -> Iterator[Path]:
    """Put an image, and what stands in for Apptainer, where a run in a checkout finds them.

    Yields:
        the file with a line for each job that was run in it.
    """
    link = checkout / IMAGE
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(image)
    with tempfile.TemporaryDirectory() as folder:
        command = Path(folder, "apptainer")
        command.write_text(_APPTAINER)
        command.chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        try:
            with patch.dict(os.environ, {"PATH": path}):
                yield Path(folder, "calls.txt")
        finally:
            link.unlink()


def main(command: Sequence[str]) -> int:
    """Run a command with the image in place, and see that jobs of it ran there.

    Returns:
        the exit status of the command; 1 where no job ran in the image.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = make_image(Path(folder).resolve() / "image")
        with warm_process(image) as address, placed(image, ROOT) as calls:
            environment = {**os.environ, ADDRESS: address, starting.SWITCH: "0"}
            status = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
            count = len(calls.read_text().splitlines()) if calls.exists() else 0
    print(f"{count} jobs ran in the image, with the rules of the checkout")
    return status or int(not count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
