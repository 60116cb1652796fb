"""The recipe of the container, as far as ``container.py`` beside this file follows it."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ddpg.jobs.same_code import VARIABLE, copies_of, package_digest, to_text
from ddpg.warm.protocol import ADDRESS

ROOT = Path(__file__).parents[2]
MEASURED = "results/tiny/evaluations/tiny/sr_bicubic-x4-svd/0.05/ddpg/dead-leaves/shard-0.csv"


def _container() -> Any:
    path = Path(__file__).with_name("container.py")
    spec = importlib.util.spec_from_file_location("workflow_container", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


container = _container()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return container.make_image(tmp_path_factory.mktemp("image"))


def test_the_packages_are_those_of_the_lock_file() -> None:
    _, packages, _ = container.section("post")
    assert packages[:2] == ["pip", "install"]
    assert packages[-2:] == ["--requirement", "requirements.lock"]
    assert ["requirements.lock", "/opt/ddpg/requirements.lock"] in container.section("files")


@pytest.mark.slow
def test_the_image_holds_the_code_of_the_checkout_and_the_workflow(image: Path) -> None:
    package = container.installed(image)
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
        [
            image / container.PYTHON,
            "-m",
            "ddpg",
            "index-folder",
            "pictures",
            "--output",
            str(output),
        ],
        cwd=tmp_path,
        env={**container.outside(), VARIABLE: told},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == same, done.stderr
    assert output.exists() == same
    assert same or str(container.installed(image)) in done.stderr


@pytest.fixture
def contained(image: Path, fresh) -> Iterator[Callable[..., object]]:
    """Runs a study of one picture in the image, as Snakemake does that is told to."""
    fresh.configure(datasets=[{"card": "tiny", "image_size": 64, "limit": 1}])
    fresh.write_sheet([("tiny", "sr_bicubic", "0.05", "ddpg", "", "2", "10", "")])
    with container.warm_process(image) as address, container.placed(image, fresh.folder) as calls:
        fresh.starter = copy.copy(fresh.starter)
        fresh.starter.jobs = fresh.starter.jobs | {ADDRESS: address}

        def run(*targets: str):
            options = ["--software-deployment-method", "apptainer", "--show-failed-logs"]
            return fresh.snakemake(*targets, *options)

        run.folder, run.calls = fresh.folder, calls
        yield run


@pytest.mark.workflow
def test_a_study_of_the_checkout_runs_in_the_image_until_the_two_differ(
    contained, image: Path
) -> None:
    done = contained(MEASURED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ",psnr," in (contained.folder / MEASURED).read_text()
    calls = contained.calls.read_text()
    for rule in ("prepare-images", "observe", "restore", "evaluate"):
        assert f"ddpg job {rule} " in calls
    changed = container.installed(image) / "samplers" / "algorithms" / "ddpg.py"
    before = changed.read_text()
    try:
        changed.write_text(before + "\nFACTOR = 2\n")
        refused = contained(MEASURED, "--forcerun", "restore")
    finally:
        changed.write_text(before)
    assert refused.returncode != 0
    told = refused.stdout + refused.stderr
    assert "ddpg: two copies that differ" in told
    assert f"this job runs {container.installed(image)}" in told
    assert "a container is built again" in told
