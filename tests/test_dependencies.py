"""The versions that pyproject.toml allows, and those that are installed."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
REQUIREMENTS = [Requirement(text) for text in PROJECT["project"]["dependencies"]]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_what_is_installed_is_allowed(requirement):
    assert version(requirement.name) in requirement.specifier


def test_the_next_snakemake_is_not_allowed():
    """What is asked of Snakemake's internals was seen in this one."""
    snakemake = next(r for r in REQUIREMENTS if r.name == "snakemake")
    following = int(version("snakemake").split(".")[0]) + 1
    assert f"{following}.0" not in snakemake.specifier


def pins(lock: str) -> dict[str, str]:
    """Each package of a lock with its version and when it is needed."""
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in " #"]
    return {requirement.name: str(requirement.specifier) for requirement in found}


def test_a_demo_needs_what_runs_studies_and_no_more():
    demo, everything = pins("requirements-demo.lock"), pins("requirements.lock")
    assert demo.items() <= everything.items()
    assert {r.name for r in REQUIREMENTS} <= demo.keys()
    extras = PROJECT["project"]["optional-dependencies"]
    others = {Requirement(text).name for texts in extras.values() for text in texts} - {"ddpg"}
    assert {"mypy", "playwright", "deepinv", "diffusers", "pytest", "ruff"} <= others
    assert not others & demo.keys()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_pytorch_may_come_from_elsewhere_without_the_libraries_of_its_other_build():
    command = ["make", "--dry-run", "--always-make", "test", "TORCH_INDEX=https://example.org/cpu"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line for line in told.splitlines() if "--requirement" in line]
    assert [line.split()[3] for line in lines] == ["requirements-demo.lock", "requirements.lock"]
    for line in lines:
        (pattern,) = re.findall(r"grep -vE '(.*?)'", line)
        assert "--extra-index-url https://example.org/cpu" in line
        gone = {name for name in pins("requirements.lock") if re.match(pattern, name)}
        assert "triton" in gone
        assert not {"torch", "torchvision"} & gone
        assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in gone)
