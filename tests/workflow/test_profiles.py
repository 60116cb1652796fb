"""The profile of a cluster: what holds for one rule that asks for a GPU holds for all."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.machine.terminal import SWITCH

ROOT = Path(__file__).parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
QUICK = ["--configfile", "config/quick.yaml"]


@pytest.fixture
def profile() -> str:
    return (ROOT / "profiles/slurm/config.yaml").read_text()


@pytest.fixture
def rules() -> str:
    return "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))


def rules_with_gpus(rules: str) -> set[str]:
    """The names of all rules that ask for a GPU, also of those that some studies do not have."""
    names_and_bodies = re.split(r"^ *rule (\w+):$", rules, flags=re.MULTILINE)[1:]
    bodies = dict(zip(names_and_bodies[::2], names_and_bodies[1::2], strict=True))
    return {name for name, body in bodies.items() if re.search(r"\bgpu=(?!0\b)", body)}


def test_every_rule_with_a_gpu_gets_what_the_first_gets(profile: str, rules: str) -> None:
    with_gpu = rules_with_gpus(rules)
    assert with_gpu >= {"restore", "trajectory", "tune"}
    edited = profile.replace("# slurm_partition: gpu", "slurm_partition: gpu")
    edited = edited.replace("# gpu_model: a100 ", "gpu_model: a100 ")
    resources = yaml.safe_load(edited)["set-resources"]
    expected = {"gpu": 1, "slurm_partition": "gpu", "gpu_model": "a100"}
    assert {rule: resources.get(rule) for rule in with_gpu} == dict.fromkeys(with_gpu, expected)


@pytest.mark.workflow
def test_no_job_asks_for_more_than_the_profile_allows(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starter: Any
) -> None:
    """Memory and time double with every attempt, up to the limits of a partition."""
    content = yaml.safe_load(profile)
    assert set(content["resources"]) == {"mem_mb", "runtime"}
    # A global limit of time would be one for all jobs together, and hold jobs back.
    assert content["set-resource-scopes"]["runtime"] == "local"
    limited = profile.replace("mem_mb: 64000", "mem_mb: 3000").replace("2880", "120")
    (tmp_path / "config.yaml").write_text(limited)
    monkeypatch.setenv(SWITCH, "snakemake")
    command = [*SNAKEMAKE, "--workflow-profile", str(tmp_path), "--dry-run", "--forceall", *QUICK]
    done = starter.run(command, ROOT, os.environ)
    assert done.returncode == 0, done.stderr
    asked = re.findall(r"^rule restore:.*?mem_mb=(\d+),.*?runtime=(\d+)", done.stdout, re.M | re.S)
    assert set(asked) == {("3000", "120")}


def test_only_what_has_an_effect_is_offered(profile: str, rules: str) -> None:
    has_environments = bool(re.search(r"^    conda:", rules, re.MULTILINE))
    assert ("[conda]" in profile) == has_environments
