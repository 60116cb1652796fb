"""The versions that pyproject.toml allows, and those that are installed."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
REQUIREMENTS = [Requirement(text) for text in PROJECT["project"]["dependencies"]]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_what_is_installed_is_allowed(requirement):
    assert version(requirement.name) in requirement.specifier


def test_the_next_snakemake_is_not_allowed():
    """What is asked of Snakemake's internals was seen in this one."""
    snakemake = next(r for r in REQUIREMENTS if r.name == "snakemake")
    following = int(version("snakemake").split(".")[0]) + 1
    assert f"{following}.0" not in snakemake.specifier
