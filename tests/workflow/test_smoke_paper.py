"""The published study in miniature: 32 cells on tiny random networks, from fetching to tables."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
STUDY = ("--configfile", "config/smoke-paper.yaml")


@pytest.fixture(scope="module")
def project(shipped):
    """The shipped study, run."""
    result = shipped.snakemake(*STUDY)
    assert result.returncode == 0, result.stdout + result.stderr
    return shipped


@pytest.fixture(scope="module")
def rows(project):
    with (project.folder / "results/smoke-paper/metrics.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def of_methods(rows):
    return [row for row in rows if row["label"] != "observation"]


def test_every_run_of_the_paper_is_there(rows):
    psnr = [row for row in of_methods(rows) if row["metric"] == "psnr"]
    assert all(math.isfinite(float(row["value"])) for row in psnr)
    with (ROOT / "config/paper.tsv").open(newline="") as stream:
        lines = (line for line in stream if not line.startswith("#"))
        runs = list(csv.DictReader(lines, delimiter="\t"))
    keys = ("dataset", "task", "operator", "method")
    expected = {(*(run[k] for k in keys), float(run["sigma_y"])) for run in runs}
    assert len(expected) == 32
    assert {(*(row[k] for k in keys), float(row["sigma_y"])) for row in psnr} == expected
    assert len(psnr) == 2 * 32


def test_what_cannot_be_computed_is_empty_and_says_why(rows):
    lpips = [row for row in of_methods(rows) if row["metric"] == "lpips_alex"]
    assert len(lpips) == 2 * 32
    assert all(row["value"] == "" and "alexnet-owt-7be5be79.pth" in row["note"] for row in lpips)


def test_the_steps_of_the_configuration_count(rows):
    evaluations = {row["value"] for row in rows if row["metric"] == "network_evaluations"}
    assert evaluations == {"2"}


def test_checkpoints_are_converted_and_labels_go_with_the_pictures(project):
    made = sorted(path.parent.name for path in (project.folder / "resources/priors").glob("*/*"))
    assert made == ["smoke-adm", "smoke-adm", "smoke-ddpm"]
    observed = project.folder / "results/smoke-paper/observations/imagenet/sr_bicubic-x4-svd/0.05"
    with safe_open(observed / "shard-0.safetensors", framework="np") as stored:
        assert yaml.safe_load(stored.metadata()["labels"]) == {"chelsea": 3, "rocket": 7}


def test_ours_stand_beside_the_published_figures(project):
    with (project.folder / "results/smoke-paper/tables/published.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) >= 32
    text = (project.folder / "results/smoke-paper/tables/published.md").read_text()
    assert "31.60" in text


def test_a_second_run_has_nothing_to_do(project):
    assert project.planned(*STUDY) == {}


def test_a_cut_runs_the_same_study_on_fewer_pictures(project):
    planned = project.planned(*STUDY, "--config", "limit=1")
    assert planned["restore"] == 32
    assert "fetch_checkpoint" not in planned
