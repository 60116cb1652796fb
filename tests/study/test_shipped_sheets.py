"""Sheets that come with the workflow, beyond the default study's: every row plans and restores."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler
from ddpg.samplers.catalogue import METHODS
from ddpg.study.cost import call_cost
from ddpg.study.study import Study
from ddpg.validation import read_yaml

ROOT = Path(__file__).parents[2]
CHEAP = {"daps": {"mcmc_steps": 1}, "pnpdm": {"rho_decay": 0.5}}


def study(name: str) -> Study:
    """The sheet on the miniature of the published study, which has no large file."""
    content = read_yaml(ROOT / "config/config.yaml") | read_yaml(ROOT / "config/smoke-paper.yaml")
    content.pop("steps")
    return Study(content | {"experiments": f"config/{name}.tsv"}, name)


@pytest.fixture(autouse=True)
def _in_the_working_tree(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_method_is_on_every_cell_that_it_can_serve():
    rows = study("methods").experiments
    wanted = {name for name, method in METHODS.built_in.items() if method.asks == "noise"}
    for card in ("lens-blur", "inpaint-centre"):
        here = {row.method for row in rows if row.cell.degradation.card == card}
        needs_spectrum = {name for name in wanted if METHODS[name].needs == "spectrum"}
        # DDNM is made for observations without noise, which the blur is not.
        left_out = {*needs_spectrum, "ddnm"} if card == "lens-blur" else set()
        assert here == wanted - {"bicubic"} - left_out
    assert {row.cell.dataset for row in rows} == {"celeba_hq", "imagenet"}
    new = [row for row in rows if row.cell.degradation.card]
    assert all("sheet" not in row.origins.values() for row in new)  # recommended throughout


@pytest.mark.slow
def test_budgets_are_kept_and_used():
    counted: Counter[str] = Counter()
    for row in study("equal-compute").experiments:
        if not row.prior:
            continue
        budget = int(row.label.rpartition("-")[2])
        made = build_sampler(row.method, **row.hyper_parameters).network_evaluations
        cost = made * call_cost(row.method, row.hyper_parameters)
        assert budget / 2 < cost <= budget, row.label
        counted[row.method] += 1
    asked = {n for n, m in METHODS.built_in.items() if m.asks == "noise" and m.uses_prior}
    assert set(counted) == asked - {"ddnm"}
    assert all(count == 18 for name, count in counted.items() if name != "pnpdm")


@pytest.mark.slow
def test_small_budgets_restore():
    """Every method at its smallest budgets, on a picture of a closed-form prior."""
    operator = build_operator("sr_bicubic", 16, scale=4)
    x = 0.1 + 0.4 * SeededNoise(1, ["a"]).initial((1, 3, 16, 16))
    y = operator.forward(x) + 0.1 * SeededNoise(2, ["a"]).initial((1, 3, 4, 4))
    tried = set()
    for row in study("equal-compute").experiments:
        if row.label.rpartition("-")[2] not in ("10", "20", "50", "100"):
            continue
        if row.cell.degradation.task != "sr_bicubic":
            continue
        settings = {**row.hyper_parameters, **CHEAP.get(row.method, {})}
        restored = build_sampler(row.method, **settings).restore(
            y, operator, GaussianPrior(0.1, 0.16), sigma_y=0.05, noise=SeededNoise(0, ["a"])
        )
        assert bool(torch.isfinite(restored).all()), row.label
        tried.add(row.method)
    assert len(tried) == 17


@pytest.mark.parametrize("name", ["methods", "equal-compute", "mismatch", "exact"])
def test_labels_and_paths_are_unlike(name):
    config = {"exact": "exact.yaml", "mismatch": "mismatch.yaml"}.get(name)
    if config is None:
        found = study(name)
    else:
        content = read_yaml(ROOT / "config/config.yaml") | read_yaml(ROOT / "config" / config)
        found = Study(content, name)
    assert len(found.by_path) >= len(found.experiments)
