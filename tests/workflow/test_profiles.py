"""The profile of a cluster: what holds for one rule that asks for a GPU holds for all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def profile() -> str:
    return (ROOT / "profiles/slurm/config.yaml").read_text()


@pytest.fixture
def rules() -> str:
    return "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))


def test_every_rule_with_a_gpu_gets_what_the_first_gets(profile: str, rules: str) -> None:
    names_and_bodies = re.split(r"^rule (\w+):$", rules, flags=re.MULTILINE)[1:]
    bodies = dict(zip(names_and_bodies[::2], names_and_bodies[1::2], strict=True))
    with_gpu = {name for name, body in bodies.items() if re.search(r"\bgpu=1\b", body)}
    assert with_gpu >= {"restore", "trajectory"}
    edited = profile.replace("# slurm_partition: gpu", "slurm_partition: gpu")
    resources = yaml.safe_load(edited)["set-resources"]
    expected = {"gpu": 1, "slurm_partition": "gpu"}
    assert {rule: resources.get(rule) for rule in with_gpu} == dict.fromkeys(with_gpu, expected)


def test_only_what_has_an_effect_is_offered(profile: str, rules: str) -> None:
    has_environments = bool(re.search(r"^    conda:", rules, re.MULTILINE))
    assert ("[conda]" in profile) == has_environments
